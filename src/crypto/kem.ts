import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';
import { label } from './bytes.js';
import { sha256 } from './hash.js';
import type { Random } from './random.js';

const REJECTED = label('kem rejection');

/** X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 with X25519. Sizes in bytes. */
export const KEM_SEED_BYTES = 32;
export const KEM_PUBLIC_BYTES = 1216;
export const KEM_CIPHERTEXT_BYTES = 1120;

/** The public key of a 32-byte secret seed. */
export function kemPublic(seed: Uint8Array): Uint8Array {
  return xwing.keygen(seed).publicKey;
}

/** A shared secret and the ciphertext that carries it. Throws on a public key that ML-KEM or X25519 refuses. */
export function encapsulate(
  publicKey: Uint8Array,
  random: Random,
): { ciphertext: Uint8Array; shared: Uint8Array } {
  const { cipherText, sharedSecret } = xwing.encapsulate(publicKey, random(64));
  return { ciphertext: cipherText, shared: sharedSecret };
}

/**
 * The shared secret; a foreign ciphertext of the right length gives another secret, never an error (implicit
 * rejection). ML-KEM does so by itself; an X25519 point of small order, which noble refuses, is treated alike.
 * The seed is X-Wing's whole decapsulation key.
 */
export function decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  if (ciphertext.length !== KEM_CIPHERTEXT_BYTES)
    throw new RangeError(`decapsulate: the ciphertext must be ${KEM_CIPHERTEXT_BYTES} bytes`);
  try {
    return xwing.decapsulate(ciphertext, seed);
  } catch {
    return sha256(REJECTED, seed, ciphertext);
  }
}
