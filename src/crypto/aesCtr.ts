import { createCipheriv } from 'node:crypto';
import { ctr } from '@noble/ciphers/aes.js';

/** Bytes of the key (AES-256) and of the nonce; the other half of the counter block counts blocks from 0. */
export const AES_KEY_BYTES = 32;
export const NONCE_BYTES = 8;
/** From this many bytes on node:crypto does it, in a twentieth of the time. */
export const LONG_BYTES = 16 * 1024;

/**
 * AES-256-CTR (NIST SP 800-38A, 6.5), counter block = 8-byte nonce ‖ 8-byte big-endian block counter.
 * Encrypts and decrypts. It authenticates nothing: callers check a MAC first.
 */
export function aesCtr(key: Uint8Array, nonce: Uint8Array, data: Uint8Array): Uint8Array {
  if (key.length !== AES_KEY_BYTES) throw new RangeError('aesCtr: the key must be 32 bytes');
  if (nonce.length !== NONCE_BYTES) throw new RangeError('aesCtr: the nonce must be 8 bytes');
  const block = new Uint8Array(16);
  block.set(nonce);
  if (data.length < LONG_BYTES) return ctr(key, block).encrypt(data);
  return new Uint8Array(createCipheriv('aes-256-ctr', key, block).update(data));
}
