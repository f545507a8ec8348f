import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { SqlJsStatic } from 'sql.js';
import { ProtocolError } from '../protocol/errors.js';
import { hasCode } from './files.js';
import { fileName, listFolder, type Listing } from './folder.js';
import type { HistoryKeeper } from './history.js';
import type { Place } from './images.js';
import { readJournal } from './journal.js';
import { chainFrom, type FoundJournal, type JournalPart } from './journalChain.js';
import { decodeChanges, decodeHead, SLICE, type Head } from './records.js';
import { ReplayDb } from './replayDb.js';
import { sealedJournal } from './sealedJournal.js';

/** So often at most does a former owner who completes a checkpoint remove files under the reader. */
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
  const list = () => listFolder(place.dir, place.files);
  for (let attempt = 1; ; attempt++) {
    const listing = await list();
    try {
      const found = await readAll(place, history, listing, below);
      if (!found.damaged || attempt === ATTEMPTS || isDeepStrictEqual(await list(), listing))
        return await build(sql, history, found);
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, 'ENOENT')) throw error;
    }
  }
}

interface Found {
  readonly image: Uint8Array | undefined;
  readonly forReplay: readonly JournalPart[];
  readonly forHistory: readonly JournalPart[];
  readonly last: JournalPart | undefined;
  readonly damaged: boolean;
}

async function readAll(
  place: Place,
  history: HistoryKeeper,
  listing: Listing,
  below: number,
): Promise<Found> {
  const { replay: image, history: kept } = await history.load(listing);
  const journals = new Map<number, FoundJournal>();
  for (const number of listing.journal)
    if (number >= Math.min(image.number, kept.number) && number < below)
      journals.set(number, await readOne(place, number));
  const replay = chainFrom(image.number, journals);
  const entries = chainFrom(kept.number, journals);
  const last = replay.parts.at(-1) ?? entries.parts.at(-1);
  // What its owner had written and not synced was read too, and will be built upon.
  if (last) await syncJournal(place, last.number);
  return {
    image: image.image,
    forReplay: replay.parts,
    forHistory: entries.parts,
    last,
    damaged: image.damaged || kept.damaged || !replay.whole || !entries.whole,
  };
}

async function readOne({ dir, storageKey, files }: Place, number: number): Promise<FoundJournal> {
  const path = join(dir, fileName('journal', number));
  const { records, end } = await readJournal(path, sealedJournal(storageKey, number), files);
  const [first, ...rest] = records;
  try {
    const head = first && decodeHead(first);
    const behind = rest.map((data) => ({ data, changes: decodeChanges(data) }));
    return { head, records: behind, damaged: end === 'damaged' };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { head: undefined, records: [], damaged: true };
  }
}

async function syncJournal({ dir, files }: Place, number: number): Promise<void> {
  const handle = await files.open(join(dir, fileName('journal', number)), 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function build(sql: SqlJsStatic, history: HistoryKeeper, found: Found): Promise<Recovered> {
  const { image, forReplay, forHistory, last, damaged } = found;
  await setImmediate();
  const replay = new ReplayDb(sql, image);
  await setImmediate();
  const changes = forReplay.flatMap(({ records }) => records.flatMap((record) => record.changes));
  for (let at = 0; at < changes.length; at += SLICE) {
    replay.apply(changes.slice(at, at + SLICE));
    await setImmediate();
  }
  const parts = new Map([...forHistory, ...forReplay].map((part) => [part.number, part]));
  for (const part of [...parts.values()].sort((a, b) => a.number - b.number))
    history.apply(
      part.records.map(({ data }) => data),
      !forReplay.includes(part),
    );
  // An owner who committed nothing did nothing about what it found either.
  const inherited = last?.records.length === 0 ? last.head.condition : 'clean';
  return {
    replay,
    head: {
      previous: last?.number ?? 0,
      count: last ? 1 + last.records.length : 0,
      condition: damaged ? 'damaged' : inherited,
    },
    records: forReplay.reduce((sum, part) => sum + 1 + part.records.length, 0),
  };
}
