import { x25519 as noble } from '@noble/curves/ed25519.js';
import { afterEach, describe, expect, it, vi } from 'vitest';

const ONE = new Uint8Array(32).fill(1);
const TWO = new Uint8Array(32).fill(2);
const POINT = noble.getPublicKey(TWO);

afterEach(() => {
  vi.doUnmock('node:crypto');
  vi.resetModules();
});

/** X25519 where node:crypto does this instead of agreeing on a secret. */
async function where(diffieHellman: () => Uint8Array) {
  vi.resetModules();
  vi.doMock('node:crypto', async (original) => ({ ...(await original<object>()), diffieHellman }));
  return (await import('../../../src/crypto/x25519.js')).x25519;
}

describe('X25519', () => {
  it('is node:crypto’s where that agrees with noble', async () => {
    const spy = vi.fn(() => noble.getSharedSecret(ONE, POINT));
    const x25519 = await where(spy);
    x25519(TWO).agree(noble.getPublicKey(ONE));
    expect(spy).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['lacks it', () => expect.fail('not supported')],
    ['does otherwise', () => new Uint8Array(32)],
  ])('is noble’s where node:crypto %s', async (_, diffieHellman) => {
    const { publicKey, agree } = (await where(diffieHellman))(ONE);
    expect(publicKey).toEqual(noble.getPublicKey(ONE));
    expect(agree(POINT)).toEqual(noble.getSharedSecret(ONE, POINT));
  });

  it('refuses a point of small order', async () => {
    const { x25519 } = await import('../../../src/crypto/x25519.js');
    expect(() => x25519(ONE).agree(new Uint8Array(32))).toThrow();
  });
});
