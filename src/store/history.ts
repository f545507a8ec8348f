import type { SqlJsStatic } from 'sql.js';
import { HistoryDb, type HistoryPage } from './historyDb.js';
import { newestImage, writeImage, type Place } from './images.js';
import type { HistoryEntry } from './schema.js';
import { compacted } from './sqlite.js';

/** Reads the history. */
export interface HistoryPort {
  /** The last `limit` entries of a chat before position `before`, or at the end. */
  page(chat: Uint8Array, before: number | undefined, limit: number): Promise<HistoryPage>;
}

/** What the store asks of whoever keeps the history. Calls take effect in their order. */
export interface HistoryKeeper extends HistoryPort {
  /** Opens the newest of the images with these numbers (ascending) that is whole; `number` is 0 if there is none. */
  load(numbers: readonly number[]): Promise<{ number: number; damaged: boolean }>;
  apply(entries: readonly HistoryEntry[]): void;
  /** Writes both images of this number: the replay database's given, the history's as it is at the call. */
  save(number: number, replay: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Keeps the history in this thread, and seals images: work that takes too long for the event loop of the host. */
export class History implements HistoryKeeper {
  #db: HistoryDb;
  #failure: Error | undefined;

  constructor(
    private readonly sql: SqlJsStatic,
    private readonly place: Place,
  ) {
    this.#db = new HistoryDb(sql);
  }

  async load(numbers: readonly number[]): Promise<{ number: number; damaged: boolean }> {
    const { image, ...found } = await newestImage(this.place, 'history', numbers);
    this.#db.close();
    this.#db = new HistoryDb(this.sql, image);
    return found;
  }

  apply(entries: readonly HistoryEntry[]): void {
    try {
      this.#db.apply(entries);
    } catch (error) {
      // The journals still hold what is missing here, as long as no image is saved.
      this.#failure ??= error as Error;
    }
  }

  async page(chat: Uint8Array, before: number | undefined, limit: number): Promise<HistoryPage> {
    return this.#db.page(chat, before, limit);
  }

  async save(number: number, replay: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    const history = this.#db.export();
    await writeImage(this.place, 'replay', number, compacted(this.sql, replay));
    await writeImage(this.place, 'history', number, history);
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
