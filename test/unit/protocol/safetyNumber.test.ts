import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import { uintBytes } from '../../../src/crypto/bytes.js';
import { safetyNumber } from '../../../src/protocol/safetyNumber.js';

const of = (byte: number) => new Uint8Array(32).fill(byte);

describe('a safety number', () => {
  it('is 60 digits, the same for both of the two', () => {
    const number = safetyNumber(of(1), of(2));
    expect(number).toHaveLength(12);
    for (const group of number) expect(group).toMatch(/^\d{5}$/);
    expect(safetyNumber(of(2), of(1))).toEqual(number);
  });

  it('is another one for every other pair', () => {
    const pairs = [
      [1, 2],
      [1, 3],
      [2, 3],
      [1, 1],
    ] as const;
    expect(new Set(pairs.map(([a, b]) => safetyNumber(of(a), of(b)).join())).size).toBe(pairs.length);
  });

  it('has every digit equally often at every place', () => {
    const counts = Array.from({ length: 5 }, () => new Array<number>(10).fill(0));
    const numbers = 500;
    for (let i = 0; i < numbers; i++)
      for (const group of safetyNumber(of(0), sha256(uintBytes(i, 4))))
        Array.from(group).forEach((digit, place) => counts[place]![Number(digit)]!++);
    // 600 of each are expected; five standard deviations.
    for (const count of counts.flat()) expect(Math.abs(count - (numbers * 12) / 10)).toBeLessThan(5 * 24);
  });
});
