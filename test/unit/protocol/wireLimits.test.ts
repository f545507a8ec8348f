import { describe, expect, it } from 'vitest';
import {
  decodeClientFrame,
  encodeClientFrame,
  MAX_INBOX_ENVELOPE,
  MAX_MPUB,
  MAX_PAYLOAD,
} from '../../../src/protocol/wire.js';
import { codeOf } from '../../helpers/tamper.js';

const mpub = (entries: number, size = 10) =>
  encodeClientFrame({
    type: 'mpub',
    entries: Array.from({ length: entries }, () => ({
      inbox: new Uint8Array(32),
      idempotencyKey: new Uint8Array(16),
      envelope: new Uint8Array(size),
    })),
  });

describe('a frame', () => {
  it('may hold as many entries as it says, and no more', () => {
    expect(decodeClientFrame(mpub(MAX_MPUB))).toMatchObject({ type: 'mpub' });
    expect(codeOf(() => decodeClientFrame(mpub(MAX_MPUB + 1)))).toBe('malformed');
    expect(codeOf(() => decodeClientFrame(mpub(1, MAX_INBOX_ENVELOPE + 1)))).toBe('malformed');
    expect(codeOf(() => decodeClientFrame(mpub(MAX_MPUB, MAX_INBOX_ENVELOPE)))).toBe('malformed');
  });

  it('of a hundred thousand parts is refused after the first few', () => {
    const parts = MAX_PAYLOAD - 5;
    for (const part of [0x00, 0x40, 0x60, 0x80]) {
      const data = new Uint8Array(MAX_PAYLOAD).fill(part);
      data.set([0x9a, 0, parts >> 16, (parts >> 8) & 255, parts & 255]);
      expect(() => decodeClientFrame(data)).toThrow('it has too many parts');
    }
  });
});
