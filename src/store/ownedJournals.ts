import { join } from 'node:path';
import { UserError } from '../protocol/errors.js';
import { hasCode } from './files.js';
import { fileName, listFolder } from './folder.js';
import type { Place } from './images.js';
import { Journal } from './journal.js';
import { openElsewhere } from './owner.js';
import { encodeHead, type Head } from './records.js';
import { sealedJournal } from './sealedJournal.js';

/** Throws EEXIST if somebody else was faster. */
export const createJournal = ({ dir, storageKey, random, files }: Place, number: number): Promise<Journal> =>
  Journal.create(
    join(dir, fileName('journal', number)),
    sealedJournal(storageKey, number, random(16)),
    files,
  );

/**
 * The journals of one owner. Whoever creates the journal with the highest number owns the participant; a former owner
 * finds out before anything it writes counts. After a failure nothing more is written: opening again sorts it out.
 * Calls must not overlap.
 */
export class OwnedJournals {
  #failure: Error | undefined;

  private constructor(
    private readonly place: Place,
    private readonly onReplaced: () => void,
    private journal: Journal,
    private current: number,
  ) {}

  /**
   * Takes the participant over from whoever had it, by creating the journal `number`, above all there are. It counts
   * once its head is written. Throws UserError 'open-elsewhere' if another owner created it first.
   */
  static async claim(place: Place, number: number, onReplaced: () => void): Promise<OwnedJournals> {
    try {
      return new OwnedJournals(place, onReplaced, await createJournal(place, number), number);
    } catch (error) {
      throw hasCode(error, 'EEXIST') ? openElsewhere() : error;
    }
  }

  get number(): number {
    return this.current;
  }

  /** The first record of the journal. */
  begin(head: Head): Promise<void> {
    return this.write([encodeHead(head)]);
  }

  /**
   * Resolves once the records are on disk and no one had taken over by then. Throws UserError 'replaced' if someone
   * had: the records may be there, but count for nothing.
   */
  async write(payloads: readonly Uint8Array[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    try {
      await Promise.all(payloads.map((payload) => this.journal.append(payload)));
      await this.check();
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
  }

  /** Goes on in a new file, which says where this one ends. */
  async next(condition: Head['condition']): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { journal: old, current: previous } = this;
    try {
      this.journal = await createJournal(this.place, previous + 1);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) await this.check();
      throw error;
    }
    this.current = previous + 1;
    try {
      await this.begin({ previous, count: old.count, condition });
    } finally {
      // All of it was synced, so it doesn't matter if this fails.
      await old.close().catch(() => {});
    }
  }

  /** Throws UserError 'replaced' if there is a journal with a higher number. */
  async check(): Promise<void> {
    const { dir, files } = this.place;
    const { journal } = await listFolder(dir, files);
    if ((journal.at(-1) ?? 0) <= this.current) return;
    const replaced = new UserError(
      'replaced',
      'This participant was opened in another window, so nothing more is sent from here.',
    );
    if (!this.#failure) {
      this.fail(replaced);
      this.onReplaced();
    }
    throw this.#failure ?? replaced;
  }

  /** Nothing more is written. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  close(): Promise<void> {
    return this.journal.close();
  }
}
