import { createHash, createHmac } from 'node:crypto';
import { hkdf, expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

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

/** HKDF-SHA-256 (RFC 5869), extract and expand. */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return hkdf(nobleSha256, ikm, salt, info, length);
}

/** HKDF-Extract (RFC 5869, 2.2): 32 bytes. */
export function hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return extract(nobleSha256, ikm, salt);
}

/** HKDF-Expand (RFC 5869, 2.3). */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, length = 32): Uint8Array {
  return expand(nobleSha256, prk, info, length);
}
