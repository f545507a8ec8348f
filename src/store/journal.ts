import { dirname } from 'node:path';
import { concat, equal, uintBytes } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { nodeFiles, syncFolder, type Files } from './files.js';

/**
 * An append-only file of records. Frame: length of the body (4 bytes, big-endian) ‖ its complement ‖ body. The
 * complement tells a damaged length from a file that ends early.
 */
const HEADER_BYTES = 8;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** The longest payload; a seal adds at most 256 bytes to it. */
export const MAX_RECORD_BYTES = MAX_BODY_BYTES - 256;

/** Makes the body of the record `index` (0, 1, 2…) of one file, and opens it: undefined if it is not whole. In order. */
export interface JournalSeal {
  seal(index: number, payload: Uint8Array): Uint8Array;
  open(index: number, body: Uint8Array): Uint8Array | undefined;
}

const CHECKSUM_BYTES = 8;
const checksum = (index: number, payload: Uint8Array): Uint8Array =>
  sha256(uintBytes(index, 8), payload).subarray(0, CHECKSUM_BYTES);

/** Against accidents only: the first 8 bytes of SHA-256(index ‖ payload), then the payload in the clear. */
export const checksumSeal: JournalSeal = {
  seal: (index, payload) => concat(checksum(index, payload), payload),
  open: (index, body) => {
    const payload = body.subarray(CHECKSUM_BYTES);
    return equal(body.subarray(0, CHECKSUM_BYTES), checksum(index, payload)) ? payload : undefined;
  },
};

interface Waiting {
  readonly frame: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes one journal file. A file is never opened again for writing: the next one starts. */
export class Journal {
  #waiting: Waiting[] = [];
  #sealed = 0;
  #count = 0;
  #size = 0;
  #failure: Error | undefined;
  #flushing: Promise<void> | undefined;

  private constructor(
    private readonly handle: Awaited<ReturnType<Files['open']>>,
    private readonly seal: JournalSeal,
  ) {}

  /** A new file, mode 0600, whose name is on disk. Throws EEXIST if it is there already, and the disk's errors. */
  static async create(path: string, seal: JournalSeal, files: Files = nodeFiles): Promise<Journal> {
    const handle = await files.open(path, 'wx', 0o600);
    try {
      await syncFolder(dirname(path), files);
    } catch (error) {
      await handle.close().catch(() => {});
      await files.rm(path, { force: true }).catch(() => {});
      throw error;
    }
    return new Journal(handle, seal);
  }

  /** Records that are synced, and the bytes of their frames. */
  get count(): number {
    return this.#count;
  }
  get size(): number {
    return this.#size;
  }

  /**
   * Resolves when the record is on disk; records that wait together share one write and one fdatasync. After a failure
   * nobody knows what the file holds behind `count` records, so every later append fails with the same error.
   * Throws RangeError for a payload above MAX_RECORD_BYTES.
   */
  append(payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      if (payload.length > MAX_RECORD_BYTES) throw new RangeError('Journal: the record is too long');
      const body = this.seal.seal(this.#sealed++, payload);
      const header = concat(uintBytes(body.length, 4), uintBytes(~body.length >>> 0, 4));
      this.#waiting.push({ frame: concat(header, body), resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Waits for what was appended; later appends fail. */
  async close(): Promise<void> {
    await this.#flushing;
    this.#failure ??= new Error('The journal is closed.');
    await this.handle.close();
  }

  async #flush(): Promise<void> {
    // One turn later, so that all that is appended in one go goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      const data = concat(...group.map((each) => each.frame));
      try {
        if (this.#failure) throw this.#failure;
        await this.handle.writeFile(data);
        await this.handle.datasync();
      } catch (error) {
        this.#failure = error as Error;
        for (const each of group) each.reject(error);
        continue;
      }
      this.#count += group.length;
      this.#size += data.length;
      for (const each of group) each.resolve();
    }
    this.#flushing = undefined;
  }
}

export interface JournalContent {
  readonly records: Uint8Array[];
  /**
   * torn: the file ends inside the last frame, or the last frame is bad and nothing (or only zeros) follows, as a
   * crash while writing leaves it. damaged: a bad frame with more after it; `records` are those before it.
   */
  readonly end: 'clean' | 'torn' | 'damaged';
}

/** All whole records from the start of a file. Throws the disk's errors only. */
export async function readJournal(
  path: string,
  seal: JournalSeal,
  files: Files = nodeFiles,
): Promise<JournalContent> {
  const data = await files.readFile(path);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const bad = (end: number) => (data.subarray(end).some((byte) => byte !== 0) ? 'damaged' : 'torn');
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    if (data.length - at < HEADER_BYTES) return { records, end: 'torn' };
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) !== ~length >>> 0 || length > MAX_BODY_BYTES)
      return { records, end: bad(at + HEADER_BYTES) };
    const start = at + HEADER_BYTES;
    if (length > data.length - start) return { records, end: 'torn' };
    at = start + length;
    const payload = seal.open(records.length, new Uint8Array(data.buffer, data.byteOffset + start, length));
    if (payload === undefined) return { records, end: bad(at) };
    records.push(payload);
  }
  return { records, end: 'clean' };
}
