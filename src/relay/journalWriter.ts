import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumSeal, Journal } from '../store/journal.js';
import { encodeRecord, type StoreRecord } from './records.js';
import type { Keeper, StoreIds } from './store.js';

/** Compaction: when the files are SLACK bytes and COMPACT_AT times longer than what they keep, or MAX_FILES of them. */
const COMPACT_AT = 4;
const SLACK = 4 * 1024 * 1024;
const MAX_FILES = 8;
/** Bytes of a snapshot that wait for the disk at once. */
const CHUNK = 1024 * 1024;

const journalName = (number: number): string => `${String(number).padStart(8, '0')}.journal`;

/** Keeps a store in numbered journal files. */
export class JournalWriter implements Keeper {
  #journal: Journal | undefined;
  /** Writes that wait for the next file. */
  #held: (() => void)[] | undefined;
  #compaction: Promise<void> | undefined;
  #closing = false;

  /**
   * `number`: of the next file, higher than that of any there is. `paths`: the earlier files, `bytes` in all. `fail`
   * hears of errors; nothing counts as kept after the first.
   */
  constructor(
    private readonly folder: string,
    private readonly ids: StoreIds,
    private number: number,
    private paths: readonly string[],
    private bytes: number,
    private readonly fail: (error: unknown) => void,
  ) {}

  /** Starts the next file, when all of the one before is on disk. To be called once before anything is appended. */
  async nextFile(): Promise<void> {
    const held: (() => void)[] = (this.#held = []);
    await this.#journal?.close();
    this.bytes += this.#journal?.size ?? 0;
    const path = join(this.folder, journalName(this.number++));
    this.#journal = await Journal.create(path, checksumSeal);
    this.paths = [...this.paths, path];
    this.#held = undefined;
    void this.append({ type: 'opened', version: 1, ...this.ids });
    for (const write of held) write();
  }

  append(record: StoreRecord): Promise<void> {
    const data = encodeRecord(record);
    return new Promise((resolve) => {
      const write = () => void this.#journal?.append(data).then(resolve, this.fail);
      if (this.#held) this.#held.push(write);
      else write();
    });
  }

  tidy(used: number, snapshot: Iterable<StoreRecord>): void {
    const length = this.bytes + (this.#journal?.size ?? 0);
    if (this.#compaction || (length < COMPACT_AT * used + SLACK && this.paths.length < MAX_FILES)) return;
    this.#compaction = this.#compact(snapshot)
      .catch(this.fail)
      .finally(() => (this.#compaction = undefined));
  }

  /** Waits for what was appended. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#compaction;
    await this.#journal?.close();
  }

  async #compact(snapshot: Iterable<StoreRecord>): Promise<void> {
    const { paths } = this;
    await this.nextFile();
    const bytes = this.bytes;
    let written = Promise.resolve();
    let waiting = 0;
    for (const record of snapshot) {
      written = this.append(record);
      waiting += 'packed' in record ? record.packed.length : 0;
      if (waiting < CHUNK) continue;
      await written;
      if (this.#closing) return;
      waiting = 0;
    }
    await written;
    for (const path of paths) await rm(path);
    this.paths = this.paths.filter((path) => !paths.includes(path));
    this.bytes -= bytes;
  }
}
