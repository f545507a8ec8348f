import { setImmediate } from 'node:timers/promises';
import { aesCtr, LONG_BYTES } from './aesCtr.js';
import { equal, fromHex, label, toHex, utf8 } from './bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from './hash.js';
import { decapsulate } from './kem.js';
import { passwordKey } from './password.js';
import { systemRandom } from './random.js';
import {
  decryptOaep,
  encryptOaep,
  parsePrivateKey,
  parsePublicKey,
  publicOf,
  signPss,
  verifyPss,
  type KeyObject,
} from './rsa.js';
import { OAEP_BLOCK, RSA_KEY, SIGNATURE, SIGNATURE_SALT_20, XWING_CIPHERTEXT } from './selfTestVectors.js';

/** This installation's cryptography gives wrong answers: nothing may be opened or sent with it. */
export class SelfTestError extends Error {
  override readonly name = 'SelfTestError';
  readonly code = 'self-test';
  constructor(readonly primitive: string) {
    super(
      `Secure Chat stopped because the cryptography of this installation does not work: ${primitive} failed its self-test. Update VS Code and start it again.`,
    );
  }
}

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const is = (bytes: Uint8Array | undefined, hex: string): boolean =>
  bytes !== undefined && toHex(bytes) === hex;

const LABEL = label('self-test');
const OTHER_LABEL = label('self-test of another label');
const TEXT = utf8('abc');

/** RFC 7914, 12, first vector. */
const scryptWorks = async (): Promise<boolean> =>
  is(
    await passwordKey('', new Uint8Array(0), { logN: 4, r: 1, p: 1 }, 64),
    '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  );

/** NIST AESAVS, VarTxt256, count 0 is the first block; the second shows where the counter counts. A long one, by noble. */
const aesCtrWorks = (): boolean =>
  is(
    aesCtr(new Uint8Array(32), fromHex('8000000000000000'), new Uint8Array(32)),
    'ddc6bf790c15760d8d9aeb6f9a75fd4ee004ea6c82d4dc01acc922fd4be825e0',
  ) &&
  is(
    sha256(aesCtr(new Uint8Array(32), fromHex('8000000000000000'), new Uint8Array(LONG_BYTES))),
    '0e58ca027ba16a1aa82c5ff13ad337cfa1e29e9d99b388c9dba17cbd19de1d44',
  );

/** RFC 5869, A.1. */
const hkdfWorks = (): boolean =>
  is(
    hkdfSha256(
      new Uint8Array(22).fill(0x0b),
      fromHex('000102030405060708090a0b0c'),
      fromHex('f0f1f2f3f4f5f6f7f8f9'),
      42,
    ),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );

/** RFC 4231, 4.3. */
const hmacWorks = (): boolean =>
  is(
    hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?')),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );

/** draft-connolly-cfrg-xwing-kem, appendix C, first vector. */
const xwingWorks = (): boolean =>
  is(
    decapsulate(
      fromHex('7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26'),
      fromBase64(XWING_CIPHERTEXT),
    ),
    'd2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384',
  );

interface RsaPair {
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

function rsaPair(): RsaPair {
  const key = parsePrivateKey(fromBase64(RSA_KEY));
  return { key, publicKey: parsePublicKey(publicOf(key)) };
}

const pssWorks = ({ key, publicKey }: RsaPair): boolean =>
  verifyPss(publicKey, fromBase64(SIGNATURE), LABEL, TEXT) &&
  !verifyPss(publicKey, fromBase64(SIGNATURE), OTHER_LABEL, TEXT) &&
  !verifyPss(publicKey, fromBase64(SIGNATURE_SALT_20), LABEL, TEXT) &&
  verifyPss(publicKey, signPss(key, LABEL, TEXT), LABEL, TEXT);

const oaepWorks = ({ key, publicKey }: RsaPair): boolean =>
  is(decryptOaep(key, LABEL, fromBase64(OAEP_BLOCK)), toHex(TEXT)) &&
  decryptOaep(key, OTHER_LABEL, fromBase64(OAEP_BLOCK)) === undefined &&
  is(decryptOaep(key, LABEL, encryptOaep(publicKey, LABEL, TEXT)), toHex(TEXT));

const randomWorks = (): boolean => {
  const [a, b] = [systemRandom(32), systemRandom(32)];
  return a.length === 32 && b.length === 32 && !equal(a, b);
};

async function check(primitive: string, works: () => boolean | Promise<boolean>): Promise<void> {
  let passed = false;
  try {
    passed = await works();
  } catch {
    // A primitive that throws is one that does not work.
  }
  if (!passed) throw new SelfTestError(primitive);
  await setImmediate();
}

/**
 * Known answers for everything that seals or proves something here. `node:crypto` is BoringSSL in VS Code and OpenSSL
 * in Node, and each lacks or breaks something. Yields to the event loop between the checks. Costs 25 ms, and the first
 * time some 100 ms more, which is what the KEM's code takes to warm up before its first use. Throws SelfTestError.
 */
export async function selfTest(): Promise<void> {
  let rsa: RsaPair;
  await check('the random generator', randomWorks);
  await check('scrypt', scryptWorks);
  await check('AES-256-CTR', aesCtrWorks);
  await check('HKDF', hkdfWorks);
  await check('HMAC', hmacWorks);
  await check('RSA key parsing', () => (rsa = rsaPair()) !== undefined);
  await check('RSA-PSS', () => pssWorks(rsa));
  await check('RSA-OAEP', () => oaepWorks(rsa));
  await check('X-Wing', xwingWorks);
}
