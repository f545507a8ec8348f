import { concat } from '../../src/crypto/bytes.js';

/** Pseudorandom integers below a bound, the same for the same seed (sfc32). */
export type Rng = (below: number) => number;

export function rng(seed: number): Rng {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = (): number => {
    const t = (a + b + d++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return (below) => Math.floor((next() / 2 ** 32) * below);
}

const pick = <T>(random: Rng, from: readonly T[]): T => from[random(from.length)]!;
const noise = (random: Rng, length: number): Uint8Array => Uint8Array.from({ length }, () => random(256));

/** Heads of CBOR items that promise more than there is, types that are not used, and numbers at the bounds. */
const HEADS = [
  '9b00000000ffffffff',
  '9bffffffffffffffff',
  '5b7fffffffffffffff',
  '7bffffffffffffffff',
  '9a7fffffff',
  '5affffffff',
  '7affffffff',
  '1b001fffffffffffff',
  '1b0020000000000000',
  '1bffffffffffffffff',
  '3bffffffffffffffff',
  'bb00000000ffffffff',
  'a0',
  '80',
  '9f',
  '5f',
  'bfff',
  'c1',
  'd9d9f7',
  'f6',
  'f7',
  'fb7ff8000000000000',
  '1800',
  '190000',
  '00',
  'ff',
].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));
const WORDS = [
  '__proto__',
  'constructor',
  '-----BEGIN RSA PRIVATE KEY-----',
  '://x?',
  '%',
  '\\u0000',
  '[[[[',
  '\ufeff',
  '\ud83d',
].map((word) => new Uint8Array(Buffer.from(word)));
const LONGEST = 1 << 20;

/** A few changes to a sample, or nothing that resembles one. `other` is what parts may be taken from. */
export function mutated(random: Rng, sample: Uint8Array, other: Uint8Array): Uint8Array {
  switch (random(40)) {
    case 0:
      return noise(random, random(300));
    case 1:
      return concat(
        ...Array.from({ length: random(40) }, () => concat(pick(random, HEADS), noise(random, random(9)))),
      );
    case 2:
      return new Uint8Array(random(5000)).fill(pick(random, [0x81, 0x9f, 0x82, 0x5b, 0xc1, 0xa1]));
    case 3:
      return sample.subarray(0, random(sample.length + 1));
    case 4:
      // Now and then something far too long.
      return random(50) === 0 ? repeated(sample, random(LONGEST)) : concat(sample, sample);
    default: {
      let data = sample;
      for (let edits = 1 + random(4); edits > 0; edits--) data = edited(random, data, other);
      return data;
    }
  }
}

function repeated(data: Uint8Array, length: number): Uint8Array {
  const all = new Uint8Array(length);
  for (let at = 0; at < length; at += Math.max(1, data.length)) all.set(data.subarray(0, length - at), at);
  return all;
}

function edited(random: Rng, data: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random(data.length + 1);
  const length = random(random(4) === 0 ? data.length + 1 : 40);
  const [before, after] = [data.subarray(0, at), data.subarray(at)];
  switch (random(9)) {
    case 0:
    case 1: {
      const copy = data.slice();
      if (at < copy.length) copy[at] = copy[at]! ^ (1 << random(8));
      return copy;
    }
    case 2: {
      const copy = data.slice();
      if (at < copy.length) copy[at] = pick(random, [0, 1, 0x7f, 0x80, 0xff, random(256)]);
      return copy;
    }
    case 3:
      return concat(before, after.subarray(length));
    case 4:
      return concat(before, after.subarray(0, length), after);
    case 5:
      return concat(before, pick(random, HEADS), random(2) ? after : after.subarray(1));
    case 6:
      return concat(before, noise(random, random(20)), after);
    case 7: {
      const from = random(other.length + 1);
      return concat(before, other.subarray(from, from + length), random(2) ? after : after.subarray(length));
    }
    default:
      return concat(before, random(3) ? new Uint8Array(random(200)).fill(0x81) : pick(random, WORDS), after);
  }
}
