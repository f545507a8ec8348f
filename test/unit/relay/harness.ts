import { systemRandom } from '../../../src/crypto/random.js';
import type { Context } from '../../../src/relay/context.js';
import { Hub } from '../../../src/relay/hub.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/relay/limits.js';
import { Relay, type RelaySettings } from '../../../src/relay/relay.js';
import { memoryOnly, Store, type Keeper } from '../../../src/relay/store.js';
import { Ticker } from '../../../src/relay/ticker.js';
import { RawRelayClient, type LoginKeys } from '../../helpers/rawRelayClient.js';

export interface Harness {
  readonly relay: Relay;
  readonly store: Store;
  readonly hub: Hub;
  /** Lines of the log. */
  readonly lines: string[];
  /** The relay's clock, ms; moves only by hand. */
  now: number;
  login(keys: LoginKeys): Promise<RawRelayClient>;
  /** Stops what was started. */
  end(): Promise<void>;
}

export interface HarnessOptions {
  readonly limits?: Partial<Limits>;
  readonly settings?: Partial<RelaySettings>;
  readonly keeper?: Keeper;
}

export const ids = { relayId: new Uint8Array(32).fill(1), storeId: new Uint8Array(32).fill(2) };

/** A relay in this process, on a free port, with a clock that stands still. */
export async function startRelay({
  limits: some,
  settings,
  keeper = memoryOnly,
}: HarnessOptions = {}): Promise<Harness> {
  const limits = { ...DEFAULT_LIMITS, ...some };
  const clients: RawRelayClient[] = [];
  const hub = new Hub();
  const lines: string[] = [];
  const time = { now: 1_700_000_000_000 };
  const clock = () => time.now;
  const store = new Store(ids, limits, clock, keeper);
  const context: Context = {
    store,
    hub,
    ticker: new Ticker(),
    limits,
    clock,
    random: systemRandom,
    log: (event, details) => lines.push(`${event} ${JSON.stringify(details ?? {})}`),
  };
  const relay = await Relay.listen(
    { host: '127.0.0.1', port: 0, origins: [], behindProxy: false, allowWebOrigin: false, ...settings },
    context,
  );
  return Object.assign(time, {
    relay,
    store,
    hub,
    lines,
    login: async (keys: LoginKeys) => {
      const client = await RawRelayClient.login(relay.url, keys);
      clients.push(client);
      return client;
    },
    end: async () => {
      for (const { socket } of clients) socket.terminate();
      await relay.stop();
    },
  });
}
