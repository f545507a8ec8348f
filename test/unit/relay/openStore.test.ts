import { cpSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { MAX_ENVELOPE } from '../../../src/protocol/wire.js';
import { asKey, channelKey } from '../../../src/relay/keys.js';
import { DEFAULT_LIMITS } from '../../../src/relay/limits.js';
import { openJournalStore, type OpenStore } from '../../../src/relay/openStore.js';
import type { Store } from '../../../src/relay/store.js';

const group = { kind: 'group', key: new Uint8Array(32).fill(3) } as const;
const inbox = { kind: 'inbox', key: new Uint8Array(32).fill(4) } as const;
const ada = asKey(new Uint8Array(32).fill(1));

let folder: string;
let now: number;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relay-store-'));
  now = 1_000_000;
  lines = [];
});

const open = (where = folder): Promise<OpenStore> => {
  const log = (event: string) => lines.push(event);
  const limits = { ...DEFAULT_LIMITS, unread: 1e6, retention: 1e6 };
  return openJournalStore(where, { limits, clock: () => now, random: systemRandom, log }, (error) => {
    throw error;
  });
};
const put = (store: Store, n: number, channel: typeof group | typeof inbox = group, size = 20) => {
  const idempotencyKey = new Uint8Array(16);
  new DataView(idempotencyKey.buffer).setUint32(0, n);
  return store.put({ channel, sender: ada, idempotencyKey, envelope: new Uint8Array(size).fill(n) });
};
/** All that a reader could see, as text. */
const seen = (store: Store) =>
  [group, inbox].map((channel) => {
    const log = store.log(channelKey(channel));
    const items = [];
    for (let seq = log?.first ?? 1; seq <= (log?.last ?? 0); seq++)
      items.push(Buffer.from(log?.item(seq)?.packed ?? []).toString('base64'));
    return { first: log?.first ?? 1, items };
  });
const files = () => readdirSync(folder).toSorted();
const newest = () => join(folder, files().at(-1) as string);

describe('openJournalStore', () => {
  it('is after a restart what it was before: ids, envelopes, positions, idempotency keys, prekeys', async () => {
    const before = await open();
    await put(before.store, 1, group, MAX_ENVELOPE);
    for (const n of [1, 2, 3]) await put(before.store, n, inbox);
    before.store.drop(channelKey(inbox), 2);
    before.store.putPrekey(ada, new Uint8Array([5]));
    await before.close();
    const { store, close } = await open();
    expect(store.ids).toEqual(before.store.ids);
    expect(seen(store)).toEqual(seen(before.store));
    expect(store.used).toBe(before.store.used);
    expect(store.prekey(ada)).toEqual(new Uint8Array([5]));
    expect(await put(store, 1, inbox)).toEqual({ seq: 1, duplicate: 1 });
    expect(await put(store, 3, inbox)).toEqual({ seq: 3, duplicate: 1 });
    expect(await put(store, 4, inbox)).toEqual({ seq: 4, duplicate: 0 });
    expect(lines).toEqual([]);
    await close();
  });

  it('does not bring back what is past its retention', async () => {
    const before = await open();
    await put(before.store, 1);
    await before.close();
    now += 2e6;
    const { store, close } = await open();
    expect(seen(store)[0]).toEqual({ first: 2, items: [] });
    await close();
  });

  it('keeps what was whole when the file is cut at any byte, and goes on', async () => {
    const before = await open();
    await put(before.store, 1);
    await put(before.store, 2);
    const whole = readFileSync(newest());
    await put(before.store, 3);
    await before.close();
    const path = newest();
    const all = readFileSync(path);
    for (let length = whole.length; length < all.length; length++) {
      const copy = mkdtempSync(join(tmpdir(), 'relay-store-'));
      cpSync(folder, copy, { recursive: true });
      truncateSync(join(copy, files()[0] as string), length);
      const { store, close } = await open(copy);
      expect(store.ids).toEqual(before.store.ids);
      expect(await put(store, 9)).toEqual({ seq: 3, duplicate: 0 });
      await close();
      const again = await open(copy);
      expect(seen(again.store)[0]?.items.length).toBe(3);
      await again.close();
    }
    expect(new Set(lines)).toEqual(new Set(['cut']));
  });

  it.each([
    ['a changed byte', (data: Buffer) => (data[data.length >> 1] = (data[data.length >> 1] ?? 0) ^ 1)],
    ['missing bytes', (data: Buffer) => data.copyWithin(200, 300)],
  ])(
    'sets a file with %s in its middle aside, whole, and starts empty under a new storeId',
    async (_, damage) => {
      const before = await open();
      for (let n = 0; n < 20; n++) await put(before.store, n);
      await before.close();
      const data = readFileSync(newest());
      damage(data);
      writeFileSync(newest(), data);
      const { store, close } = await open();
      expect(lines).toEqual(['damaged']);
      expect(store.ids.storeId).not.toEqual(before.store.ids.storeId);
      expect(seen(store)[0]).toEqual({ first: 1, items: [] });
      expect(files()).toEqual(['00000001.journal.damaged', '00000002.journal']);
      expect(readFileSync(join(folder, '00000001.journal.damaged')).equals(data)).toBe(true);
      await put(store, 1);
      await close();
      const after = await open();
      expect(after.store.ids).toEqual(store.ids);
      expect(lines).toEqual(['damaged']);
      await after.close();
    },
  );

  it('notices that envelopes are missing between two files', async () => {
    const first = await open();
    for (let n = 0; n < 5; n++) await put(first.store, n);
    const cut = readFileSync(newest()).length;
    for (let n = 5; n < 9; n++) await put(first.store, n);
    await first.close();
    const second = await open();
    await put(second.store, 10);
    await second.close();
    truncateSync(join(folder, files()[0] as string), cut);
    const { store, close } = await open();
    expect(lines).toEqual(['damaged']);
    expect(seen(store)[0]?.items).toEqual([]);
    await close();
  });

  it('does not mix files of two stores', async () => {
    const one = await open();
    await put(one.store, 1);
    await one.close();
    const other = mkdtempSync(join(tmpdir(), 'relay-store-'));
    const two = await open(other);
    await two.close();
    cpSync(join(other, '00000001.journal'), join(folder, '00000002.journal'));
    const { close } = await open();
    expect(lines).toEqual(['damaged']);
    await close();
  });

  it('starts over with what is left when the files get long', async () => {
    const before = await open();
    for (let n = 0; n < 800; n++) void put(before.store, n, inbox, 8000);
    await before.store.flush();
    before.store.drop(channelKey(inbox), 790);
    before.store.sweep();
    for (let n = 1000; files().length > 1 || files()[0] === '00000001.journal'; n++)
      await put(before.store, n);
    expect(readFileSync(newest()).length).toBeLessThan(1e6);
    await before.close();
    const { store, close } = await open();
    expect(seen(store)).toEqual(seen(before.store));
    expect(await put(store, 3, inbox), 'of an envelope that is gone').toEqual({ seq: 4, duplicate: 1 });
    await close();
    expect(lines).toEqual([]);
  });

  it('starts over with too many files, and loses nothing that comes and goes meanwhile', async () => {
    const before = await open();
    for (let n = 0; n < 500; n++) void put(before.store, n, inbox, 8000);
    for (let n = 0; n < 10; n++) await put(before.store, n);
    await before.close();
    const older = readFileSync(newest());
    const expected = seen(before.store);
    for (let k = 0; k < 6; k++) await (await open()).close();
    expect(files().length).toBe(7);
    const { store, close } = await open();
    for (let n = 500; files().length > 1; n++) {
      await put(store, n, inbox);
      await put(store, n);
      if (n % 2 === 0) store.drop(channelKey(inbox), n / 2);
    }
    await close();
    const again = await open();
    expect(seen(again.store)).toEqual(seen(store));
    await again.close();

    const compacted = readFileSync(join(folder, files()[0] as string));
    for (const share of [0, 0.1, 0.5, 0.9]) {
      const copy = mkdtempSync(join(tmpdir(), 'relay-store-'));
      writeFileSync(join(copy, '00000001.journal'), older);
      writeFileSync(join(copy, '00000002.journal'), compacted.subarray(0, compacted.length * share));
      const part = await open(copy);
      const [groupSeen, inboxSeen] = seen(part.store);
      expect(groupSeen?.items.slice(0, 10)).toEqual(expected[0]?.items);
      const { first = 0, items = [] } = inboxSeen ?? {};
      expect(items.slice(0, 501 - first)).toEqual(expected[1]?.items.slice(first - 1));
      await part.close();
    }
    expect(lines.filter((line) => line !== 'cut')).toEqual([]);
  });

  it('tells of a disk that refuses, and acknowledges nothing more', async () => {
    const limits = DEFAULT_LIMITS;
    const failures: unknown[] = [];
    const setting = { limits, clock: () => now, random: systemRandom, log: () => undefined };
    const { store, close } = await openJournalStore(folder, setting, (error) => failures.push(error));
    await close();
    let acknowledged = false;
    void put(store, 1).then(() => (acknowledged = true));
    await new Promise(setImmediate);
    expect([failures.length, acknowledged]).toEqual([1, false]);
  });
});
