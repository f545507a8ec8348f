import { join } from 'node:path';
import type { SqlJsStatic } from 'sql.js';
import { ProtocolError } from '../protocol/errors.js';
import { hasCode } from './files.js';
import { fileName, numbersOf } from './folder.js';
import type { HistoryKeeper } from './historyPort.js';
import { newestImage, type Place } from './images.js';
import { readJournal, type JournalContent } from './journal.js';
import { decodeChanges, decodeHead, type Head } from './records.js';
import { ReplayDb } from './replayDb.js';
import type { Change } from './schema.js';
import { sealedJournal } from './sealedJournal.js';

/** Times the files may be removed under the reader by a former owner who is just completing a checkpoint. */
const ATTEMPTS = 10;

export interface Recovered {
  readonly replay: ReplayDb;
  /** For the head of the new journal. */
  readonly head: Head;
  /** Records that are in no image. */
  readonly records: number;
}

interface Part extends JournalContent {
  readonly number: number;
  /** Undefined if the file is not there or its first record can't be read. */
  readonly head: Head | undefined;
  /** How many of its records count. */
  readonly limit: number;
}

/**
 * Builds both databases from the newest images and the journals with lower numbers than `below`. Everything before the
 * first damage is applied, nothing after it. Throws UserError 'newer-version' and the disk's errors.
 */
export async function recover(
  place: Place,
  sql: SqlJsStatic,
  history: HistoryKeeper,
  below: number,
): Promise<Recovered> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptRecovery(place, sql, history, below);
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, 'ENOENT')) throw error;
    }
  }
}

async function attemptRecovery(
  place: Place,
  sql: SqlJsStatic,
  history: HistoryKeeper,
  below: number,
): Promise<Recovered> {
  const { dir, files } = place;
  const image = await newestImage(place, 'replay', await numbersOf('replay', dir, files));
  const kept = await history.load(await numbersOf('history', dir, files));
  const base = kept.damaged ? image.number : Math.min(image.number, kept.number);
  const parts = new Map<number, Part>();
  for (const number of await numbersOf('journal', dir, files))
    if (number >= base && number < below) parts.set(number, await readPart(place, number));
  const chain = chainOf(parts, base);
  await syncLast(place, chain);

  const continues = (number: number): boolean =>
    number === 0 ? chain[0]?.head?.previous === 0 : chain.some((part) => part.number === number);
  const replayable = continues(image.number);
  let damaged = image.damaged || kept.damaged || !replayable || !continues(kept.number);

  const replay = new ReplayDb(sql, image.image);
  let head: Head = { previous: 0, count: 0, condition: 'clean' };
  let records = 0;
  for (const part of chain) {
    const { changes, whole } = changesOf(part);
    if (part.head) {
      const count = 1 + changes.length;
      // Whoever opened it before and committed nothing did nothing about it either.
      head = { previous: part.number, count, condition: count === 1 ? part.head.condition : 'clean' };
      records += count;
    }
    if (replayable && part.number >= image.number) replay.apply(changes.flat());
    if (part.number >= kept.number)
      history.apply(changes.flat().flatMap((change) => ('history' in change ? [change.history] : [])));
    if (!whole) {
      damaged = true;
      break;
    }
  }
  return { replay, head: damaged ? { ...head, condition: 'damaged' } : head, records };
}

async function readPart(place: Place, number: number): Promise<Part> {
  const path = join(place.dir, fileName('journal', number));
  const content = await readJournal(path, sealedJournal(place.storageKey, number), place.files);
  const [first] = content.records;
  return { number, ...content, head: first && decodeHead(first), limit: Infinity };
}

/** The journals that count, ascending: back from the newest, each head naming the one before, as far as `base`. */
function chainOf(parts: ReadonlyMap<number, Part>, base: number): Part[] {
  // One without a whole record was never used: its owner crashed while creating it.
  const used = [...parts.values()].filter(({ head, end }) => head || end === 'damaged');
  const chain: Part[] = [];
  let number = used.at(-1)?.number ?? 0;
  let limit = Infinity;
  while (number > 0) {
    const missing: Part = { number, records: [], end: 'damaged', head: undefined, limit };
    const part: Part = { ...(parts.get(number) ?? missing), limit };
    chain.unshift(part);
    if (number <= base) break;
    const before = used.findLast((each) => each.number < part.number)?.number ?? 0;
    ({ previous: number, count: limit } = part.head ?? { previous: before, count: Infinity });
  }
  return chain;
}

/** What a former owner wrote and didn't sync yet has been read and will be built upon. */
async function syncLast({ dir, files }: Place, chain: readonly Part[]): Promise<void> {
  const last = chain.at(-1);
  if (!last) return;
  const handle = await files.open(join(dir, fileName('journal', last.number)), 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

function changesOf({ head, records, end, limit }: Part): { changes: (readonly Change[])[]; whole: boolean } {
  const changes: (readonly Change[])[] = [];
  if (!head) return { changes, whole: false };
  try {
    for (const record of records.slice(1, limit)) changes.push(decodeChanges(record));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { changes, whole: false };
  }
  return { changes, whole: limit === Infinity ? end !== 'damaged' : changes.length + 1 >= limit };
}
