import { createCipheriv } from 'node:crypto';
import { ctr } from '@noble/ciphers/aes.js';
import { describe, expect, it } from 'vitest';
import { aesCtr, LONG_BYTES } from '../../../src/crypto/aesCtr.js';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';

// NIST SP 800-38A, F.5.5 and F.5.6.
const F5 = {
  key: '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
  counter: 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
  plain:
    '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
    '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
  cipher:
    '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5' +
    '2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6',
};
const ZERO_KEY = new Uint8Array(32);

describe('AES-256-CTR', () => {
  it('of the library answers SP 800-38A F.5.5 (encrypt) and F.5.6 (decrypt)', () => {
    const cipher = () => ctr(fromHex(F5.key), fromHex(F5.counter));
    expect(toHex(cipher().encrypt(fromHex(F5.plain)))).toBe(F5.cipher);
    expect(toHex(cipher().decrypt(fromHex(F5.cipher)))).toBe(F5.plain);
  });

  it('answers AESAVS VarTxt256 and VarKey256: the nonce is the upper half of the block, the count starts at 0', () => {
    const block = new Uint8Array(16);
    expect(toHex(aesCtr(ZERO_KEY, fromHex('8000000000000000'), block))).toBe(
      'ddc6bf790c15760d8d9aeb6f9a75fd4e',
    );
    const key = new Uint8Array(32);
    key[0] = 0x80;
    expect(toHex(aesCtr(key, new Uint8Array(8), block))).toBe('e35a6dcb19b201a01ebcfa8aa22b5759');
  });

  it('is the same by OpenSSL and by the library, over many blocks and at ragged ends', () => {
    const key = fromHex(F5.key);
    const nonce = fromHex('ffffffffffffffff');
    const block = Buffer.concat([nonce, Buffer.alloc(8)]);
    for (const length of [0, 1, 15, 16, 17, 4095, LONG_BYTES - 1, LONG_BYTES, 70_000]) {
      const data = new Uint8Array(length).fill(0xa5);
      const ours = toHex(aesCtr(key, nonce, data));
      expect(ours).toBe(createCipheriv('aes-256-ctr', key, block).update(data).toString('hex'));
      expect(ours).toBe(toHex(ctr(key, block).encrypt(data)));
    }
  });

  it('undoes itself and leaves its input alone', () => {
    const data = new Uint8Array(100).fill(7);
    const sealed = aesCtr(ZERO_KEY, new Uint8Array(8), data);
    expect(data).toEqual(new Uint8Array(100).fill(7));
    expect(aesCtr(ZERO_KEY, new Uint8Array(8), sealed)).toEqual(data);
  });

  it('refuses keys and nonces of another size', () => {
    expect(() => aesCtr(new Uint8Array(16), new Uint8Array(8), ZERO_KEY)).toThrow(RangeError);
    expect(() => aesCtr(ZERO_KEY, new Uint8Array(16), ZERO_KEY)).toThrow(RangeError);
  });
});
