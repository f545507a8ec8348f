import { sha3_256, shake256 } from '@noble/hashes/sha3.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { concat, label, utf8 } from './bytes.js';
import { sha256 } from './hash.js';
import type { Random } from './random.js';
import { x25519 } from './x25519.js';

const REJECTED = label('kem rejection');

/** X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 with X25519. Sizes in bytes. */
export const KEM_SEED_BYTES = 32;
export const KEM_PUBLIC_BYTES = 1216;
export const KEM_CIPHERTEXT_BYTES = 1120;
/** Of these sizes the last 32 bytes are X25519's, what is before them ML-KEM's. */
const X_BYTES = 32;
const ML_KEM_SEED_BYTES = 64;
/** The draft's XWingLabel. */
const XWING = utf8('\\.//^\\');

const halves = (whole: Uint8Array) => [whole.subarray(0, -X_BYTES), whole.subarray(-X_BYTES)] as const;

function secretHalves(seed: Uint8Array) {
  const expanded = shake256(seed, { dkLen: ML_KEM_SEED_BYTES + X_BYTES });
  const [mSeed, secret] = halves(expanded);
  return { m: ml_kem768.keygen(mSeed), x: x25519(secret) };
}

const combine = (m: Uint8Array, x: Uint8Array, ciphertextX: Uint8Array, publicKeyX: Uint8Array): Uint8Array =>
  sha3_256(concat(m, x, ciphertextX, publicKeyX, XWING));

/** The public key of a 32-byte secret seed. */
export function kemPublic(seed: Uint8Array): Uint8Array {
  const { m, x } = secretHalves(seed);
  return concat(m.publicKey, x.publicKey);
}

/** A shared secret and the ciphertext that carries it. Throws on a public key that ML-KEM or X25519 refuses. */
export function encapsulate(
  publicKey: Uint8Array,
  random: Random,
): { ciphertext: Uint8Array; shared: Uint8Array } {
  const [toM, toX] = halves(publicKey);
  const [message, secret] = halves(random(2 * X_BYTES));
  const m = ml_kem768.encapsulate(toM, message);
  const x = x25519(secret);
  return {
    ciphertext: concat(m.cipherText, x.publicKey),
    shared: combine(m.sharedSecret, x.agree(toX), x.publicKey, toX),
  };
}

/**
 * The shared secret; a foreign ciphertext of the right length gives another secret, never an error (implicit
 * rejection). ML-KEM does so by itself; an X25519 point of small order, which has no secret, is treated alike.
 * The seed is X-Wing's whole decapsulation key.
 */
export function decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  if (ciphertext.length !== KEM_CIPHERTEXT_BYTES)
    throw new RangeError(`decapsulate: the ciphertext must be ${KEM_CIPHERTEXT_BYTES} bytes`);
  const [fromM, fromX] = halves(ciphertext);
  const { m, x } = secretHalves(seed);
  const shared = ml_kem768.decapsulate(fromM, m.secretKey);
  try {
    return combine(shared, x.agree(fromX), fromX, x.publicKey);
  } catch {
    return sha256(REJECTED, seed, ciphertext);
  }
}
