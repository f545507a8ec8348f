import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  type KeyObject,
} from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { concat, label, utf8 } from '../../../src/crypto/bytes.js';
import {
  decryptOaep,
  encryptOaep,
  generateRsa,
  parsePrivateKey,
  parsePublicKey,
  publicOf,
  rsaBytes,
  RsaKeyError,
  signPss,
  verifyPss,
} from '../../../src/crypto/rsa.js';
import { flips } from '../../helpers/tamper.js';

const LABEL = label('test');
const TEXT = utf8('a text');
const { RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;

let privateKey: KeyObject;
let publicKey: KeyObject;
let spki: Uint8Array;
let pkcs8: Uint8Array;

beforeAll(async () => {
  const pair = await generateRsa();
  spki = pair.publicKey;
  pkcs8 = pair.privateKey;
  privateKey = parsePrivateKey(pkcs8);
  publicKey = parsePublicKey(spki);
});

/** An SPKI of any modulus and exponent: nobody has its private half, which a card does not show. */
function spkiOf(modulus: bigint, exponent = 65537n): Uint8Array {
  const [n, e] = [modulus, exponent].map((value) => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex').toString('base64url');
  }) as [string, string];
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n, e } });
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }));
}

const modulus = () =>
  BigInt(`0x${Buffer.from(publicKey.export({ format: 'jwk' }).n!, 'base64url').toString('hex')}`);

describe('RSA keys', () => {
  it('round-trip through DER', () => {
    expect(publicOf(privateKey)).toEqual(spki);
    expect(rsaBytes(publicKey)).toBe(384);
  });

  it('refuses fewer than 3072 bits and says so', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const message = 'The RSA key has 2048 bits; at least 3072 are needed.';
    expect(() =>
      parsePublicKey(new Uint8Array(small.publicKey.export({ format: 'der', type: 'spki' }))),
    ).toThrow(message);
    expect(() =>
      parsePrivateKey(new Uint8Array(small.privateKey.export({ format: 'der', type: 'pkcs8' }))),
    ).toThrow(message);
  });

  it('refuses more than 8192 bits, odd sizes and other exponents', () => {
    expect(() => parsePublicKey(spkiOf((1n << 8199n) + 1n))).toThrow('8200 bits; at most 8192');
    expect(() => parsePublicKey(spkiOf((1n << 3072n) + 1n))).toThrow('3073 bits');
    expect(rsaBytes(parsePublicKey(spkiOf((1n << 8191n) + 1n)))).toBe(1024);
    for (const exponent of [3n, (1n << 64n) + 1n])
      expect(() => parsePublicKey(spkiOf(modulus(), exponent))).toThrow('public exponent');
  });

  it('refuses an even modulus, which OpenSSL parses and cannot encrypt to', () => {
    expect(() => parsePublicKey(spkiOf(modulus() - 1n))).toThrow(RsaKeyError);
  });

  it('refuses other kinds of keys', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 3072 });
    for (const pair of [ec, pss]) {
      const bytes = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }));
      expect(() => parsePublicKey(bytes)).toThrow('not an RSA key');
    }
  });

  it('refuses an SPKI in any but its canonical form', () => {
    expect(() => parsePublicKey(concat(spki, Uint8Array.of(0)))).toThrow(RsaKeyError);
    for (let end = 0; end < spki.length; end += 13)
      expect(() => parsePublicKey(spki.subarray(0, end))).toThrow(RsaKeyError);
    // The outer length 30 82 xx xx, written with a leading zero byte.
    const longer = concat(Uint8Array.of(0x30, 0x83, 0x00), spki.subarray(2));
    expect(() => parsePublicKey(longer)).toThrow(RsaKeyError);
    // The algorithm's NULL parameters left out.
    const nullAt = Buffer.from(spki).indexOf(Buffer.from('0500', 'hex'));
    const bare = concat(spki.subarray(0, nullAt), spki.subarray(nullAt + 2));
    bare[3]! -= 2;
    bare[5]! -= 2;
    expect(() => parsePublicKey(bare)).toThrow(RsaKeyError);
  });

  it('refuses every change of what is around the modulus, and of its length', () => {
    const at = spki.length - 5 - 384;
    const around = [...flips(spki, 0, at), ...flips(spki, spki.length - 5)];
    expect(around).toHaveLength(8 * (spki.length - 384));
    const shorter = spki.slice();
    shorter[at]! &= 0x7f;
    for (const changed of [...around, shorter]) expect(() => parsePublicKey(changed)).toThrow(RsaKeyError);
  });

  it('refuses garbage as a private key', () => {
    expect(() => parsePrivateKey(new Uint8Array(100))).toThrow('The private key is damaged.');
    expect(() => parsePrivateKey(spki)).toThrow('The private key is damaged.');
  });
});

describe('RSASSA-PSS', () => {
  const signedBy = (options: object, digest = 'sha256') =>
    new Uint8Array(sign(digest, concat(LABEL, TEXT), { key: privateKey, ...options }));

  it('holds for label and parts, however the parts are cut', () => {
    const signature = signPss(privateKey, LABEL, utf8('a '), utf8('text'));
    expect(signature).toHaveLength(384);
    expect(verifyPss(publicKey, signature, LABEL, TEXT)).toBe(true);
  });

  it('does not hold for another text, label, key or bit', async () => {
    const signature = signPss(privateKey, LABEL, TEXT);
    expect(verifyPss(publicKey, signature, LABEL, utf8('another'))).toBe(false);
    expect(verifyPss(publicKey, signature, label('other'), TEXT)).toBe(false);
    const other = parsePublicKey((await generateRsa()).publicKey);
    expect(verifyPss(other, signature, LABEL, TEXT)).toBe(false);
    for (let bit = 0; bit < 384 * 8; bit += 37) {
      const flipped = signature.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyPss(publicKey, flipped, LABEL, TEXT)).toBe(false);
    }
  });

  it('takes a salt of 32 bytes made elsewhere, and no other length', () => {
    const salted = (saltLength: number) => signedBy({ padding: RSA_PKCS1_PSS_PADDING, saltLength });
    expect(verifyPss(publicKey, salted(32), LABEL, TEXT)).toBe(true);
    for (const length of [0, 1, 20, 31, 33, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])
      expect(verifyPss(publicKey, salted(length), LABEL, TEXT)).toBe(false);
  });

  it('refuses PKCS #1 v1.5 and other hashes', () => {
    expect(verifyPss(publicKey, signedBy({ padding: RSA_PKCS1_PADDING }), LABEL, TEXT)).toBe(false);
    for (const digest of ['sha1', 'sha384', 'sha512']) {
      const signature = signedBy({ padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 }, digest);
      expect(verifyPss(publicKey, signature, LABEL, TEXT)).toBe(false);
    }
  });

  it('refuses a signature of another length, or with the modulus added to it', () => {
    const signature = signPss(privateKey, LABEL, TEXT);
    expect(verifyPss(publicKey, signature.subarray(1), LABEL, TEXT)).toBe(false);
    expect(verifyPss(publicKey, concat(Uint8Array.of(0), signature), LABEL, TEXT)).toBe(false);
    expect(verifyPss(publicKey, new Uint8Array(0), LABEL, TEXT)).toBe(false);
    // s + n verifies as s does wherever the range is not checked; it fits for small s only.
    for (let tries = 0; tries < 64; tries++) {
      const s = BigInt(`0x${Buffer.from(signPss(privateKey, LABEL, TEXT)).toString('hex')}`) + modulus();
      if (s >> 3072n) continue;
      const raised = new Uint8Array(Buffer.from(s.toString(16).padStart(768, '0'), 'hex'));
      expect(verifyPss(publicKey, raised, LABEL, TEXT)).toBe(false);
      return;
    }
  });

  it('never throws, whatever the key', () => {
    for (const n of [(1n << 3072n) - 1n, (1n << 3071n) + 1n]) {
      const odd = parsePublicKey(spkiOf(n));
      for (const byte of [0, 1, 255])
        expect(verifyPss(odd, new Uint8Array(384).fill(byte), LABEL, TEXT)).toBe(false);
    }
  });
});

describe('RSAES-OAEP', () => {
  const sealedWith = (options: object) =>
    new Uint8Array(publicEncrypt({ key: publicKey, padding: RSA_PKCS1_OAEP_PADDING, ...options }, TEXT));
  const oaepLabel = Buffer.from(LABEL);

  it('opens under its label', () => {
    expect(decryptOaep(privateKey, LABEL, encryptOaep(publicKey, LABEL, TEXT))).toEqual(TEXT);
    expect(decryptOaep(privateKey, LABEL, sealedWith({ oaepHash: 'sha256', oaepLabel }))).toEqual(TEXT);
  });

  it('takes 318 bytes and no more', () => {
    const longest = new Uint8Array(384 - 66).fill(5);
    expect(decryptOaep(privateKey, LABEL, encryptOaep(publicKey, LABEL, longest))).toEqual(longest);
    expect(() => encryptOaep(publicKey, LABEL, new Uint8Array(384 - 65))).toThrow();
  });

  it('stays closed: SHA-1, another label, none, PKCS #1 v1.5, a flipped bit, another length', () => {
    expect(decryptOaep(privateKey, LABEL, sealedWith({ oaepHash: 'sha1', oaepLabel }))).toBeUndefined();
    expect(decryptOaep(privateKey, LABEL, sealedWith({ oaepLabel }))).toBeUndefined();
    expect(decryptOaep(privateKey, LABEL, sealedWith({ oaepHash: 'sha256' }))).toBeUndefined();
    expect(decryptOaep(privateKey, LABEL, encryptOaep(publicKey, label('other'), TEXT))).toBeUndefined();
    const v15 = new Uint8Array(publicEncrypt({ key: publicKey, padding: RSA_PKCS1_PADDING }, TEXT));
    expect(decryptOaep(privateKey, LABEL, v15)).toBeUndefined();
    const block = encryptOaep(publicKey, LABEL, TEXT);
    block[100]! ^= 1;
    expect(decryptOaep(privateKey, LABEL, block)).toBeUndefined();
    for (const length of [0, 1, 383, 385])
      expect(decryptOaep(privateKey, LABEL, new Uint8Array(length))).toBeUndefined();
  });

  it('is SHA-256 for whoever opens it elsewhere', () => {
    const block = encryptOaep(publicKey, LABEL, TEXT);
    const options = { key: privateKey, padding: RSA_PKCS1_OAEP_PADDING, oaepLabel };
    expect(() => privateDecrypt({ ...options, oaepHash: 'sha1' }, block)).toThrow();
    expect(new Uint8Array(privateDecrypt({ ...options, oaepHash: 'sha256' }, block))).toEqual(TEXT);
  });
});
