import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';
import { sha256 } from '../../../src/crypto/hash.js';
import {
  decapsulate,
  encapsulate,
  KEM_CIPHERTEXT_BYTES,
  KEM_PUBLIC_BYTES,
  kemPublic,
} from '../../../src/crypto/kem.js';

// draft-connolly-cfrg-xwing-kem, appendix C; long values through their SHA-256.
const vectors = [
  {
    seed: '7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26',
    eseed:
      '3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2',
    ss: 'd2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384',
    pk: '2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb',
    ct: '17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33',
  },
  {
    seed: 'badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea',
    eseed:
      '17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdefaee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d',
    ss: 'f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150',
    pk: 'c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916',
    ct: '1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154',
  },
  {
    seed: 'ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9',
    eseed:
      '22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b',
    ss: '953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f',
    pk: '6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95',
    ct: 'd3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6',
  },
];

describe('X-Wing', () => {
  it.each(vectors)('vector with seed $seed', ({ seed, eseed, ss, pk, ct }) => {
    const publicKey = kemPublic(fromHex(seed));
    const { ciphertext, shared } = encapsulate(publicKey, () => fromHex(eseed));
    expect(publicKey).toHaveLength(KEM_PUBLIC_BYTES);
    expect(ciphertext).toHaveLength(KEM_CIPHERTEXT_BYTES);
    expect(toHex(sha256(publicKey))).toBe(pk);
    expect(toHex(sha256(ciphertext))).toBe(ct);
    expect(toHex(shared)).toBe(ss);
    expect(toHex(decapsulate(fromHex(seed), ciphertext))).toBe(ss);
  });

  const { seed, eseed, ss } = vectors[0]!;
  const { ciphertext } = encapsulate(kemPublic(fromHex(seed)), () => fromHex(eseed));

  it('gives another secret for a changed ciphertext, in the ML-KEM half and in the X25519 half', () => {
    for (const at of [0, 1087, 1088, 1119]) {
      const changed = ciphertext.slice();
      changed[at]! ^= 1;
      const other = decapsulate(fromHex(seed), changed);
      expect(other).toHaveLength(32);
      expect(toHex(other)).not.toBe(ss);
    }
  });

  it('gives another secret, and no error, for an X25519 point of small order', () => {
    for (const point of [
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ]) {
      const changed = ciphertext.slice();
      changed.set(fromHex(point), 1088);
      const other = decapsulate(fromHex(seed), changed);
      expect(other).toHaveLength(32);
      expect(toHex(other)).not.toBe(ss);
      expect(decapsulate(fromHex(seed), changed)).toEqual(other);
    }
  });

  it('refuses to encapsulate to a public key outside ML-KEM’s range or of small order', () => {
    const publicKey = kemPublic(fromHex(seed));
    const outside = publicKey.slice().fill(0xff, 0, 3);
    const smallOrder = publicKey.slice().fill(0, 1184);
    for (const key of [outside, smallOrder]) expect(() => encapsulate(key, () => fromHex(eseed))).toThrow();
  });

  it('leaves the seed alone', () => {
    const own = fromHex(seed);
    decapsulate(own, ciphertext);
    expect(toHex(own)).toBe(seed);
  });

  it('refuses a ciphertext of another size', () => {
    expect(() => decapsulate(fromHex(seed), ciphertext.subarray(1))).toThrow('must be 1120 bytes');
  });
});
