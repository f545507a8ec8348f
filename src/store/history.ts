import type { SqlJsStatic } from 'sql.js';
import { HistoryDb, type HistoryPage } from './historyDb.js';
import { newestImage, writeImage, type FoundImage, type ImageKind, type Place } from './images.js';
import { decodeChanges, historyIn } from './records.js';
import { ReplayDb } from './replayDb.js';

/** Reads the history. */
export interface HistoryPort {
  /** The last `limit` entries of a chat before position `before`, or at the end. */
  page(chat: Uint8Array, before: number | undefined, limit: number): Promise<HistoryPage>;
}

/** What the store asks of whoever keeps the history and writes the images. Calls take effect in their order. */
export interface HistoryKeeper extends HistoryPort {
  /** Opens the newest of the images with these numbers (ascending) that are whole; `number` is 0 if there is none. */
  load(images: Record<ImageKind, readonly number[]>): Promise<Record<ImageKind, FoundImage>>;
  /** Follows records that were committed; with `historyOnly` their other changes are in the image already. */
  apply(records: readonly Uint8Array[], historyOnly?: boolean): void;
  /** Writes both databases' images of this number, as they are at the call. */
  save(number: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps the history, and a copy of the replay database to make its images from, in this thread: work that takes too
 * long for the event loop of the host.
 */
export class History implements HistoryKeeper {
  #db: HistoryDb;
  #replay: ReplayDb;
  #failure: Error | undefined;

  constructor(
    private readonly sql: SqlJsStatic,
    private readonly place: Place,
  ) {
    this.#db = new HistoryDb(sql);
    this.#replay = new ReplayDb(sql);
  }

  async load(images: Record<ImageKind, readonly number[]>): Promise<Record<ImageKind, FoundImage>> {
    const history = await newestImage(this.place, 'history', images.history);
    const replay = await newestImage(this.place, 'replay', images.replay);
    await this.close();
    this.#db = new HistoryDb(this.sql, history.image);
    this.#replay = new ReplayDb(this.sql, replay.image);
    return { history: { number: history.number, damaged: history.damaged }, replay };
  }

  apply(records: readonly Uint8Array[], historyOnly = false): void {
    try {
      const changes = records.flatMap(decodeChanges);
      this.#db.apply(historyIn(changes));
      if (!historyOnly) this.#replay.apply(changes);
    } catch (error) {
      // The journals still hold what is missing here, as long as no image is saved.
      this.#failure ??= error as Error;
    }
  }

  async page(chat: Uint8Array, before: number | undefined, limit: number): Promise<HistoryPage> {
    return this.#db.page(chat, before, limit);
  }

  async save(number: number): Promise<void> {
    if (this.#failure) throw this.#failure;
    const history = this.#db.export();
    await writeImage(this.place, 'replay', number, this.#replay.export());
    await writeImage(this.place, 'history', number, history);
  }

  async close(): Promise<void> {
    this.#db.close();
    this.#replay.close();
  }
}
