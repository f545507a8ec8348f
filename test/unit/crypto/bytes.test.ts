import { describe, expect, it } from 'vitest';
import { concat, equal, fromHex, label, toHex, uintBytes, utf8 } from '../../../src/crypto/bytes.js';

describe('bytes', () => {
  it('compares by content', () => {
    expect(equal(fromHex('0102'), fromHex('0102'))).toBe(true);
    expect(equal(fromHex('0102'), fromHex('0103'))).toBe(false);
    expect(equal(fromHex('0102'), fromHex('01'))).toBe(false);
    expect(equal(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  it('writes integers big-endian', () => {
    expect(toHex(uintBytes(0x0102, 2))).toBe('0102');
    expect(toHex(uintBytes(0x01020304, 4))).toBe('01020304');
    expect(toHex(uintBytes(Number.MAX_SAFE_INTEGER, 8))).toBe('001fffffffffffff');
  });

  it('labels end in the only NUL', () => {
    expect(label('card')).toEqual(utf8('Secure Chat 1 card\0'));
    expect(label('channel').indexOf(0)).toBe(label('channel').length - 1);
  });

  it('joins', () => {
    expect(toHex(concat(fromHex('01'), new Uint8Array(0), fromHex('0203')))).toBe('010203');
  });
});
