import { describe, expect, it } from 'vitest';
import { label, toHex, utf8 } from '../../../src/crypto/bytes.js';
import { seal, SEALED_OVERHEAD, unseal } from '../../../src/crypto/sealed.js';

const key = new Uint8Array(32).fill(1);
const salt = new Uint8Array(16).fill(2);
const purpose = label('test');
const plain = utf8('a text');

describe('a sealed box', () => {
  const box = seal(key, purpose, salt, plain);

  it('is salt, ciphertext and tag, and opens', () => {
    expect(box).toHaveLength(plain.length + SEALED_OVERHEAD);
    expect(box.subarray(0, 16)).toEqual(salt);
    expect(unseal(key, purpose, box)).toEqual(plain);
    expect(unseal(key, purpose, seal(key, purpose, salt, new Uint8Array(0)))).toEqual(new Uint8Array(0));
  });

  it('stays closed if any bit was flipped', () => {
    for (let bit = 0; bit < box.length * 8; bit++) {
      const flipped = box.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(unseal(key, purpose, flipped)).toBeUndefined();
    }
  });

  it('stays closed if it was cut or lengthened anywhere', () => {
    for (let end = 0; end < box.length; end++)
      expect(unseal(key, purpose, box.subarray(0, end))).toBeUndefined();
    expect(unseal(key, purpose, Uint8Array.of(...box, 0))).toBeUndefined();
  });

  it('stays closed under another key or for another purpose', () => {
    expect(unseal(new Uint8Array(32).fill(3), purpose, box)).toBeUndefined();
    expect(unseal(key, label('test of another purpose'), box)).toBeUndefined();
  });

  it('has another keystream for another salt', () => {
    const other = seal(key, purpose, new Uint8Array(16).fill(9), plain);
    expect(toHex(other.subarray(16, -32))).not.toBe(toHex(box.subarray(16, -32)));
  });

  it('refuses a salt of another size', () => {
    expect(() => seal(key, purpose, new Uint8Array(8), plain)).toThrow(RangeError);
  });
});
