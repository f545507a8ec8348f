import { ed25519 } from '@noble/curves/ed25519.js';

/** Ed25519 (RFC 8032): seed and public key 32 bytes, signature 64. */
export const ED25519_PUBLIC_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

export const ed25519Public = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);

export const ed25519Sign = (seed: Uint8Array, message: Uint8Array): Uint8Array => ed25519.sign(message, seed);

/** Strict verification (RFC 8032, not ZIP 215). Never throws. */
export function ed25519Verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
