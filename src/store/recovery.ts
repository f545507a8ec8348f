import { join } from 'node:path';
import type { SqlJsStatic } from 'sql.js';
import { ProtocolError } from '../protocol/errors.js';
import { hasCode } from './files.js';
import { fileName, numbersOf } from './folder.js';
import type { HistoryKeeper } from './history.js';
import { newestImage, type Place } from './images.js';
import { readJournal } from './journal.js';
import { decodeChanges, decodeHead, type Head } from './records.js';
import { ReplayDb } from './replayDb.js';
import type { Change } from './schema.js';
import { sealedJournal } from './sealedJournal.js';

/** Times the files may be removed under the reader by a former owner who is just completing a checkpoint. */
const ATTEMPTS = 10;

export interface Recovered {
  readonly replay: ReplayDb;
  /** For the new journal. */
  readonly head: Head;
  /** Records that are in no image. */
  readonly records: number;
}

/**
 * Builds both databases from their newest images and from the journals with lower numbers than `below`. Each gets
 * everything that came before the first damage. Throws UserError 'newer-version' and the disk's errors.
 */
export async function recover(
  place: Place,
  sql: SqlJsStatic,
  history: HistoryKeeper,
  below: number,
): Promise<Recovered> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await recoverOnce(place, sql, history, below);
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, 'ENOENT')) throw error;
    }
  }
}

async function recoverOnce(
  place: Place,
  sql: SqlJsStatic,
  history: HistoryKeeper,
  below: number,
): Promise<Recovered> {
  const { dir, files } = place;
  const image = await newestImage(place, 'replay', await numbersOf('replay', dir, files));
  const kept = await history.load(await numbersOf('history', dir, files));
  const journals = new Map<number, FoundJournal>();
  for (const number of await numbersOf('journal', dir, files))
    if (number >= Math.min(image.number, kept.number) && number < below)
      journals.set(number, await readOne(place, number));
  const forReplay = readableFrom(image.number, journals);
  const forHistory = readableFrom(kept.number, journals);
  const last = (forReplay.parts.length > 0 ? forReplay : forHistory).parts.at(-1);
  // What its owner had written and not synced was read too, and will be built upon.
  if (last) await syncFile(join(dir, fileName('journal', last.number)), place);

  const replay = new ReplayDb(sql, image.image);
  replay.apply(forReplay.parts.flatMap(({ changes }) => changes.flat()));
  const parts = new Map([...forHistory.parts, ...forReplay.parts].map((part) => [part.number, part]));
  history.apply(
    [...parts.values()]
      .flatMap(({ changes }) => changes.flat())
      .flatMap((change) => ('history' in change ? [change.history] : [])),
  );

  const damaged = image.damaged || kept.damaged || !forReplay.whole || !forHistory.whole;
  // An owner who committed nothing did nothing about what it found either.
  const inherited = last?.changes.length === 0 ? last.head.condition : 'clean';
  return {
    replay,
    head: {
      previous: last?.number ?? 0,
      count: last ? 1 + last.changes.length : 0,
      condition: damaged ? 'damaged' : inherited,
    },
    records: forReplay.parts.reduce((sum, { changes }) => sum + 1 + changes.length, 0),
  };
}

/** A journal as it was read. */
interface FoundJournal {
  /** Undefined if there is no whole record. */
  readonly head: Head | undefined;
  readonly changes: readonly (readonly Change[])[];
  /** There was more that can't be read. */
  readonly damaged: boolean;
}

async function readOne({ dir, storageKey, files }: Place, number: number): Promise<FoundJournal> {
  const path = join(dir, fileName('journal', number));
  const { records, end } = await readJournal(path, sealedJournal(storageKey, number), files);
  const [first, ...rest] = records;
  const changes: (readonly Change[])[] = [];
  try {
    const head = first && decodeHead(first);
    for (const record of rest) changes.push(decodeChanges(record));
    return { head, changes, damaged: end === 'damaged' };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { head: undefined, changes: [], damaged: true };
  }
}

interface Readable {
  readonly parts: {
    readonly number: number;
    readonly head: Head;
    readonly changes: FoundJournal['changes'];
  }[];
  /** Nothing is missing. */
  readonly whole: boolean;
}

/** The records that count behind the image of a number, up to the first damage. */
function readableFrom(image: number, journals: ReadonlyMap<number, FoundJournal>): Readable {
  // A journal without a whole record was never used: its owner crashed while creating it.
  const used = [...journals].flatMap(([number, { head, damaged }]) => (head || damaged ? [number] : []));
  const chain: { number: number; limit: number }[] = [];
  // Back from the newest: each head names the journal before it, and how many of its records count.
  let number = used.at(-1) ?? 0;
  let limit = Infinity;
  while (number > 0) {
    chain.unshift({ number, limit });
    if (number <= image) break;
    const before = used.findLast((other) => other < number) ?? 0;
    ({ previous: number, count: limit } = journals.get(number)?.head ?? {
      previous: before,
      count: Infinity,
    });
  }
  const parts: Readable['parts'] = [];
  if (number !== image || chain.length === 0) return { parts, whole: false };
  for (const { number, limit } of chain) {
    const { head, changes, damaged } = journals.get(number) ?? {};
    if (!head || !changes) return { parts, whole: false };
    parts.push({ number, head, changes: changes.slice(0, limit - 1) });
    if (limit === Infinity ? damaged : changes.length < limit - 1) return { parts, whole: false };
  }
  return { parts, whole: true };
}

async function syncFile(path: string, { files }: Place): Promise<void> {
  const handle = await files.open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
