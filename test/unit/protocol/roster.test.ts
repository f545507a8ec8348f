import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/crypto/bytes.js';
import { placeOf, rosterHash, sortRoster, type RosterEntry } from '../../../src/protocol/roster.js';

const entry = (first: number, role: 'admin' | 'member' = 'member'): RosterEntry => ({
  fingerprint: new Uint8Array(32).fill(first),
  role,
  cardHash: new Uint8Array(32).fill(first + 1),
});

describe('a roster', () => {
  it('is sorted by fingerprint, bytewise and unsigned', () => {
    const sorted = sortRoster([entry(0x80), entry(0x7f), entry(0xff), entry(0)]);
    expect(sorted.map(({ fingerprint }) => fingerprint[0])).toEqual([0, 0x7f, 0x80, 0xff]);
  });

  it('gives everybody a place, and strangers none', () => {
    const roster = sortRoster([entry(3), entry(1), entry(2)]);
    expect(placeOf(roster, entry(2).fingerprint)).toBe(1);
    expect(placeOf(roster, entry(9).fingerprint)).toBe(-1);
    expect(placeOf([], entry(9).fingerprint)).toBe(-1);
  });

  it('has a hash that holds order, roles and cards', () => {
    const hashes = [
      [entry(1), entry(2)],
      [entry(2), entry(1)],
      [entry(1, 'admin'), entry(2)],
      [{ ...entry(1), cardHash: new Uint8Array(32) }, entry(2)],
      [entry(1)],
      [],
    ].map((roster) => toHex(rosterHash(roster)));
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
