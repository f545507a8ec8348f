import { encode as cborEncode } from 'cborg';
import { ProtocolError } from './errors.js';

/**
 * Deterministic CBOR (RFC 8949, 4.2) of a small kind: unsigned integers, byte and text strings, arrays. A structure
 * is the array of its fields in declared order. Decoding is strict: what it accepts re-encodes to the same bytes.
 */
export interface Codec<T> {
  readonly encode: (value: T) => unknown;
  /** Gives no value for two items. Throws ProtocolError 'malformed'. */
  readonly decode: (item: unknown) => T;
}

const MAX_DEPTH = 8;

function malformed(what: string): never {
  throw new ProtocolError('malformed', `Malformed data: ${what}.`);
}

/** Unsigned integer from `min` to `max`, at most 2^53 − 1. */
export function uint(max: number = Number.MAX_SAFE_INTEGER, min = 0): Codec<number> {
  const decode = (item: unknown): number =>
    typeof item === 'number' && Number.isSafeInteger(item) && item >= min && item <= max
      ? item
      : malformed('an integer is out of range');
  return { encode: decode, decode };
}

/** Byte string of exactly `min` bytes, or of `min` to `max`. */
export function bytes(min: number, max = min): Codec<Uint8Array> {
  const decode = (item: unknown): Uint8Array =>
    item instanceof Uint8Array && item.length >= min && item.length <= max
      ? item
      : malformed('a byte string has the wrong length');
  return { encode: decode, decode };
}

/** Byte string of exactly `length` bytes, or empty. */
export function bytesOrNone(length: number): Codec<Uint8Array> {
  const any = bytes(0, length);
  const decode = (item: unknown): Uint8Array => {
    const data = any.decode(item);
    return data.length === 0 || data.length === length
      ? data
      : malformed('a byte string has the wrong length');
  };
  return { encode: decode, decode };
}

/** Text of at most `max` UTF-8 bytes, without lone surrogates. */
export function text(max: number): Codec<string> {
  const decode = (item: unknown): string =>
    typeof item === 'string' && item.isWellFormed() && Buffer.byteLength(item) <= max
      ? item
      : malformed('a text is too long or not Unicode');
  return { encode: decode, decode };
}

/** One of the names; travels as its index. */
export function oneOf<const N extends readonly string[]>(...names: N): Codec<N[number]> {
  return {
    encode: (name) => names.indexOf(name),
    decode: (item) => (typeof item === 'number' ? names[item] : undefined) ?? malformed('an unknown kind'),
  };
}

/** Array of at most `max` items. */
export function list<T>(item: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    encode: (values) => values.map(item.encode),
    decode: (items) =>
      Array.isArray(items) && items.length <= max ? items.map(item.decode) : malformed('a list is too long'),
  };
}

/** Nothing (an empty array) or one value. */
export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  const array = list(item, 1);
  return {
    encode: (value) => array.encode(value === undefined ? [] : [value]),
    decode: (items) => array.decode(items)[0],
  };
}

/** The fields in declared order. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][];
  return {
    encode: (value) => entries.map(([name, codec]) => codec.encode(value[name])),
    decode: (items) => {
      if (!Array.isArray(items) || items.length !== entries.length)
        malformed('a structure has the wrong fields');
      const value = {} as T;
      entries.forEach(([name, codec], i) => (value[name] = codec.decode((items as unknown[])[i])));
      return value;
    },
  };
}

/** A structure whose first field must be this number: its version. */
export function versioned<T extends object>(version: number, codec: Codec<T>): Codec<T> {
  return {
    encode: (value) => [version, ...(codec.encode(value) as unknown[])],
    decode: (items) =>
      Array.isArray(items) && items[0] === version
        ? codec.decode(items.slice(1))
        : malformed('it is of another version'),
  };
}

/** One of several structures, told apart by the number in front of its fields. */
export type Variant<F> = { [K in keyof F]: { readonly type: K } & Readonly<F[K]> }[keyof F];

export function variant<F extends Record<keyof F, object>>(kinds: {
  readonly [K in keyof F]: readonly [tag: number, codec: Codec<F[K]>];
}): Codec<Variant<F>> {
  type Kind = [keyof F, readonly [number, Codec<F[keyof F]>]];
  const byTag = new Map((Object.entries(kinds) as unknown as Kind[]).map((kind) => [kind[1][0], kind]));
  return {
    encode: (value) => {
      const [tag, codec] = kinds[value.type];
      return [tag, ...(codec.encode(value as unknown as F[keyof F]) as unknown[])];
    },
    decode: (items) => {
      const [tag, ...fields] = Array.isArray(items) ? (items as unknown[]) : [];
      const kind = byTag.get(tag as number) ?? malformed('an unknown kind');
      return { type: kind[0], ...kind[1][1].decode(fields) };
    },
  };
}

/** CBOR's major types that are used here. */
const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
/** The least number that takes 1, 2, 4 or 8 bytes of its own. */
const LEAST = [24, 2 ** 8, 2 ** 16, 2 ** 32];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one item, in the one form that it can have. Byte strings are views of the data. */
function read(data: Uint8Array, maxParts: number): unknown {
  let at = 0;
  let parts = 0;
  const byte = (): number => data[at++] ?? malformed('it is cut short');
  const number = (info: number): number => {
    if (info < 24) return info;
    const least = LEAST[info - 24] ?? malformed('it holds an unexpected type');
    let value = 0;
    for (let left = 1 << (info - 24); left > 0; left--) value = value * 256 + byte();
    return value >= least && Number.isSafeInteger(value) ? value : malformed('a number is too long');
  };
  const item = (depth: number): unknown => {
    if (parts++ === maxParts) malformed('it has too many parts');
    const head = byte();
    const type = head >> 5;
    const value = number(head & 31);
    if (type === UINT) return value;
    if (value > data.length - at) malformed('it is cut short');
    if (type === ARRAY) {
      if (depth === 0) malformed('it is nested too deeply');
      const items: unknown[] = [];
      while (items.length < value) items.push(item(depth - 1));
      return items;
    }
    const content = new Uint8Array(data.buffer, data.byteOffset + at, value);
    at += value;
    if (type === TEXT) return utf8.decode(content);
    return type === BYTES ? content : malformed('it holds an unexpected type');
  };
  const whole = item(MAX_DEPTH);
  return at === data.length ? whole : malformed('it is too long');
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const { buffer, byteOffset, length } = cborEncode(codec.encode(value));
  return new Uint8Array(buffer, byteOffset, length);
}

/**
 * Decodes at most `max` bytes, all of them. Throws ProtocolError 'malformed' and nothing else. `maxParts`, arrays and
 * what is in them, bounds the work for those who may not send anything large: a part can be as short as a byte.
 */
export function decode<T>(codec: Codec<T>, data: Uint8Array, max: number, maxParts = Infinity): T {
  if (data.length > max) malformed(`more than ${max} bytes`);
  try {
    return codec.decode(read(data, maxParts));
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    malformed('not valid CBOR');
  }
}
