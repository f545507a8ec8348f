import { beforeEach, describe, expect, it } from 'vitest';
import { BATCH_BYTES, ChannelLog, type Item } from '../../../src/relay/channelLog.js';

const SENDER = 's'.repeat(32);
let usage = { bytes: 0 };
let log: ChannelLog;
beforeEach(() => {
  usage = { bytes: 0 };
  log = new ChannelLog('inbox', usage);
});

const item = (n: number, size = 10): Item => ({
  packed: new Uint8Array(size).fill(n),
  id: SENDER + String(n).padStart(16, '0'),
  time: n,
});
function fill(count: number, size?: number): void {
  for (let n = 1; n <= count; n++) log.add(item(n, size));
  log.last = log.next - 1;
}

describe('ChannelLog', () => {
  it('counts on from what was dropped, and never drops what is not stored yet', () => {
    fill(5);
    expect(log.drop(3)).toBe(3);
    expect([log.first, log.last, log.next]).toEqual([4, 5, 6]);
    log.add(item(6));
    expect(log.drop(100)).toBe(2);
    expect([log.first, log.last, log.next]).toEqual([6, 5, 7]);
    expect(log.drop(2)).toBe(0);
    expect(new ChannelLog('group', usage, 7).next).toBe(8);
  });

  it('makes batches of about BATCH_BYTES, at most of the count, at least of one', () => {
    fill(10, BATCH_BYTES / 4);
    expect(log.batch(2, 100)).toMatchObject({ from: 2, to: 5 });
    expect(log.batch(2, 2)).toMatchObject({ from: 2, to: 3 });
    expect(log.batch(9, 100)).toMatchObject({ from: 9, to: 10 });
    const joined = Buffer.concat([2, 3].map((n) => item(n, BATCH_BYTES / 4).packed));
    expect(joined.equals(log.batch(2, 2).packed)).toBe(true);
    log.add(item(11, BATCH_BYTES * 2));
    expect(log.batch(10, 100).to, 'not stored yet').toBe(10);
    log.last = 11;
    expect(log.batch(11, 100)).toMatchObject({ from: 11, to: 11 });
  });

  it('trims by time and by count', () => {
    fill(10);
    log.trim(4, Infinity);
    expect(log.first).toBe(4);
    log.trim(0, 2);
    expect([log.first, log.next]).toEqual([9, 11]);
    log.trim(100, 0);
    expect([log.first, log.next]).toEqual([11, 11]);
  });

  it('knows who has how much unread in an inbox', () => {
    fill(3);
    expect(log.unread(SENDER)).toBe(3);
    log.drop(2);
    expect(log.unread(SENDER)).toBe(1);
    expect(log.unread('another')).toBe(0);
  });

  it('remembers what was published, also when it is gone, until told to forget', () => {
    fill(3);
    log.drop(2);
    expect([1, 2, 3].map((n) => log.remembered(item(n).id))).toEqual([1, 2, 3]);
    expect([...log.rememberedOnly()].map(({ seq }) => seq)).toEqual([1, 2]);
    log.forget(3);
    expect([1, 2, 3].map((n) => log.remembered(item(n).id))).toEqual([undefined, undefined, 3]);
  });

  it('accounts for every byte it gives back', () => {
    const empty = usage.bytes;
    fill(20, 1000);
    expect(usage.bytes).toBeGreaterThan(empty + 20_000);
    log.drop(20);
    log.forget(100);
    expect(usage.bytes).toBe(empty);
  });
});
