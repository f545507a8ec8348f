import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../src/crypto/bytes.js';
import { passwordKey } from '../../../src/crypto/password.js';

const scrypt = async (password: string, salt: string, logN: number, r: number, p: number) =>
  toHex(await passwordKey(password, utf8(salt), { logN, r, p }, 64));

// The fourth vector (N = 2^20) needs a gigabyte and is left to the library's own tests.
describe('scrypt (RFC 7914, 12)', () => {
  it('N = 16', async () => {
    expect(await scrypt('', '', 4, 1, 1)).toBe(
      '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442' +
        'fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
    );
  });

  it('N = 1024, p = 16', async () => {
    expect(await scrypt('password', 'NaCl', 10, 8, 16)).toBe(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162' +
        '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    );
  });

  it('N = 16384', async () => {
    expect(await scrypt('pleaseletmein', 'SodiumChloride', 14, 8, 1)).toBe(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
        'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    );
  });

  it('is one key for one password, however its accents are typed', async () => {
    const composed = await scrypt('caf\u00e9', 's', 4, 8, 1);
    expect(await scrypt('cafe\u0301', 's', 4, 8, 1)).toBe(composed);
    expect(await scrypt('cafe', 's', 4, 8, 1)).not.toBe(composed);
  });
});
