import { EventEmitter, once } from 'node:events';
import { cp, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { uintBytes } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { nodeFiles, type Files } from '../../../src/store/files.js';
import { ParticipantStore } from '../../../src/store/participantStore.js';
import type { Change, Tables } from '../../../src/store/schema.js';
import { chat, message, messagesIn, newFolder, openStore, storageKey, upTo } from '../../helpers/stores.js';

async function newParticipant(): Promise<string> {
  const dir = await newFolder();
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1));
  return dir;
}

const memberOf = (epoch: number, place: number): Tables['member'] => ({
  chat,
  epoch,
  place,
  fingerprint: chat,
  role: 'member',
  card_hash: chat,
  chain: chat,
  next_sqn: 1,
  complete_sqn: 0,
  last_hash: chat,
  presence: 'invited',
});

/** SecretStorage of one browser profile. */
function newGuard() {
  let value: number | undefined;
  return { get: async () => value, set: async (n: number) => void (value = n) };
}

describe('participant store', () => {
  it('starts with what it was created with, and keeps what was committed', async () => {
    const dir = await newParticipant();
    for (let n = 2; n <= 6; n += 2) {
      const store = await openStore(dir);
      expect(store.condition).toBe('clean');
      expect(await messagesIn(store)).toEqual({ replay: upTo(n - 1), history: upTo(n - 1) });
      await Promise.all([store.commit(message(n)), store.commit(message(n + 1))]);
      expect(await messagesIn(store)).toEqual({ replay: upTo(n + 1), history: upTo(n + 1) });
      await store.close();
    }
  });

  it('resolves commits in their order, some together, and none after close', async () => {
    const store = await openStore(await newParticipant());
    const order: number[] = [];
    const commits = upTo(40).map((n) => store.commit(message(n + 1)).then(() => order.push(n)));
    const closing = store.close();
    await Promise.all(commits);
    expect(order).toEqual(upTo(40));
    await closing;
    await expect(store.commit(message(50))).rejects.toThrow(/closed/);
    expect(() => store.all('token')).toThrow(/closed/);
  });

  it('refuses what it could not read again, and goes on', async () => {
    const store = await openStore(await newParticipant());
    const bad = [-1, 0.5, NaN, 2 ** 53, '\ud800', undefined, null, true];
    for (const value of bad) {
      const commit = store.commit([{ put: 'meta', row: { key: 'bad', value: value as never } }]);
      await expect(commit).rejects.toMatchObject({ code: 'malformed' });
    }
    await expect(store.commit([{ drop: 'meta', key: [] }])).rejects.toMatchObject({ code: 'malformed' });
    await store.commit(message(2));
    expect(await messagesIn(store)).toEqual({ replay: upTo(2), history: upTo(2) });
    await store.close();
  });

  it('takes a long record in turns: in its order, with nobody shown half of it, and alone if it is refused', async () => {
    const dir = await newParticipant();
    const store = await openStore(dir);
    const meta = (value: number): Change => ({ put: 'meta', row: { key: 'k', value: uintBytes(value, 2) } });
    const long = (value: number, place = 0): Change[] =>
      Array.from({ length: 1000 }, (_, i): Change[] => [
        { put: 'next', row: { chat: uintBytes(i, 2), commit: uintBytes(value, 2), at: 1 } },
        { put: 'accepted', row: { chat, epoch: value, place, sqn: i, hash: chat } },
        { put: 'member', row: memberOf(value, i) },
      ]).flat();
    const state = () =>
      [store.all('meta', { key: 'k' }), store.all('next'), store.all('accepted')].map((rows) => rows.length);
    const commits = [
      store.commit([...long(1), meta(1)]),
      store.commit([...long(2, -1), meta(9)]),
      store.commit([meta(2)]),
      store.commit([meta(3), ...long(3)]),
      store.commit([meta(4)]),
    ];
    const settled = Promise.allSettled(commits);
    let over = false;
    void settled.then(() => (over = true));
    const seen = new Set<string>();
    while (!over) {
      seen.add(state().join());
      await new Promise(setImmediate);
    }
    expect((await settled).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    seen.add(state().join());
    for (const each of seen) expect(['0,0,0', '1,1000,1000', '1,1000,2000']).toContain(each);
    await store.close();
    const again = await openStore(dir);
    expect(again.all('meta', { key: 'k' })[0]?.value).toEqual(uintBytes(4, 2));
    expect(again.all('member').length).toBe(2000);
    await again.close();
  });

  it('numbers only go up, and a checkpoint leaves one journal and its images', async () => {
    const dir = await newParticipant();
    const store = await openStore(dir);
    await store.commit(message(2));
    await store.checkpoint();
    const kept = ['history-00000003.db', 'journal-00000003', 'replay-00000003.db'];
    expect((await readdir(dir)).sort()).toEqual([...kept, 'owner'].sort());
    await store.close();
    expect((await readdir(dir)).sort()).toEqual(kept.map((name) => name.replace('3', '4')));
  });

  it('makes a checkpoint by itself, and commits go on during it', async () => {
    const dir = await newParticipant();
    const store = await openStore(dir, { checkpointEvery: 10 });
    for (let n = 2; n <= 60; n++) await store.commit(message(n));
    expect(await messagesIn(store)).toEqual({ replay: upTo(60), history: upTo(60) });
    await store.close();
    expect(await readdir(dir)).toHaveLength(3);
    const again = await openStore(dir);
    expect(await messagesIn(again)).toEqual({ replay: upTo(60), history: upTo(60) });
    await again.close();
  });

  it('leaves nothing of dropped rows in an image', async () => {
    const dir = await newParticipant();
    const store = await openStore(dir);
    const keys = upTo(50).map((n) => `key ${n}`);
    await store.commit(keys.map((key) => ({ put: 'meta', row: { key, value: systemRandom(10_000) } })));
    await store.checkpoint();
    const size = async (number: number) => (await stat(join(dir, `replay-0000000${number}.db`))).size;
    expect(await size(3)).toBeGreaterThan(500_000);
    await store.commit(keys.map((key) => ({ drop: 'meta', key: [key] })));
    await store.checkpoint();
    expect(await size(4)).toBeLessThan(50_000);
    await store.close();
  });

  it('drops rows, replaces rows, and finds them by any column', async () => {
    const dir = await newParticipant();
    const row = (place: number, presence: 'invited' | 'left') => ({
      chat: new Uint8Array([1]),
      epoch: 2 ** 40,
      place,
      fingerprint: new Uint8Array(32),
      role: 'member' as const,
      card_hash: new Uint8Array(),
      chain: new Uint8Array([place]),
      next_sqn: 1,
      complete_sqn: 0,
      last_hash: new Uint8Array(32),
      presence,
    });
    let store = await openStore(dir);
    await store.commit([
      ...[3, 1, 2].map((place) => ({ put: 'member' as const, row: row(place, 'invited') })),
      { put: 'member', row: row(2, 'left') },
      { drop: 'member', key: [new Uint8Array([1]), 2 ** 40, 3] },
    ]);
    for (let round = 0; round < 3; round++) {
      expect(store.all('member')).toEqual([row(1, 'invited'), row(2, 'left')]);
      expect(store.all('member', { presence: 'left', epoch: 2 ** 40 })).toEqual([row(2, 'left')]);
      expect(store.all('member', { chat: new Uint8Array([2]) })).toEqual([]);
      if (round === 0) await store.checkpoint();
      else {
        await store.close();
        store = await openStore(dir);
      }
    }
    await store.close();
  });
});

describe('one owner', () => {
  it('is not opened twice, unless taken over', async () => {
    const dir = await newParticipant();
    const replaced = vi.fn();
    const first = await openStore(dir, { onReplaced: replaced });
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'open-elsewhere' });
    await first.commit(message(2));

    const second = await openStore(dir, { takeOver: true });
    expect(replaced).not.toHaveBeenCalled();
    await expect(first.commit(message(3))).rejects.toMatchObject({ code: 'replaced' });
    await expect(first.commit(message(3))).rejects.toMatchObject({ code: 'replaced' });
    await expect(first.checkpoint()).rejects.toMatchObject({ code: 'replaced' });
    expect(await messagesIn(first)).toEqual({ replay: upTo(2), history: upTo(2) });
    expect(replaced).toHaveBeenCalledTimes(1);

    await second.commit(message(3));
    await first.close();
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'open-elsewhere' });
    await second.close();
    const third = await openStore(dir);
    expect(await messagesIn(third)).toEqual({ replay: upTo(3), history: upTo(3) });
    await third.close();
  });

  it('never replays what a replaced owner still wrote, whatever crash follows', async () => {
    const dir = await newParticipant();
    const first = await openStore(dir);
    await first.commit(message(2));
    const second = await openStore(dir, { takeOver: true });
    await expect(first.commit(message(9))).rejects.toMatchObject({ code: 'replaced' });
    await second.commit(message(3));
    // Copies are what crashes at this moment would leave.
    const crashed = await newFolder();
    await cp(dir, crashed, { recursive: true });
    const third = await openStore(crashed, { takeOver: true });
    expect(third.condition).toBe('clean');
    expect(await messagesIn(third)).toEqual({ replay: upTo(3), history: upTo(3) });
    for (const store of [first, second, third]) await store.close();
  });

  it('notices while idle', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const dir = await newParticipant();
      const replaced = new EventEmitter();
      const first = await openStore(dir, { onReplaced: () => replaced.emit('now') });
      const second = await openStore(dir, { takeOver: true });
      const noticed = once(replaced, 'now');
      vi.advanceTimersByTime(2000);
      await noticed;
      await first.close();
      await second.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is taken over from an owner who begins a journal at the same moment', async () => {
    const dir = await newParticipant();
    const owner = await openStore(dir);
    let busy = true;
    const files: Files = {
      ...nodeFiles,
      open: async (path, flags, mode) => {
        if (busy && flags === 'wx') {
          busy = false;
          await owner.checkpoint();
        }
        return nodeFiles.open(path, flags, mode);
      },
    };
    const store = await openStore(dir, { takeOver: true, files });
    expect(busy).toBe(false);
    await store.commit(message(2));
    await expect(owner.commit(message(3))).rejects.toMatchObject({ code: 'replaced' });
    await owner.close();
    await store.close();
  });

  it('goes to one of those who open at the same time', async () => {
    const dir = await newParticipant();
    const opened = await Promise.allSettled(upTo(5).map(() => openStore(dir, { takeOver: true })));
    const stores = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const commits = await Promise.allSettled(stores.map((store) => store.commit(message(2))));
    expect(commits.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of opened)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'open-elsewhere' });
    for (const store of stores) await store.close();
  });
});

describe('an older copy', () => {
  it('is noticed by the guard, and said until something is committed', async () => {
    const dir = await newParticipant();
    const guard = newGuard();
    await (await openStore(dir, { guard })).close();
    const copy = await newFolder();
    await cp(dir, copy, { recursive: true });
    const store = await openStore(dir, { guard });
    await store.commit(message(2));
    await store.close();

    const old = await openStore(copy, { guard });
    expect(old.condition).toBe('rolled-back');
    await old.close();
    const again = await openStore(copy, { guard });
    expect(again.condition).toBe('rolled-back');
    await again.commit(message(2));
    await again.close();
    const handled = await openStore(copy, { guard });
    expect(handled.condition).toBe('clean');
    await handled.close();
  });

  it('is accepted without a guard, or when the guard fails', async () => {
    const dir = await newParticipant();
    const broken = {
      get: () => Promise.reject(new Error('locked')),
      set: () => Promise.reject(new Error('locked')),
    };
    for (const guard of [newGuard(), broken]) {
      const store = await openStore(dir, { guard });
      expect(store.condition).toBe('clean');
      await store.close();
    }
  });
});
