import { aesCtr } from '../crypto/aesCtr.js';
import { concat, equal, label, uintBytes } from '../crypto/bytes.js';
import { hkdfSha256, hmacSha256 } from '../crypto/hash.js';
import type { JournalSeal } from './journal.js';

const SALT_BYTES = 16;
const TAG_BYTES = 32;
const PURPOSE = label('journal');

/**
 * The seal of a participant's journal file: each body is AES-256-CTR ciphertext ‖ HMAC-SHA-256 (32 bytes), the first
 * one with the file's salt in front. Keys are HKDF(storage key, salt, number); the nonce is the record's index; the
 * MAC covers the previous MAC, index and length, so that no record can be changed, left out, moved or repeated.
 *
 * One seal reads or writes one file. To write, `salt` is 16 random bytes, never used twice with one storage key.
 */
export function sealedJournal(storageKey: Uint8Array, number: number, salt?: Uint8Array): JournalSeal {
  let keys: { enc: Uint8Array; mac: Uint8Array } | undefined;
  let previous: Uint8Array = new Uint8Array(TAG_BYTES);

  function derive(from: Uint8Array): { enc: Uint8Array; mac: Uint8Array } {
    const okm = hkdfSha256(storageKey, from, concat(PURPOSE, uintBytes(number, 8)), 64);
    return { enc: okm.subarray(0, 32), mac: okm.subarray(32) };
  }

  const tagOf = (mac: Uint8Array, index: number, ciphertext: Uint8Array) =>
    hmacSha256(mac, previous, uintBytes(index, 8), uintBytes(ciphertext.length, 4), ciphertext);

  return {
    seal(index, payload) {
      if (salt?.length !== SALT_BYTES) throw new RangeError('sealedJournal: the salt must be 16 bytes');
      keys ??= derive(salt);
      const ciphertext = aesCtr(keys.enc, uintBytes(index, 8), payload);
      previous = tagOf(keys.mac, index, ciphertext);
      return concat(index === 0 ? salt : new Uint8Array(), ciphertext, previous);
    },
    open(index, body) {
      const overhead = TAG_BYTES + (index === 0 ? SALT_BYTES : 0);
      if (body.length < overhead) return undefined;
      if (index === 0) keys = derive(body.subarray(0, SALT_BYTES));
      if (!keys) return undefined;
      const ciphertext = body.subarray(overhead - TAG_BYTES, -TAG_BYTES);
      const tag = body.subarray(-TAG_BYTES);
      if (!equal(tagOf(keys.mac, index, ciphertext), tag)) return undefined;
      previous = tag.slice();
      return aesCtr(keys.enc, uintBytes(index, 8), ciphertext);
    },
  };
}
