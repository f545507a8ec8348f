import { describe, expect, it } from 'vitest';
import { equal } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { encode, list, uint } from '../../../src/protocol/codec.js';
import { newestImage, writeImage, type Place } from '../../../src/store/images.js';
import { Journal } from '../../../src/store/journal.js';
import { ParticipantStore } from '../../../src/store/participantStore.js';
import { sealedJournal } from '../../../src/store/sealedJournal.js';
import { MemoryDisk } from '../../helpers/memoryDisk.js';
import { message, messagesIn, openStore, storageKey, upTo } from '../../helpers/stores.js';

const dir = '/participant';
const newest = `${dir}/journal-00000004`;
const middle = `${dir}/journal-00000003`;

/** Messages 1 to 3 in images, 4 and 5 in journal 3, 6 and 7 in journal 4, the newest. */
async function prepared(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1), disk.files);
  const store = await openStore(dir, { files: disk.files });
  for (const n of [2, 3]) await store.commit(message(n));
  await store.checkpoint();
  for (const n of [4, 5]) await store.commit(message(n));
  const taken = await openStore(dir, { files: disk.files, takeOver: true });
  for (const n of [6, 7]) await taken.commit(message(n));
  return disk.copy();
}
const preparing = prepared();

async function found(disk: MemoryDisk) {
  const store = await openStore(dir, { files: disk.files, takeOver: true });
  const messages = await messagesIn(store);
  await store.close();
  return { condition: store.condition, ...messages };
}

const all = (n: number) => ({ replay: upTo(n), history: upTo(n) });

describe('a damaged participant', { timeout: 120_000 }, () => {
  it('opens without a tail that is torn at any byte', async () => {
    const size = (await preparing).size(newest);
    const left = new Set<number>();
    for (let bytes = 0; bytes < size; bytes++) {
      const disk = (await preparing).copy();
      disk.cut(newest, bytes);
      const { condition, replay, history } = await found(disk);
      expect({ condition, history }).toEqual({ condition: 'clean', history: replay });
      left.add(replay.length);
      expect(replay).toEqual(upTo(replay.length));
    }
    expect([...left]).toEqual([5, 6]);
  });

  it.each([
    [middle, 3],
    [newest, 5],
  ])('shows every flipped byte of %s, and holds what came before', async (path, before) => {
    const size = (await preparing).size(path);
    for (let at = 0; at < size; at++) {
      const disk = (await preparing).copy();
      disk.damage(path, at);
      const { condition, replay, history } = await found(disk);
      expect(replay).toEqual(upTo(replay.length));
      expect(history).toEqual(replay);
      expect(replay.length).toBeGreaterThanOrEqual(before);
      expect(replay.length).toBeLessThan(7);
      // The last record of all can't be told from one that was not written whole.
      if (replay.length < 6) expect(condition).toBe('damaged');
    }
  });

  it('shows a damaged image, keeps the other one, and keeps the files', async () => {
    for (const [kind, expected] of [
      ['replay', { replay: [], history: upTo(7) }],
      ['history', { replay: upTo(7), history: [4, 5, 6, 7] }],
    ] as const)
      for (const at of [0, 20, 2000, -1]) {
        const disk = (await preparing).copy();
        const path = `${dir}/${kind}-00000003.db`;
        disk.damage(path, at < 0 ? disk.size(path) + at : at);
        const damaged = await disk.files.readFile(path);
        expect(await found(disk)).toEqual({ condition: 'damaged', ...expected });
        expect(await found(disk)).toEqual({ condition: 'damaged', ...expected });
        expect(equal(await disk.files.readFile(`${path}.damaged`), damaged)).toBe(true);
      }
  });

  it.each([
    [['journal-00000004'], 'clean', all(5)],
    [['journal-00000003'], 'damaged', all(3)],
    [['replay-00000003.db'], 'damaged', { replay: [], history: upTo(7) }],
    [['journal-00000003', 'journal-00000004'], 'damaged', all(3)],
    [['replay-00000003.db', 'history-00000003.db'], 'damaged', all(0)],
  ] as const)('opens without %s', async (names, condition, expected) => {
    const disk = (await preparing).copy();
    for (const name of names) await disk.files.rm(`${dir}/${name}`);
    expect(await found(disk)).toEqual({ condition, ...expected });
  });

  it('opens when everything is gone', async () => {
    expect(await found(new MemoryDisk())).toEqual({ condition: 'damaged', ...all(0) });
  });

  it('says so until something is committed', async () => {
    const disk = (await preparing).copy();
    disk.damage(middle, 300);
    for (let round = 0; round < 3; round++)
      expect(await found(disk)).toMatchObject({ condition: 'damaged', ...all(4) });
    const store = await openStore(dir, { files: disk.files, takeOver: true });
    await store.commit(message(5));
    await store.close();
    expect(await found(disk)).toEqual({ condition: 'clean', ...all(5) });
    const kept = (await disk.files.readdir(dir)).filter((name) => name.endsWith('.damaged'));
    expect(kept).toContain('journal-00000003.damaged');
  });

  it('uses an older image and its journals if a crash left them', async () => {
    const disk = (await preparing).copy();
    // What a checkpoint by the owner of journal 4 leaves that dies before it has removed anything.
    const place: Place = { dir, storageKey, random: systemRandom, files: disk.files };
    await writeImage(place, 'replay', 4, new Uint8Array(100));
    disk.damage(`${dir}/replay-00000004.db`, 50);
    expect(await found(disk)).toEqual({ condition: 'damaged', ...all(7) });
  });

  it('written by a newer version is refused, and nothing is changed', async () => {
    const disk = (await preparing).copy();
    const head = encode(list(uint(), 16), [2, 4, 3, 0, 9, 9, 9]);
    const seal = sealedJournal(storageKey, 5, systemRandom(16));
    await (await Journal.create(`${dir}/journal-00000005`, seal, disk.files)).append(head);
    await expect(openStore(dir, { files: disk.files, takeOver: true })).rejects.toMatchObject({
      code: 'newer-version',
    });
    expect(await disk.files.readdir(dir)).toContain('journal-00000005');
  });
});

describe('an image', () => {
  it('opens whole and under its own name only', async () => {
    const disk = new MemoryDisk();
    const place: Place = { dir, storageKey, random: systemRandom, files: disk.files };
    const content = systemRandom(200);
    await writeImage(place, 'replay', 5, content);
    const path = `${dir}/replay-00000005.db`;
    expect(await newestImage(place, 'replay', [5])).toEqual({ number: 5, image: content, damaged: false });
    for (let at = 0; at < disk.size(path); at++)
      for (let bit = 0; bit < 8; bit++) {
        disk.damage(path, at, 1 << bit);
        expect(await newestImage(place, 'replay', [5])).toEqual({ number: 0, damaged: true });
        disk.damage(path, at, 1 << bit);
      }
    for (const [kind, number] of [
      ['replay', 6],
      ['history', 5],
    ] as const) {
      const other = `${dir}/${kind}-0000000${number}.db`;
      await disk.files.rename(path, other);
      expect(await newestImage(place, kind, [number])).toEqual({ number: 0, damaged: true });
      await disk.files.rename(other, path);
    }
    for (let size = 0; size < 248; size++) {
      disk.cut(path, size);
      expect(await newestImage(place, 'replay', [5])).toEqual({ number: 0, damaged: true });
    }
  });
});
