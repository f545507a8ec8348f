import { join } from 'node:path';
import type { SqlJsStatic } from 'sql.js';
import { ProtocolError } from '../protocol/errors.js';
import { hasCode } from './files.js';
import { fileName, numbersOf } from './folder.js';
import type { HistoryKeeper } from './history.js';
import { newestImage, type Place } from './images.js';
import { readJournal, type JournalContent } from './journal.js';
import { decodeChanges, decodeHead, type Head } from './records.js';
import { ReplayDb } from './replayDb.js';
import type { Change } from './schema.js';
import { sealedJournal } from './sealedJournal.js';

/** Of one journal: what every record that counts changes. */
interface Part {
  readonly number: number;
  readonly head: Head;
  readonly changes: readonly (readonly Change[])[];
}

/** Times the files may be removed under the reader by a former owner who is just completing a checkpoint. */
const ATTEMPTS = 10;

export interface Recovered {
  readonly replay: ReplayDb;
  /** For the head of the new journal. */
  readonly head: Head;
  /** Records that are in no image. */
  readonly records: number;
}

/**
 * Builds both databases from their newest images and from the journals with lower numbers than `below`. Each gets
 * everything that came before the first damage, and nothing behind it. Throws UserError 'newer-version' and the disk's
 * errors.
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
  const oldest = Math.min(image.number, kept.number);
  const parts = new Map<number, Part>();
  for (const number of await numbersOf('journal', dir, files))
    if (number >= oldest && number < below) parts.set(number, await readPart(place, number));
  const forReplay = readableFrom(image.number, parts);
  const forHistory = readableFrom(kept.number, parts);
  const last = (forReplay.parts.length > 0 ? forReplay : forHistory).parts.at(-1);
  // What a former owner had written and not synced was read too, and will be built upon.
  if (last) await syncFile(place, last.number);

  const replay = new ReplayDb(sql, image.image);
  replay.apply(forReplay.parts.flatMap(({ changes }) => changes.flat()));
  const entries = [...new Set([...forHistory.parts, ...forReplay.parts])];
  history.apply(
    entries
      .flatMap(({ changes }) => changes.flat())
      .flatMap((change) => ('history' in change ? [change.history] : [])),
  );

  const damaged = image.damaged || kept.damaged || !forReplay.whole || !forHistory.whole;
  // Whoever had it open and committed nothing did nothing about its condition either.
  const inherited = last?.changes.length === 0 ? last.head.condition : 'clean';
  return {
    replay,
    head: {
      previous: last?.number ?? 0,
      count: last ? 1 + last.changes.length : 0,
      condition: damaged ? 'damaged' : inherited,
    },
    records: parts.size
  };
}
