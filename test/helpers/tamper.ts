import { decode as cborDecode, encode as cborEncode } from 'cborg';
import { concat } from '../../src/crypto/bytes.js';
import { bytes, decode, encode, list, struct, uint, type Codec } from '../../src/protocol/codec.js';
import type { Token } from '../../src/protocol/invitation.js';

const MAX = 1 << 20;
const any = bytes(0, MAX);

/** An object of byte strings taken apart, changed and put together again. */
const remake =
  <T extends object>(codec: Codec<T>) =>
  (data: Uint8Array, change: (parts: T) => Partial<T>): Uint8Array => {
    const parts = decode(codec, data, MAX);
    return encode(codec, { ...parts, ...change(parts) });
  };

const signedCodec = struct<Record<'body' | 'signature', Uint8Array>>({ body: any, signature: any });

/** Cards, prekeys, commits and frontiers. */
export const signedParts = (data: Uint8Array) => decode(signedCodec, data, MAX);
export const signedWith = remake(signedCodec);

/** A structure with fields replaced by any values, also such as its codec does not write. Field 0 is the version. */
export const fieldsWith = (body: Uint8Array, change: Readonly<Record<number, unknown>>): Uint8Array => {
  const fields = (cborDecode(body) as unknown[]).map((field, i) => (i in change ? change[i] : field));
  return new Uint8Array(cborEncode(fields));
};

const tokenCodec = struct<Token['parts']>({
  head: any,
  secret: any,
  index: uint(),
  size: uint(),
  path: list(any, MAX),
  signature: any,
});
export const tokenParts = (data: Uint8Array) => decode(tokenCodec, data, MAX);
export const tokenWith = remake(tokenCodec);

const messageCodec = struct<Record<'header' | 'ciphertext' | 'tag' | 'signature', Uint8Array>>({
  header: any,
  ciphertext: any,
  tag: any,
  signature: any,
});
export const messageParts = (data: Uint8Array) => decode(messageCodec, data, MAX);
export const messageWith = remake(messageCodec);

/** Every single-bit change of `data` between two bytes, or every `step`-th. */
export function* flips(data: Uint8Array, from = 0, to = data.length, step = 1): Generator<Uint8Array> {
  for (let bit = from * 8; bit < to * 8; bit += step) {
    const flipped = data.slice();
    flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
    yield flipped;
  }
}

/** The bytes from `at` replaced. */
export const patched = (data: Uint8Array, at: number, ...values: readonly number[]): Uint8Array =>
  concat(data.subarray(0, at), Uint8Array.from(values), data.subarray(at + values.length));

/** The code of the error that `act` throws; 'nothing' if it throws none, the error itself if it has no code. */
export function codeOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
  return 'nothing';
}
