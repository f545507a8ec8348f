import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/shared/tokenBucket.js';

describe('TokenBucket', () => {
  let now = 1000;
  const clock = () => now;

  it('lets a burst through, then the rate, and says how long to wait', () => {
    const bucket = new TokenBucket(20, 3, clock);
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0]);
    expect(bucket.take()).toBe(50);
    now += 49;
    expect(bucket.take()).toBe(1);
    now += 1;
    expect([bucket.take(), bucket.take()]).toEqual([0, 50]);
  });

  it('holds no more than the burst, however long nothing came', () => {
    const bucket = new TokenBucket(20, 3, clock);
    bucket.take();
    expect(bucket.full).toBe(false);
    now += 1e9;
    expect(bucket.full).toBe(true);
    expect([1, 2, 3, 4].map(() => bucket.take() === 0)).toEqual([true, true, true, false]);
  });

  it('does not go wrong when the clock goes back', () => {
    const bucket = new TokenBucket(1, 1, clock);
    bucket.take();
    now -= 1e6;
    expect(bucket.take()).toBe(1000);
    now += 1000;
    expect(bucket.take()).toBe(0);
  });

  it('has no limit at rate 0', () => {
    const bucket = new TokenBucket(0, 1, clock);
    expect(Array.from({ length: 100 }, () => bucket.take())).toEqual(Array(100).fill(0));
  });
});
