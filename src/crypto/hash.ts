import { createHash, createHmac } from 'node:crypto';
import { concat } from './bytes.js';

function ofParts(
  hash: ReturnType<typeof createHash | typeof createHmac>,
  parts: readonly Uint8Array[],
): Uint8Array {
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** SHA-256 (FIPS 180-4) of the parts joined: 32 bytes. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => ofParts(createHash('sha256'), parts);

/** SHA-512 (FIPS 180-4) of the parts joined: 64 bytes. */
export const sha512 = (...parts: readonly Uint8Array[]): Uint8Array => ofParts(createHash('sha512'), parts);

/** HMAC-SHA-256 (RFC 2104) of the parts joined: 32 bytes. */
export const hmacSha256 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  ofParts(createHmac('sha256', key), parts);

const HASH_BYTES = 32;
const NOTHING = new Uint8Array(0);

/** HKDF-SHA-256 (RFC 5869), extract and expand: `length` bytes. */
export const hkdfSha256 = (
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: Uint8Array,
  length: number,
): Uint8Array => hkdfExpand(hkdfExtract(salt ?? NOTHING, ikm), info, length);

/** HKDF-Extract (RFC 5869, 2.2): 32 bytes. */
export const hkdfExtract = (salt: Uint8Array, ikm: Uint8Array): Uint8Array => hmacSha256(salt, ikm);

/** HKDF-Expand (RFC 5869, 2.3): `length` bytes, at most 255 times 32. Throws RangeError. */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, length = HASH_BYTES): Uint8Array {
  const count = Math.ceil(length / HASH_BYTES);
  if (count > 255) throw new RangeError('hkdfExpand: at most 8160 bytes');
  const blocks: Uint8Array[] = [];
  for (let i = 1; i <= count; i++)
    blocks.push(hmacSha256(prk, blocks.at(-1) ?? NOTHING, info, Uint8Array.of(i)));
  return concat(...blocks).subarray(0, length);
}
