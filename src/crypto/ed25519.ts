import { sign } from 'node:crypto';
import { ed25519 as noble } from '@noble/curves/ed25519.js';
import { equal } from './bytes.js';
import { nodeOrNoble, privateKeyOf, publicBytes } from './rfc8410.js';

/** Ed25519 (RFC 8032): seed and public key 32 bytes, signature 64. */
export const ED25519_PUBLIC_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

interface Signer {
  readonly publicKey: () => Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

function ofNode(seed: Uint8Array): Signer {
  const privateKey = privateKeyOf('ed25519', seed);
  return {
    publicKey: () => publicBytes('ed25519', privateKey),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

const ofNoble = (seed: Uint8Array): Signer => ({
  publicKey: () => noble.getPublicKey(seed),
  sign: (message) => noble.sign(message, seed),
});

const MESSAGE = new Uint8Array(1);
const signer = nodeOrNoble(
  ofNode,
  ofNoble,
  (mine, theirs) =>
    equal(mine.publicKey(), theirs.publicKey()) && equal(mine.sign(MESSAGE), theirs.sign(MESSAGE)),
);

export const ed25519Public = (seed: Uint8Array): Uint8Array => signer(seed).publicKey();

export const ed25519Sign = (seed: Uint8Array, message: Uint8Array): Uint8Array => signer(seed).sign(message);

/** Strict verification (RFC 8032, not ZIP 215). Never throws. */
export function ed25519Verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  try {
    return noble.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
