import { beforeEach, describe, expect, it } from 'vitest';
import { decodeRelayFrame, unpackFrames } from '../../../src/protocol/wire.js';
import { asKey, channelKey } from '../../../src/relay/keys.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/relay/limits.js';
import type { StoreRecord } from '../../../src/relay/records.js';
import { memoryOnly, Store, type Keeper } from '../../../src/relay/store.js';
import { ids } from './harness.js';

const group = { kind: 'group', key: new Uint8Array(32).fill(3) } as const;
const inbox = { kind: 'inbox', key: new Uint8Array(32).fill(3) } as const;
const [ada, bo] = [1, 2].map((n) => asKey(new Uint8Array(32).fill(n))) as [string, string];
const id = (n: number) => new Uint8Array(16).fill(n);
const LIMITS = { remember: 100, retention: 1000, retainedItems: 5, unread: 3 };

let now: number;
beforeEach(() => void (now = 10_000));
const storeWith = (limits: Partial<Limits> = {}, keeper: Keeper = memoryOnly) =>
  new Store(ids, { ...DEFAULT_LIMITS, ...LIMITS, ...limits }, () => now, keeper);
const put = (store: Store, n: number, channel: typeof group | typeof inbox = group, sender = ada, size = 4) =>
  store.put({ channel, sender, idempotencyKey: id(n), envelope: new Uint8Array(size).fill(n) });

describe('Store', () => {
  it('numbers each channel by itself: 1, 2, 3…', async () => {
    const store = storeWith();
    expect(await put(store, 1)).toEqual({ seq: 1, duplicate: 0 });
    expect(await put(store, 1, inbox)).toEqual({ seq: 1, duplicate: 0 });
    expect(await put(store, 2)).toEqual({ seq: 2, duplicate: 0 });
    const log = store.log(channelKey(group));
    const frames = unpackFrames(log?.batch(1, 9).packed ?? new Uint8Array()).map(decodeRelayFrame);
    expect(frames).toEqual(
      [1, 2].map((seq) => ({ type: 'item', channel: group, seq, envelope: new Uint8Array(4).fill(seq) })),
    );
  });

  it('stores once what one login publishes twice to one channel, within the time', async () => {
    const store = storeWith();
    await put(store, 1);
    now += 100;
    expect(await put(store, 1)).toEqual({ seq: 1, duplicate: 1 });
    expect(await put(store, 1, group, bo)).toEqual({ seq: 2, duplicate: 0 });
    expect(await put(store, 1, inbox)).toEqual({ seq: 1, duplicate: 0 });
    now += 1;
    expect(await put(store, 1)).toEqual({ seq: 3, duplicate: 0 });
    expect(await put(store, 1)).toEqual({ seq: 3, duplicate: 1 });
  });

  it('hands nothing out and acknowledges nothing, not even a duplicate, before it is kept', async () => {
    const kept: (() => void)[] = [];
    const keeper = {
      append: () => new Promise<void>((resolve) => kept.push(resolve)),
      tidy: () => undefined,
    };
    const store = storeWith({}, keeper);
    const done: string[] = [];
    const first = put(store, 1).then(() => done.push('first'));
    const again = put(store, 1).then(() => done.push('again'));
    const second = put(store, 2).then(() => done.push('second'));
    await new Promise(setImmediate);
    expect([done, store.log(channelKey(group))?.last, kept.length]).toEqual([[], 0, 2]);
    kept.forEach((resolve) => resolve());
    await Promise.all([first, again, second, store.flush()]);
    expect(done.toSorted()).toEqual(['again', 'first', 'second']);
    expect(store.log(channelKey(group))?.last).toBe(2);
  });

  it('refuses a sender whose envelopes nobody reads, and drops none', async () => {
    const store = storeWith();
    for (const n of [1, 2, 3]) await put(store, n, inbox);
    expect(await put(store, 4, inbox)).toEqual({ refused: 'inbox-full' });
    expect(await put(store, 4, inbox, bo)).toEqual({ seq: 4, duplicate: 0 });
    expect(store.log(channelKey(inbox))?.first).toBe(1);
    store.drop(channelKey(inbox), 1);
    expect(await put(store, 4, inbox)).toEqual({ seq: 5, duplicate: 0 });
    expect(await put(store, 5, inbox)).toEqual({ refused: 'inbox-full' });
  });

  it('is full at its limit, counts small things too, and has room again when something goes', async () => {
    const store = storeWith({ storeBytes: 20_000, unread: 1e9 });
    let n = 0;
    while ('seq' in (await put(store, n, inbox, ada, 1)) && n < 255) n++;
    expect(n).toBeLessThan(60);
    expect(store.used).toBeLessThanOrEqual(20_000);
    expect(store.putPrekey(ada, new Uint8Array(3000))).toBe(false);
    store.drop(channelKey(inbox), 20);
    expect(await put(store, n, inbox)).toMatchObject({ duplicate: 0 });
  });

  it('keeps a group’s newest, within the time; an inbox’s all, within the time', async () => {
    const store = storeWith({ unread: 100 });
    const first = (channel: typeof group | typeof inbox) => store.log(channelKey(channel))?.first;
    for (let n = 1; n <= 8; n++) {
      now += 100;
      await put(store, n);
      await put(store, n, inbox);
    }
    store.sweep();
    expect([first(group), first(inbox)]).toEqual([4, 1]);
    now += 900;
    store.sweep();
    expect([first(group), first(inbox)]).toEqual([7, 7]);
    now += 1000;
    store.sweep();
    expect([first(group), first(inbox)]).toEqual([9, 9]);
    expect(await put(store, 9)).toEqual({ seq: 9, duplicate: 0 });
  });

  it('does not wait for a sweep when a group grows fast', async () => {
    const store = storeWith();
    for (let n = 0; n < 100; n++) await put(store, n);
    const log = store.log(channelKey(group));
    expect((log?.next ?? 0) - (log?.first ?? 0)).toBeLessThanOrEqual(6);
  });

  it('holds one prekey a fingerprint, the newest', () => {
    const store = storeWith();
    expect(store.prekey(ada)).toBeUndefined();
    store.putPrekey(ada, new Uint8Array(2000));
    const { used } = store;
    store.putPrekey(ada, new Uint8Array([7]));
    expect(store.prekey(ada)).toEqual(new Uint8Array([7]));
    expect(store.used).toBe(used - 1999);
  });

  it('gives its keeper whatever changes, and a snapshot of what is left', async () => {
    const records: StoreRecord[] = [];
    const keeper: Keeper = {
      append: (record) => Promise.resolve(void records.push(record)),
      tidy: (_, snapshot) => void records.push(...snapshot),
    };
    const store = storeWith({}, keeper);
    await put(store, 1, inbox);
    await put(store, 2, inbox);
    store.drop(channelKey(inbox), 1);
    store.drop(channelKey(inbox), 1);
    store.putPrekey(ada, id(5));
    expect(records.map(({ type }) => type)).toEqual(['item', 'item', 'dropped', 'prekey']);
    records.length = 0;
    store.sweep();
    const gone = (record: StoreRecord) => record.type === 'item' && record.packed.length === 0;
    expect(records.map((record) => (gone(record) ? 'gone' : record.type))).toEqual([
      'prekey',
      'item',
      'gone',
      'dropped',
    ]);
  });
});
