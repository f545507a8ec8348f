import { sign } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';
import { ed25519Public, ed25519Sign, ed25519Verify } from '../../../src/crypto/ed25519.js';

// RFC 8032, 7.1.
const vectors = [
  {
    name: 'TEST 1',
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    name: 'TEST 2',
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    name: 'TEST 3',
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

describe('Ed25519 (RFC 8032)', () => {
  it.each(vectors)('$name', ({ seed, publicKey, message, signature }) => {
    expect(toHex(ed25519Public(fromHex(seed)))).toBe(publicKey);
    expect(toHex(ed25519Sign(fromHex(seed), fromHex(message)))).toBe(signature);
    expect(ed25519Verify(fromHex(publicKey), fromHex(signature), fromHex(message))).toBe(true);
  });

  it('refuses a changed message, signature or key, and never throws', () => {
    const { publicKey, signature } = vectors[0]!;
    const key = fromHex(publicKey);
    const good = fromHex(signature);
    const bad = good.slice();
    bad[0]! ^= 1;
    expect(ed25519Verify(key, good, Uint8Array.of(1))).toBe(false);
    expect(ed25519Verify(key, bad, new Uint8Array(0))).toBe(false);
    expect(ed25519Verify(key, good.subarray(1), new Uint8Array(0))).toBe(false);
    expect(ed25519Verify(new Uint8Array(0), good, new Uint8Array(0))).toBe(false);
  });

  it('refuses a signature whose S was raised by the group order', () => {
    const { publicKey, signature } = vectors[0]!;
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const bytes = fromHex(signature);
    let s = bytes.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + order;
    for (let i = 32; i < 64; i++, s >>= 8n) bytes[i] = Number(s & 255n);
    expect(ed25519Verify(fromHex(publicKey), bytes, new Uint8Array(0))).toBe(false);
  });

  it('refuses a key of small order, under which anybody could sign', () => {
    const identity = new Uint8Array(32);
    identity[0] = 1;
    const signature = new Uint8Array(64);
    signature[0] = 1;
    expect(ed25519Verify(identity, signature, Uint8Array.of(1, 2, 3))).toBe(false);
  });
});

describe('Ed25519 signing', () => {
  afterEach(() => {
    vi.doUnmock('node:crypto');
    vi.resetModules();
  });

  /** Where node:crypto does this instead of signing. */
  async function where(sign: unknown) {
    vi.resetModules();
    vi.doMock('node:crypto', async (original) => ({ ...(await original<object>()), sign }));
    return import('../../../src/crypto/ed25519.js');
  }

  it.each([
    ['lacks it', () => expect.fail('not supported')],
    ['does otherwise', () => new Uint8Array(64)],
  ])('is noble’s where node:crypto %s', async (_, sign) => {
    const noble = await where(sign);
    const { seed, publicKey, message, signature } = vectors[1]!;
    expect(toHex(noble.ed25519Public(fromHex(seed)))).toBe(publicKey);
    expect(toHex(noble.ed25519Sign(fromHex(seed), fromHex(message)))).toBe(signature);
  });

  it('is node:crypto’s where that agrees with noble', async () => {
    const seed = new Uint8Array(32).fill(1);
    const spy = vi.fn(sign);
    const node = await where(spy);
    node.ed25519Sign(seed, seed);
    expect(spy).toHaveBeenCalledTimes(2);
  });
});
