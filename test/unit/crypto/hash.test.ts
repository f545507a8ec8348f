import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../../src/crypto/bytes.js';
import { hkdfExpand, hkdfExtract, hkdfSha256, hmacSha256, sha256, sha512 } from '../../../src/crypto/hash.js';

const range = (from: number, length: number) => Uint8Array.from({ length }, (_, i) => from + i);

describe('SHA-2 (FIPS 180-4 examples)', () => {
  const long = utf8('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq');

  it('SHA-256', () => {
    expect(toHex(sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(toHex(sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(toHex(sha256(long))).toBe('248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1');
  });

  it('SHA-512', () => {
    expect(toHex(sha512(utf8('abc')))).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  it('hashes the parts as if they were one', () => {
    expect(sha256(utf8('a'), utf8(''), utf8('bc'))).toEqual(sha256(utf8('abc')));
    expect(sha512(utf8('ab'), utf8('c'))).toEqual(sha512(utf8('abc')));
  });
});

describe('HMAC-SHA-256 (RFC 4231)', () => {
  const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);
  const cases: [string, Uint8Array, Uint8Array, string][] = [
    [
      '1',
      bytes(0x0b, 20),
      utf8('Hi There'),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      '2',
      utf8('Jefe'),
      utf8('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      '3',
      bytes(0xaa, 20),
      bytes(0xdd, 50),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
    ['4', range(1, 25), bytes(0xcd, 50), '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b'],
    [
      '6',
      bytes(0xaa, 131),
      utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      '7',
      bytes(0xaa, 131),
      utf8(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ];
  it.each(cases)('test case %s', (_, key, data, mac) => {
    expect(toHex(hmacSha256(key, data))).toBe(mac);
  });

  it('takes its data in parts', () => {
    expect(hmacSha256(utf8('k'), utf8('a'), utf8('b'))).toEqual(hmacSha256(utf8('k'), utf8('ab')));
  });
});

describe('HKDF-SHA-256 (RFC 5869)', () => {
  const cases: [string, Uint8Array, Uint8Array | undefined, Uint8Array, number, string, string][] = [
    [
      'A.1',
      new Uint8Array(22).fill(0x0b),
      fromHex('000102030405060708090a0b0c'),
      fromHex('f0f1f2f3f4f5f6f7f8f9'),
      42,
      '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      'A.2, longer',
      range(0x00, 80),
      range(0x60, 80),
      range(0xb0, 80),
      82,
      '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
        '59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71' +
        'cc30c58179ec3e87c14c01d5c1f3434f1d87',
    ],
    [
      'A.3, without salt and info',
      new Uint8Array(22).fill(0x0b),
      undefined,
      new Uint8Array(0),
      42,
      '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    ],
  ];
  it.each(cases)('%s', (_, ikm, salt, info, length, prk, okm) => {
    expect(toHex(hkdfSha256(ikm, salt, info, length))).toBe(okm);
    expect(toHex(hkdfExtract(salt ?? new Uint8Array(32), ikm))).toBe(prk);
    expect(toHex(hkdfExpand(fromHex(prk), info, length))).toBe(okm);
  });

  it('gives 8160 bytes and no more', () => {
    const prk = new Uint8Array(32);
    const long = hkdfExpand(prk, prk, 8160);
    expect(long).toHaveLength(8160);
    expect(hkdfExpand(prk, prk, 8159)).toEqual(long.subarray(0, -1));
    expect(() => hkdfExpand(prk, prk, 8161)).toThrow('at most 8160 bytes');
  });
});
