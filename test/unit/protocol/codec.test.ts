import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../../src/crypto/bytes.js';
import {
  bytes,
  decode,
  encode,
  list,
  oneOf,
  optional,
  struct,
  text,
  uint,
  variant,
  versioned,
  type Codec,
} from '../../../src/protocol/codec.js';
import { ProtocolError } from '../../../src/protocol/errors.js';
import { codeOf } from '../../helpers/tamper.js';

const MAX = 1000;
const refused = <T>(codec: Codec<T>, hex: string) =>
  expect(codeOf(() => decode(codec, fromHex(hex), MAX))).toBe('malformed');

describe('the encoding (RFC 8949, 4.2)', () => {
  const cases: [string, Codec<unknown>, unknown, string][] = [
    ['0', uint(), 0, '00'],
    ['23', uint(), 23, '17'],
    ['24', uint(), 24, '1818'],
    ['256', uint(), 256, '190100'],
    ['2^16', uint(), 65536, '1a00010000'],
    ['2^53 − 1', uint(), Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    ['bytes', bytes(3), fromHex('010203'), '43010203'],
    ['text', text(10), 'é', '62c3a9'],
    ['text after a byte order mark', text(10), '\ufeffa', '64efbbbf61'],
    ['a name of several', oneOf('a', 'b'), 'b', '01'],
    ['a list', list(uint(), 3), [1, 2], '820102'],
    ['nothing', optional(uint()), undefined, '80'],
    ['something', optional(uint()), 5, '8105'],
    ['a structure', struct({ a: uint(), b: text(1) }), { a: 1, b: 'x' }, '82016178'],
    ['a versioned one', versioned(1, struct({ a: uint() })), { a: 7 }, '820107'],
    ['a variant', variant({ x: [3, struct({ a: uint() })] }), { type: 'x', a: 7 }, '820307'],
  ] as unknown as [string, Codec<unknown>, unknown, string][];

  it.each(cases)('of %s', (_, codec, value, hex) => {
    expect(toHex(encode(codec, value))).toBe(hex);
    expect(decode(codec, fromHex(hex), MAX)).toEqual(value);
  });
});

describe('what is refused', () => {
  it('integers longer than they need be, out of range, negative or not integers', () => {
    for (const hex of ['1817', '190017', '1a00000100', '1b0000000000000001']) refused(uint(), hex);
    for (const hex of ['1b0020000000000000', '1bffffffffffffffff', '20', 'f90000', 'fb3ff0000000000000'])
      refused(uint(), hex);
    refused(uint(5), '06');
    refused(uint(5, 2), '01');
  });

  it('null, undefined, booleans, maps, tags and anything of unknown length', () => {
    const anything = list(uint(), 3);
    for (const hex of [
      '81f6',
      '81f7',
      '81f4',
      '81f5',
      '81a0',
      '81c100',
      '9f00ff',
      '5f4100ff',
      '7f6161ff',
      'ff',
      '81e0',
    ])
      refused(anything, hex);
  });

  it('byte strings and texts of the wrong size', () => {
    refused(bytes(2), '4101');
    refused(bytes(1, 2), '40');
    refused(bytes(1, 2), '43010203');
    refused(text(2), '63616263');
    refused(text(2), '63e282ac');
    refused(bytes(1), '6161');
    refused(text(1), '4161');
  });

  it('texts that are not UTF-8', () => {
    for (const hex of ['62c328', '61ff', '63eda080', '62c0af', '64f4908080']) refused(text(10), hex);
  });

  it('structures with a field too few or too many, of another version or kind', () => {
    const pair = struct({ a: uint(), b: uint() });
    for (const hex of ['8101', '83010203', '80', '00', '4101']) refused(pair, hex);
    refused(versioned(1, pair), '83020102');
    refused(versioned(1, pair), '820102');
    const either = variant({ x: [1, pair], y: [2, struct({ c: uint() })] });
    for (const hex of ['83030102', '83020102', '8101', '80', '8140', '00']) refused(either, hex);
    for (const hex of ['02', '1863', '4100']) refused(oneOf('a', 'b'), hex);
    refused(optional(uint()), '820102');
    refused(list(uint(), 2), '83010203');
  });

  it('bytes left over, or too few of them', () => {
    refused(uint(), '0000');
    for (const hex of ['', '18', '19ff', '43', '430102', '8201']) refused(list(uint(), 9), hex);
  });

  it('lengths beyond the data, without room being made for them', () => {
    for (const head of ['9b', '5b', '7b'])
      for (const length of ['000000007fffffff', '001fffffffffffff', 'ffffffffffffffff'])
        refused(list(uint(), 9), head + length);
    refused(list(uint(), 9), '9affffffff');
    refused(list(list(uint(), 9), 9), '82829a0fffffff');
  });

  it('more than eight levels', () => {
    const nested = (depth: number): Codec<unknown> =>
      depth === 0 ? (uint() as Codec<unknown>) : (list(nested(depth - 1), 1) as Codec<unknown>);
    expect(decode(nested(8), fromHex('81'.repeat(8) + '00'), MAX)).toEqual([[[[[[[[0]]]]]]]]);
    refused(nested(9), '81'.repeat(9) + '00');
    refused(nested(9), '81'.repeat(900));
    expect(codeOf(() => decode(nested(9), new Uint8Array(500_000).fill(0x81), 500_000))).toBe('malformed');
  });

  it('siblings do not count as levels', () => {
    const flat = list(list(list(uint(), 0), 1), 20);
    const value = Array.from({ length: 20 }, () => [[]]);
    expect(decode(flat, encode(flat, value), MAX)).toEqual(value);
  });

  it('more bytes than allowed, before looking at them', () => {
    const data = concat(fromHex('4a'), utf8('0123456789'));
    expect(decode(bytes(10), data, 11)).toHaveLength(10);
    expect(codeOf(() => decode(bytes(10), data, 10))).toBe('malformed');
  });

  it('more parts than allowed, before they are made', () => {
    const numbers = list(uint(), 10);
    const data = encode(numbers, [1, 2, 3]);
    expect(decode(numbers, data, MAX, 4)).toEqual([1, 2, 3]);
    expect(codeOf(() => decode(numbers, data, MAX, 3))).toBe('malformed');
  });

  it('always as a ProtocolError', () => {
    expect(() => decode(uint(), fromHex('ff'), MAX)).toThrow(ProtocolError);
  });
});
