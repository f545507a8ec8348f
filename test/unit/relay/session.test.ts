import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_ENVELOPE, MAX_INBOX_ENVELOPE, type Channel } from '../../../src/protocol/wire.js';
import {
  groupOf,
  inboxOf,
  newKey,
  newLoginKeys,
  type LoginKeys,
  type RawRelayClient,
} from '../../helpers/rawRelayClient.js';
import { startRelay, type Harness, type HarnessOptions } from './harness.js';

const NONE = new Uint8Array(0);
const seed = new Uint8Array(32).fill(5);
const other = new Uint8Array(32).fill(6);
const envelope = (n: number, size = 4) => new Uint8Array(size).fill(n);

let keys: readonly [LoginKeys, LoginKeys];
beforeAll(async () => {
  keys = await Promise.all([newLoginKeys(), newLoginKeys()]);
});
let harness: Harness;
let ada: RawRelayClient;
let bo: RawRelayClient;
async function start(options: HarnessOptions = {}): Promise<void> {
  await harness?.end();
  harness = await startRelay(options);
  [ada, bo] = [await harness.login(keys[0]), await harness.login(keys[1])];
}
beforeEach(() => start());
afterEach(() => harness.end());

const code = async (client: RawRelayClient, refused?: Uint8Array) => {
  const error = await client.next('err');
  if (refused) expect(error.refused).toEqual(refused);
  return error.code;
};

describe('a group channel', () => {
  it('gives everyone one order, the publisher too', async () => {
    for (const client of [ada, bo]) {
      client.subscribe(seed);
      await client.next('live');
    }
    for (let n = 1; n <= 20; n++) (n % 2 ? ada : bo).publish(groupOf(seed), envelope(n));
    const [seenByAda, seenByBo] = [await ada.take('item', 20), await bo.take('item', 20)];
    expect(seenByAda.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(seenByBo).toEqual(seenByAda);
  });

  it('acknowledges with the seq, and a duplicate with the first one', async () => {
    const key = ada.publish(seed, envelope(1));
    expect(await ada.next('ack')).toEqual({
      type: 'ack',
      channel: groupOf(seed),
      idempotencyKey: key,
      seq: 1,
      duplicate: 0,
    });
    ada.publish(seed, envelope(2));
    expect(await ada.next('ack')).toMatchObject({ seq: 2, duplicate: 0 });
    ada.publish(seed, envelope(1), key);
    expect(await ada.next('ack')).toMatchObject({ seq: 1, duplicate: 1 });
  });

  it('is proven once a connection, for reading and writing', async () => {
    ada.send({ type: 'sub', channel: groupOf(seed), proof: NONE, storeId: envelope(0, 32), from: 1 });
    expect(await code(ada, groupOf(seed).key)).toBe('bad-proof');
    const key = ada.publish(groupOf(seed), envelope(1));
    expect(await code(ada, key)).toBe('bad-proof');
    ada.publish(seed, envelope(1));
    ada.publish(groupOf(seed), envelope(2));
    expect((await ada.take('ack', 2)).map(({ seq }) => seq)).toEqual([1, 2]);
    ada.send({ type: 'sub', channel: groupOf(seed), proof: NONE, storeId: envelope(0, 32), from: 1 });
    await ada.next('live');
    ada.send({ type: 'unsub', channel: groupOf(seed) });
    ada.publish(groupOf(seed), envelope(3));
    expect(await code(ada)).toBe('bad-proof');
  });

  it.each<[string, () => Uint8Array]>([
    ['another channel’s key', () => ada.proof(other)],
    ['the right key on another connection', () => bo.proof(seed)],
    ['nobody', () => new Uint8Array(64)],
  ])('refuses a proof by %s', async (_, proof) => {
    ada.send({ type: 'sub', channel: groupOf(seed), proof: proof(), storeId: envelope(0, 32), from: 1 });
    expect(await code(ada)).toBe('bad-proof');
    const idempotencyKey = newKey();
    ada.send({ type: 'pub', channel: groupOf(seed), proof: proof(), idempotencyKey, envelope: envelope(1) });
    expect(await code(ada, idempotencyKey)).toBe('bad-proof');
    bo.subscribe(seed);
    expect(await bo.next('live')).toMatchObject({ seq: 0 });
  });

  it('catches up from where the reader is, and says LIVE once', async () => {
    for (let n = 1; n <= 5; n++) ada.publish(seed, envelope(n));
    await ada.take('ack', 5);
    bo.subscribe(seed, 4);
    expect((await bo.take('item', 2)).map(({ seq }) => seq)).toEqual([4, 5]);
    expect(await bo.next('live')).toMatchObject({ seq: 5 });
    ada.publish(seed, envelope(6));
    expect(await bo.next('item')).toMatchObject({ seq: 6, envelope: envelope(6) });
    await bo.settled();
    expect(bo.frames).toEqual([]);
  });

  it('starts from 1 for a reader of another store', async () => {
    ada.publish(seed, envelope(1));
    await ada.next('ack');
    bo.subscribe(seed, 2, envelope(9, 32));
    expect(await bo.next('item')).toMatchObject({ seq: 1 });
  });

  it('says what is gone', async () => {
    await start({ limits: { retainedItems: 3 } });
    for (let n = 1; n <= 8; n++) ada.publish(seed, envelope(n));
    await ada.take('ack', 8);
    harness.store.sweep();
    bo.subscribe(seed, 2);
    expect(await bo.next('gap')).toMatchObject({ oldest: 6 });
    expect((await bo.take('item', 3)).map(({ seq }) => seq)).toEqual([6, 7, 8]);
  });

  it('hands out no more than the credit until RECEIVED', async () => {
    await start({ limits: { credit: 2 } });
    for (let n = 1; n <= 5; n++) ada.publish(seed, envelope(n));
    await ada.take('ack', 5);
    bo.subscribe(seed);
    await bo.take('item', 2);
    await bo.settled();
    expect(bo.frames).toEqual([]);
    bo.send({ type: 'received', channel: groupOf(seed), seq: 1 });
    expect(await bo.next('item')).toMatchObject({ seq: 3 });
    bo.send({ type: 'received', channel: groupOf(seed), seq: 3 });
    expect((await bo.take('item', 2)).map(({ seq }) => seq)).toEqual([4, 5]);
    await bo.next('live');
  });

  it('takes an envelope of 64 KiB', async () => {
    ada.subscribe(seed);
    ada.publish(seed, envelope(1, MAX_ENVELOPE));
    expect((await ada.next('item')).envelope.length).toBe(MAX_ENVELOPE);
  });

  it('starts anew when subscribed again, and ends with UNSUB', async () => {
    ada.publish(seed, envelope(1));
    for (let k = 0; k < 2; k++) {
      ada.subscribe(seed);
      await ada.next('item');
      await ada.next('live');
    }
    ada.send({ type: 'unsub', channel: groupOf(seed) });
    bo.publish(seed, envelope(2));
    await bo.next('ack');
    await ada.settled();
    expect(ada.frames.filter(({ type }) => type === 'item')).toEqual([]);
  });

  it('acknowledges and hands out nothing that is not kept yet', async () => {
    const kept: (() => void)[] = [];
    const append = () => new Promise<void>((resolve) => kept.push(resolve));
    await start({ keeper: { append, tidy: () => undefined } });
    bo.subscribe(seed);
    await bo.next('live');
    ada.publish(seed, envelope(1));
    await ada.settled();
    await bo.settled();
    expect([kept.length, ada.frames, bo.frames]).toEqual([1, [], []]);
    kept[0]?.();
    await Promise.all([ada.next('ack'), bo.next('item')]);
  });
});

describe('an inbox', () => {
  let inbox: Channel;
  beforeEach(() => void (inbox = inboxOf(keys[0].fingerprint)));

  it('is read by its owner only', async () => {
    bo.send({ type: 'sub', channel: inbox, proof: NONE, storeId: envelope(0, 32), from: 1 });
    expect(await code(bo, inbox.key)).toBe('not-yours');
    bo.publish(inbox, envelope(1));
    await bo.next('ack');
    bo.send({ type: 'received', channel: inbox, seq: 1 });
    expect(await code(bo, inbox.key)).toBe('not-yours');
    ada.subscribe('inbox');
    expect(await ada.next('item')).toMatchObject({ seq: 1, channel: inbox });
    await bo.settled();
    expect(bo.frames).toEqual([]);
  });

  it('takes envelopes of its size only', async () => {
    bo.publish(inbox, envelope(1, MAX_INBOX_ENVELOPE));
    await bo.next('ack');
    const key = bo.publish(inbox, envelope(1, MAX_INBOX_ENVELOPE + 1));
    expect(await code(bo, key)).toBe('too-large');
  });

  it('drops what its owner has', async () => {
    for (const n of [1, 2, 3]) bo.publish(inbox, envelope(n));
    await bo.take('ack', 3);
    ada.send({ type: 'received', channel: inbox, seq: 2 });
    ada.subscribe('inbox', 3);
    expect(await ada.next('item')).toMatchObject({ seq: 3 });
    ada.subscribe('inbox', 1);
    expect(await ada.next('gap')).toMatchObject({ oldest: 3 });
  });

  it('is full for a sender whose envelopes wait, and has room when they were read', async () => {
    await start({ limits: { unread: 2 } });
    for (const n of [1, 2]) bo.publish(inbox, envelope(n));
    await bo.take('ack', 2);
    const key = bo.publish(inbox, envelope(3));
    expect(await code(bo, key)).toBe('inbox-full');
    ada.publish(inbox, envelope(4));
    await ada.next('ack');
    ada.send({ type: 'received', channel: inbox, seq: 1 });
    await ada.settled();
    bo.publish(inbox, envelope(3), key);
    expect(await bo.next('ack')).toMatchObject({ seq: 4, duplicate: 0 });
  });

  it('gets its part of an MPUB, each part answered by itself', async () => {
    await start({ limits: { unread: 1 } });
    const bos = inboxOf(keys[1].fingerprint);
    const entries = [inbox, bos, inbox].map(({ key }) => ({
      inbox: key,
      idempotencyKey: newKey(),
      envelope: envelope(1),
    }));
    bo.send({ type: 'mpub', entries });
    expect((await bo.take('ack', 2)).map(({ channel, seq }) => [channel, seq])).toEqual([
      [inbox, 1],
      [bos, 1],
    ]);
    expect(await code(bo, entries[2]?.idempotencyKey)).toBe('inbox-full');
  });
});

describe('limits', () => {
  it('on frames that publish: a burst, then ERR slow-down with the time to wait, for each envelope', async () => {
    await start({ limits: { burst: 2 } });
    for (let n = 0; n < 3; n++) ada.publish(groupOf(seed), envelope(n));
    expect([await code(ada), await code(ada)]).toEqual(['bad-proof', 'bad-proof']);
    expect(await ada.next('err')).toMatchObject({ code: 'slow-down', retryAfter: 50 });
    const entries = [1, 2].map((n) => ({
      inbox: envelope(n, 32),
      idempotencyKey: envelope(n, 16),
      envelope: envelope(n),
    }));
    ada.send({ type: 'mpub', entries });
    for (const n of [1, 2]) expect(await code(ada, envelope(n, 16))).toBe('slow-down');
    ada.send({ type: 'prekey-put', prekey: envelope(1) });
    expect(await code(ada, keys[0].fingerprint)).toBe('slow-down');
    harness.now += 50;
    ada.send({ type: 'mpub', entries });
    await ada.take('ack', 2);
    bo.publish(seed, envelope(1));
    await bo.next('ack');
  });

  it('on channels of a connection', async () => {
    await start({ limits: { channels: 2 } });
    ada.publish(seed, envelope(1));
    ada.subscribe('inbox');
    await ada.next('live');
    ada.subscribe(other);
    expect(await code(ada, groupOf(other).key)).toBe('too-many-channels');
    ada.subscribe(seed);
    await ada.next('live');
    ada.send({ type: 'unsub', channel: groupOf(seed) });
    harness.now += 50;
    ada.subscribe(other);
    await ada.next('live');
  });

  it('on proofs, which take long to check', async () => {
    await start({ limits: { channels: 2, rate: 1 } });
    const bad = {
      type: 'sub',
      channel: groupOf(seed),
      proof: new Uint8Array(64),
      storeId: envelope(0, 32),
      from: 1,
    } as const;
    ada.send(bad, bad, bad);
    expect([await code(ada), await code(ada)]).toEqual(['bad-proof', 'bad-proof']);
    expect(await ada.next('err')).toMatchObject({ code: 'slow-down', retryAfter: 1000 });
  });

  it('on all that is stored', async () => {
    await start({ limits: { storeBytes: 20_000 } });
    ada.publish(seed, envelope(1, 10_000));
    await ada.next('ack');
    const key = ada.publish(seed, envelope(2, 10_000));
    expect(await ada.next('err')).toMatchObject({ code: 'store-full', refused: key, retryAfter: 60_000 });
  });
});

describe('the prekey directory', () => {
  it('has one prekey a fingerprint, put by its owner, for anyone', async () => {
    bo.send({ type: 'prekey-get', fingerprint: keys[0].fingerprint });
    expect((await bo.next('prekey')).prekey).toEqual(NONE);
    ada.send({ type: 'prekey-put', prekey: envelope(1) });
    ada.send({ type: 'prekey-put', prekey: envelope(2) });
    await ada.settled();
    bo.send({ type: 'prekey-get', fingerprint: keys[0].fingerprint });
    expect(await bo.next('prekey')).toEqual({
      type: 'prekey',
      fingerprint: keys[0].fingerprint,
      prekey: envelope(2),
    });
  });
});
