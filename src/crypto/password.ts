import { scrypt } from 'node:crypto';
import { utf8 } from './bytes.js';

/** scrypt (RFC 7914) cost: N = 2^logN, block size r, parallelism p. Memory: 128 · r · N bytes. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about 0.4 s: what new key files get. */
export const DEFAULT_COST: ScryptCost = { logN: 17, r: 8, p: 1 };
/** What a file may ask for: 16 MiB to 1 GiB of memory, at most 4 passes. */
export const COST_BOUNDS = { logN: [14, 20], r: [8, 8], p: [1, 4] } as const;
export const SCRYPT_SALT_BYTES = 32;

/**
 * A key from a password: scrypt (RFC 7914) over its UTF-8 in NFC, the form of RFC 8265 OpaqueString, so that one
 * password typed on two systems is one password. Runs in libuv's pool, off the event loop.
 */
export function passwordKey(
  password: string,
  salt: Uint8Array,
  { logN, r, p }: ScryptCost,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const N = 2 ** logN;
    scrypt(
      utf8(password.normalize('NFC')),
      salt,
      length,
      { N, r, p, maxmem: 128 * r * (N + p) + 1024 * 1024 },
      (error, key) => (error ? reject(error) : resolve(new Uint8Array(key))),
    );
  });
}
