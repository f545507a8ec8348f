import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/crypto/bytes.js';
import { nodeFiles, type Files } from '../../../src/store/files.js';
import { checksumSeal, Journal, MAX_RECORD_BYTES, readJournal } from '../../../src/store/journal.js';
import { sealedJournal } from '../../../src/store/sealedJournal.js';

const key = new Uint8Array(32).fill(7);
const salt = new Uint8Array(16).fill(9);
const payloads = ['first', 'second, longer', '', 'fourth'].map(utf8);

const seals = [
  ['checksum', () => checksumSeal, () => checksumSeal],
  ['sealed', () => sealedJournal(key, 3, salt), () => sealedJournal(key, 3)],
] as const;

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'journal-'))));
afterAll(() => rm(dir, { recursive: true }));

describe.each(seals)('journal, %s', { timeout: 120_000 }, (name, writer, reader) => {
  const path = () => join(dir, name);

  async function write(): Promise<{ bytes: Uint8Array; ends: number[] }> {
    await rm(path(), { force: true });
    const journal = await Journal.create(path(), writer());
    const ends: number[] = [];
    for (const payload of payloads) {
      await journal.append(payload);
      ends.push(journal.size);
    }
    expect(journal.count).toBe(payloads.length);
    await journal.close();
    return { bytes: new Uint8Array(await readFile(path())), ends };
  }

  async function read(bytes: Uint8Array) {
    await writeFile(path(), bytes);
    return readJournal(path(), reader());
  }

  it('gives back what was appended, and is created only once', async () => {
    const { bytes } = await write();
    expect(await read(bytes)).toEqual({ records: payloads, end: 'clean' });
    await expect(Journal.create(path(), writer())).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('cuts a tail that is torn at any byte, also when zeros follow', async () => {
    const { bytes, ends } = await write();
    for (let cut = 0; cut < bytes.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length;
      const end = cut === 0 || ends.includes(cut) ? 'clean' : 'torn';
      expect(await read(bytes.subarray(0, cut))).toEqual({ records: payloads.slice(0, whole), end });
      const zeros = new Uint8Array(cut + 5000);
      zeros.set(bytes.subarray(0, cut));
      const padded = await read(zeros);
      expect(padded.records.slice(0, whole)).toEqual(payloads.slice(0, whole));
      expect(padded.end).toBe('torn');
    }
  });

  it('notices every flipped bit: what comes before is right, a middle is damaged', async () => {
    const { bytes, ends } = await write();
    const lastStart = ends.at(-2) as number;
    for (let at = 0; at < bytes.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        const whole = ends.filter((end) => end <= at).length;
        const { records, end } = await read(flipped);
        expect(records).toEqual(payloads.slice(0, whole));
        if (at < lastStart) expect(end).toBe('damaged');
        else expect(end).not.toBe('clean');
      }
  });
});

describe('journal', () => {
  /** Counts syncs, and fails the `failAt`th. */
  function counting(failAt = Infinity): { files: Files; syncs: () => number } {
    let syncs = 0;
    const open = async (...args: Parameters<Files['open']>) => {
      const handle = await nodeFiles.open(...args);
      const datasync = handle.datasync.bind(handle);
      handle.datasync = async () => {
        if (++syncs === failAt) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        await datasync();
      };
      return handle;
    };
    return { files: { ...nodeFiles, open }, syncs: () => syncs };
  }

  it('shares one sync among all that wait, and resolves in order', async () => {
    const { files, syncs } = counting();
    const journal = await Journal.create(join(dir, 'group'), checksumSeal, files);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 16 }, (_, i) => journal.append(utf8(`${i}`)).then(() => order.push(i))),
    );
    expect(syncs()).toBe(1);
    expect(order).toEqual([...order.keys()]);
    await journal.close();
  });

  it('resolves nothing before its sync', async () => {
    const { files, syncs } = counting();
    const journal = await Journal.create(join(dir, 'before'), checksumSeal, files);
    await journal.append(utf8('a'));
    expect(syncs()).toBe(1);
    await journal.close();
  });

  it('fails every append after a failed sync', async () => {
    const { files } = counting(2);
    const journal = await Journal.create(join(dir, 'fails'), checksumSeal, files);
    await journal.append(utf8('a'));
    const failed = [journal.append(utf8('b')), journal.append(utf8('c'))];
    for (const each of failed) await expect(each).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(journal.append(utf8('d'))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(journal.count).toBe(1);
    await journal.close();
  });

  it('refuses a record that is too long, and one after close, and goes on', async () => {
    const journal = await Journal.create(join(dir, 'long'), checksumSeal);
    await expect(journal.append(new Uint8Array(MAX_RECORD_BYTES + 1))).rejects.toThrow(RangeError);
    await journal.append(new Uint8Array(MAX_RECORD_BYTES));
    await journal.close();
    await expect(journal.append(utf8('late'))).rejects.toThrow(/closed/);
    expect((await readJournal(join(dir, 'long'), checksumSeal)).records[0]?.length).toBe(MAX_RECORD_BYTES);
  });
});

describe('checksum', () => {
  it('belongs to its place', () => {
    const body = checksumSeal.seal(1, utf8('x'));
    expect(checksumSeal.open(1, body)).toEqual(utf8('x'));
    for (const index of [0, 2]) expect(checksumSeal.open(index, body)).toBeUndefined();
    for (let size = 0; size < 8; size++) expect(checksumSeal.open(1, body.subarray(0, size))).toBeUndefined();
  });
});

describe('sealed journal', () => {
  const body = (number: number, from = key) => sealedJournal(from, number, salt).seal(0, utf8('x'));

  it('opens under its own key, number and index only', () => {
    expect(sealedJournal(key, 3).open(0, body(3))).toEqual(utf8('x'));
    expect(sealedJournal(key, 4).open(0, body(3))).toBeUndefined();
    expect(sealedJournal(key, 3).open(0, body(3, salt.slice().fill(1)))).toBeUndefined();
    expect(sealedJournal(key, 3).open(0, body(3).subarray(0, 10))).toBeUndefined();
  });

  it('refuses records that are left out, swapped, or follow another one', () => {
    const write = (texts: readonly string[], own = salt) => {
      const seal = sealedJournal(key, 3, own);
      return texts.map((text, index) => seal.seal(index, utf8(text)));
    };
    const [first, second, third] = write(['a', 'b', 'c']) as [Uint8Array, Uint8Array, Uint8Array];
    const otherFile = write(['a', 'b'], new Uint8Array(16))[1] as Uint8Array;
    const otherPast = write(['x', 'b'])[1] as Uint8Array;
    for (const next of [first, third, otherFile, otherPast]) {
      const seal = sealedJournal(key, 3);
      expect(seal.open(0, first)).toEqual(utf8('a'));
      expect(seal.open(1, next)).toBeUndefined();
      expect(seal.open(1, second)).toEqual(utf8('b'));
    }
  });
});
