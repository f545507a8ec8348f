import { aesCtr } from './aesCtr.js';
import { concat, equal } from './bytes.js';
import { hkdfSha256, hmacSha256 } from './hash.js';

/** A sealed box is salt 16 ‖ ciphertext ‖ tag 32. */
const SALT_BYTES = 16;
const TAG_BYTES = 32;
export const SEALED_OVERHEAD = SALT_BYTES + TAG_BYTES;

function keys(key: Uint8Array, salt: Uint8Array, purpose: Uint8Array) {
  const okm = hkdfSha256(key, salt, purpose, 72);
  return { enc: okm.subarray(0, 32), nonce: okm.subarray(32, 40), mac: okm.subarray(40) };
}

/**
 * Encrypt-then-MAC under keys of its own for each salt: AES-256-CTR, HMAC-SHA-256 over salt ‖ ciphertext.
 * The MAC commits to the key. `salt` is 16 random bytes, never used twice with one key.
 */
export function seal(key: Uint8Array, purpose: Uint8Array, salt: Uint8Array, plain: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new RangeError('seal: the salt must be 16 bytes');
  const { enc, nonce, mac } = keys(key, salt, purpose);
  const ciphertext = aesCtr(enc, nonce, plain);
  return concat(salt, ciphertext, hmacSha256(mac, salt, ciphertext));
}

/** The plaintext, or undefined if the box is short, damaged, or not for this key and purpose. */
export function unseal(key: Uint8Array, purpose: Uint8Array, box: Uint8Array): Uint8Array | undefined {
  if (box.length < SEALED_OVERHEAD) return undefined;
  const salt = box.subarray(0, SALT_BYTES);
  const ciphertext = box.subarray(SALT_BYTES, -TAG_BYTES);
  const { enc, nonce, mac } = keys(key, salt, purpose);
  if (!equal(hmacSha256(mac, salt, ciphertext), box.subarray(-TAG_BYTES))) return undefined;
  return aesCtr(enc, nonce, ciphertext);
}
