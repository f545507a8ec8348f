import { mkdir, readFile } from 'node:fs/promises';
import { toHex } from '../crypto/bytes.js';
import { systemRandom } from '../crypto/random.js';
import { UserError } from '../protocol/errors.js';
import { announce, withdraw } from './announce.js';
import type { Context } from './context.js';
import { lockFolder } from './folderLock.js';
import { Hub } from './hub.js';
import { stderrLog as log } from './log.js';
import { openJournalStore, openMemoryStore, type OpenStore } from './openStore.js';
import { HELP, parseOptions, type Options } from './options.js';
import { Relay } from './relay.js';
import { Ticker } from './ticker.js';

const clock = Date.now;
const random = systemRandom;

async function openStore({ data, limits }: Options): Promise<OpenStore> {
  const setting = { limits, clock, random, log };
  if (data === undefined) return openMemoryStore(setting);
  await mkdir(data, { recursive: true, mode: 0o700 });
  await lockFolder(data);
  return openJournalStore(data, setting, (error) =>
    exit(1, `The relay stops: it cannot write to ${data}. ${String(error)}`),
  );
}

async function listen(options: Options, context: Context): Promise<Relay> {
  const { tls, port, host } = options;
  const settings = {
    ...options,
    tls: tls && { cert: await readFile(tls.cert), key: await readFile(tls.key) },
  };
  try {
    return await Relay.listen(settings, context);
  } catch (error) {
    if (!options.anyPort || !(error instanceof UserError) || error.code !== 'port-taken') throw error;
    process.stderr.write(`Port ${port} on ${host} is taken by something else; taking a free one.\n`);
    return Relay.listen({ ...settings, port: 0 }, context);
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { limits } = options;
  const opened = await openStore(options);
  const { store } = opened;
  const relay = await listen(options, {
    store,
    hub: new Hub(),
    ticker: new Ticker(),
    limits,
    clock,
    random,
    log,
  });
  const ticking = setInterval(() => relay.tick(), 1000);
  const { announce: file } = options;
  const announcement = { port: relay.port, pid: process.pid, relayId: toHex(store.ids.relayId) };

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log('stopping', { signal });
    if (file !== undefined) await withdraw(file, announcement);
    await relay.stop();
    clearInterval(ticking);
    await opened.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void stop(signal));

  if (file !== undefined) await announce(file, announcement);
  process.stdout.write(`Relay listening on ${relay.url}\n`);
}

/** Codes: 1 something broke, 2 it could not start as asked. */
function exit(code: 1 | 2, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

main().catch((error: unknown) => {
  if (error instanceof UserError) exit(2, error.message);
  exit(1, `The relay could not start: ${String(error)}`);
});
