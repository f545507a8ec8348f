import { vi } from 'vitest';
import { createHash } from 'node:crypto';

/**
 * The public-key primitives as ideal objects: quick, and the same in every process, so that a seed gives the same run
 * again. Nobody in the model breaks one; their own tests are in test/unit/crypto. Hashes and ciphers are the real ones.
 */
const hash = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const digest = createHash('sha256');
  for (const part of parts) {
    const data = Buffer.from(part);
    digest.update(`${data.length} `).update(data);
  }
  return new Uint8Array(digest.digest());
};
const padded = (length: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

interface Key {
  readonly spki: Uint8Array;
}
const RSA_BYTES = 384;
let made = 0;

vi.mock('../../src/crypto/rsa.js', () => ({
  RSA_BITS: 3072,
  RSA_MIN_BITS: 3072,
  RSA_MAX_BITS: 8192,
  RSA_MAX_SPKI: 1100,
  RSA_MAX_BYTES: 1024,
  RsaKeyError: class extends Error {},
  generateRsa: () => {
    const secret = hash('rsa', String(made++));
    return Promise.resolve({ privateKey: secret, publicKey: hash('spki', secret) });
  },
  parsePublicKey: (spki: Uint8Array): Key => ({ spki }),
  parsePrivateKey: (secret: Uint8Array): Key => ({ spki: hash('spki', secret) }),
  publicOf: ({ spki }: Key) => spki,
  rsaBytes: () => RSA_BYTES,
  signPss: ({ spki }: Key, ...parts: Uint8Array[]) => padded(RSA_BYTES, hash('pss', spki, ...parts)),
  verifyPss: ({ spki }: Key, signature: Uint8Array, ...parts: Uint8Array[]) =>
    same(signature, padded(RSA_BYTES, hash('pss', spki, ...parts))),
  encryptOaep: ({ spki }: Key, label: Uint8Array, plain: Uint8Array) =>
    padded(RSA_BYTES, hash('oaep', spki, label, plain), Uint8Array.of(plain.length), plain),
  decryptOaep: ({ spki }: Key, label: Uint8Array, block: Uint8Array) => {
    const plain = block.slice(33, 33 + (block[32] ?? 0));
    const whole = padded(RSA_BYTES, hash('oaep', spki, label, plain), Uint8Array.of(plain.length), plain);
    return same(block, whole) ? plain : undefined;
  },
}));

vi.mock('../../src/crypto/kem.js', () => {
  const kemPublic = (seed: Uint8Array) => padded(1216, hash('kem', seed));
  return {
    KEM_SEED_BYTES: 32,
    KEM_PUBLIC_BYTES: 1216,
    KEM_CIPHERTEXT_BYTES: 1120,
    kemPublic,
    encapsulate: (key: Uint8Array, random: (length: number) => Uint8Array) => {
      const ciphertext = padded(1120, random(32));
      return { ciphertext, shared: hash('shared', key, ciphertext) };
    },
    decapsulate: (seed: Uint8Array, ciphertext: Uint8Array) => hash('shared', kemPublic(seed), ciphertext),
  };
});

vi.mock('../../src/crypto/ed25519.js', () => {
  const ed25519Public = (seed: Uint8Array) => hash('ed25519', seed);
  const signature = (key: Uint8Array, message: Uint8Array) => padded(64, hash('signature', key, message));
  return {
    ED25519_PUBLIC_BYTES: 32,
    ED25519_SIGNATURE_BYTES: 64,
    ed25519Public,
    ed25519Sign: (seed: Uint8Array, message: Uint8Array) => signature(ed25519Public(seed), message),
    ed25519Verify: (key: Uint8Array, signed: Uint8Array, message: Uint8Array) =>
      same(signed, signature(key, message)),
  };
});
