import { Connection, type ChannelAccess } from '../../src/client/connection.js';
import { systemRandom } from '../../src/crypto/random.js';
import type { Identity } from '../../src/protocol/identity.js';
import { realEffects } from './effects.js';

/** Someone with a login of their own who puts bytes into channels they can write to. */
export async function intrude(identity: Identity, url: string) {
  let online: () => void;
  const ready = new Promise<void>((resolve) => (online = resolve));
  const connection = new Connection(identity, realEffects(url), {
    state: () => undefined,
    ready: () => online(),
    item: () => undefined,
    live: () => undefined,
    gap: () => undefined,
    clock: () => undefined,
  });
  connection.connect();
  await ready;
  return {
    publish: (access: ChannelAccess, envelope: Uint8Array) =>
      connection.publish(access, systemRandom(16), envelope),
    prekey: (fingerprint: Uint8Array) => connection.getPrekey(fingerprint),
    close: () => connection.stop(),
  };
}

export const inboxOf = ({ card }: Identity): ChannelAccess => ({
  channel: { kind: 'inbox', key: card.fingerprint },
});
