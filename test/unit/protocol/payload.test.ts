import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/crypto/bytes.js';
import {
  decodePayload,
  encodePayload,
  MAX_PAYLOAD_BYTES,
  paddedLength,
  PAYLOAD_KINDS,
} from '../../../src/protocol/payload.js';
import { payloadOf } from '../../helpers/group.js';
import { codeOf } from '../../helpers/tamper.js';

describe('Padmé (PoPETs 2019)', () => {
  it.each([
    [0, 256],
    [1, 256],
    [256, 256],
    [257, 272],
    [272, 272],
    [273, 288],
    [500, 512],
    [512, 512],
    [513, 544],
    [1000, 1024],
    [1025, 1088],
    [9999, 10240],
    [32768, 32768],
    [32769, 34816],
    [63488, 63488],
  ])('%i bytes become %i', (length, padded) => {
    expect(paddedLength(length)).toBe(padded);
  });

  it('never shrinks, never falls and adds at most 12 %', () => {
    let before = 0;
    for (let length = 257; length <= MAX_PAYLOAD_BYTES; length++) {
      const padded = paddedLength(length);
      if (padded < length || padded < before || padded > length * 1.12)
        throw new Error(`${length} became ${padded} after ${before}`);
      before = padded;
    }
  });
});

describe('a payload', () => {
  it('of every kind comes back', () => {
    for (const kind of PAYLOAD_KINDS) {
      const payload = payloadOf('hello', {
        kind,
        frontier: [{ place: 3, sqn: 17, hash: new Uint8Array(32).fill(1) }],
      });
      const padded = encodePayload(payload);
      expect(padded).toHaveLength(256);
      expect(decodePayload(padded)).toEqual(payload);
    }
  });

  it('has one length for many texts', () => {
    const lengths = ['', 'yes', 'no', 'x'.repeat(150)].map((text) => encodePayload(payloadOf(text)).length);
    expect(new Set(lengths)).toEqual(new Set([256]));
  });

  it('may end in zeros and in 0x80 itself', () => {
    for (const content of [Uint8Array.of(0, 0), Uint8Array.of(0x80), Uint8Array.of(0x80, 0), utf8('')]) {
      const payload = payloadOf('', { content });
      expect(decodePayload(encodePayload(payload))).toEqual(payload);
    }
  });

  it('is refused when too large to send', () => {
    expect(() => encodePayload(payloadOf('x'.repeat(MAX_PAYLOAD_BYTES)))).toThrow(RangeError);
    const largest = payloadOf('x'.repeat(MAX_PAYLOAD_BYTES - 40));
    expect(encodePayload(largest)).toHaveLength(MAX_PAYLOAD_BYTES);
  });

  it('is refused with wrong padding or content', () => {
    const padded = encodePayload(payloadOf('hello'));
    for (const wrong of [
      new Uint8Array(0),
      new Uint8Array(256),
      new Uint8Array(256).fill(0x80),
      padded.map((byte, i) => (i === padded.length - 1 ? 1 : byte)),
      padded.map((byte) => (byte === 0x80 ? 0x81 : byte)),
      padded.subarray(0, 30),
      padded.subarray(0, 255),
      Uint8Array.of(...padded, 0),
      Uint8Array.of(...padded, ...new Uint8Array(256)),
    ])
      expect(codeOf(() => decodePayload(wrong))).toBe('malformed');
  });
});
