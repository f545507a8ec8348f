import { timingSafeEqual } from 'node:crypto';

export { bytesToHex as toHex, hexToBytes as fromHex, concatBytes as concat } from '@noble/hashes/utils.js';

const encoder = new TextEncoder();

/** UTF-8 bytes of a string. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** Equality in time that depends on the lengths only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Big-endian unsigned integer of `size` bytes; `value` must be a safe integer that fits. */
export function uintBytes(value: number, size: 2 | 4 | 8): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 2) view.setUint16(0, value);
  else if (size === 4) view.setUint32(0, value);
  else view.setBigUint64(0, BigInt(value));
  return bytes;
}

/**
 * What a signature, key or hash is for. Labels end in NUL and contain no other, so none is a prefix of another
 * and `label ‖ bytes` can be read in one way only.
 */
export const label = (purpose: string): Uint8Array => utf8(`Secure Chat 1 ${purpose}\0`);
