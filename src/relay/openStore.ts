import { readdir, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Random } from '../crypto/random.js';
import { ProtocolError } from '../protocol/errors.js';
import { checksumSeal, readJournal } from '../store/journal.js';
import { JournalWriter } from './journalWriter.js';
import type { Limits } from './limits.js';
import type { Log } from './log.js';
import { Replay } from './replay.js';
import { memoryOnly, Store } from './store.js';
import type { Clock } from '../shared/tokenBucket.js';

export interface StoreSetting {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface OpenStore {
  readonly store: Store;
  /** Waits for what was put. */
  close(): Promise<void>;
}

const JOURNAL_NAME = /^\d{8}\.journal(\.damaged)?$/;

/** A store that ends with the process. */
export function openMemoryStore({ limits, clock, random }: StoreSetting): OpenStore {
  const ids = { relayId: random(32), storeId: random(32) };
  return { store: new Store(ids, limits, clock, memoryOnly), close: () => Promise.resolve() };
}

/**
 * The store in a folder, which must be locked. A file's last record that is not whole is cut. If files are damaged
 * otherwise they are set aside, and an empty store starts. `fail` hears of what the disk refuses later on. Throws the
 * disk's errors.
 */
export async function openJournalStore(
  folder: string,
  setting: StoreSetting,
  fail: (error: unknown) => void,
): Promise<OpenStore> {
  const { limits, clock, random, log } = setting;
  const names = (await readdir(folder)).filter((name) => JOURNAL_NAME.test(name)).sort();
  const paths = names.filter((name) => name.endsWith('.journal')).map((name) => join(folder, name));
  const number = parseInt(names.at(-1) ?? '0') + 1;

  const build = async (earlier: readonly string[]) => {
    const replay = new Replay();
    let bytes = 0;
    for (const path of earlier) {
      const { records, end } = await readJournal(path, checksumSeal);
      if (end === 'damaged') throw new ProtocolError('malformed', 'The journal is damaged.');
      if (end === 'torn') log('cut', { file: basename(path), why: '"the last record was not whole"' });
      replay.add(records);
      bytes += (await stat(path)).size;
    }
    const ids = replay.ids ?? { relayId: random(32), storeId: random(32) };
    const writer = new JournalWriter(folder, ids, number, earlier, bytes, fail);
    const store = new Store(ids, limits, clock, writer);
    replay.into(store);
    return { writer, store };
  };

  const { writer, store } = await build(paths).catch(async (error: unknown) => {
    if (!(error instanceof ProtocolError)) throw error;
    for (const path of paths) await rename(path, `${path}.damaged`);
    log('damaged', {
      files: paths.length,
      why: JSON.stringify(error.message),
      now: '"set aside, starting empty"',
    });
    return build([]);
  });
  await writer.nextFile();
  store.sweep();
  return { store, close: () => writer.close() };
}
