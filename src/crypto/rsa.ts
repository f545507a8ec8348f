import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { concat } from './bytes.js';

/** Modulus bits of new keys, and bounds of what is accepted from outside. */
export const RSA_BITS = 3072;
export const RSA_MIN_BITS = 3072;
export const RSA_MAX_BITS = 8192;
/** Bytes of the longest accepted SPKI and signature. */
export const RSA_MAX_SPKI = 1100;
export const RSA_MAX_BYTES = RSA_MAX_BITS / 8;
const SALT_BYTES = 32;

export type { KeyObject };

/** A key that cannot be used here. */
export class RsaKeyError extends Error {
  override readonly name = 'RsaKeyError';
}

/** A new RSA key pair as DER: SPKI and PKCS #8. Made in libuv's pool, off the event loop. */
export function generateRsa(bits = RSA_BITS): Promise<{ publicKey: Uint8Array; privateKey: Uint8Array }> {
  return new Promise((resolve, reject) => {
    generateKeyPair(
      'rsa',
      {
        modulusLength: bits,
        publicKeyEncoding: { type: 'spki', format: 'der' },
        privateKeyEncoding: { type: 'pkcs8', format: 'der' },
      },
      (error, publicKey, privateKey) =>
        error
          ? reject(error)
          : resolve({ publicKey: new Uint8Array(publicKey), privateKey: new Uint8Array(privateKey) }),
    );
  });
}

function checked(key: KeyObject): KeyObject {
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') throw new RsaKeyError('The key is not an RSA key.');
  if (modulusLength < RSA_MIN_BITS)
    throw new RsaKeyError(`The RSA key has ${modulusLength} bits; at least ${RSA_MIN_BITS} are needed.`);
  if (modulusLength > RSA_MAX_BITS)
    throw new RsaKeyError(`The RSA key has ${modulusLength} bits; at most ${RSA_MAX_BITS} are accepted.`);
  if (modulusLength % 8 !== 0)
    throw new RsaKeyError(`The RSA key has ${modulusLength} bits, which is not a multiple of 8.`);
  if (publicExponent !== 65537n)
    throw new RsaKeyError('The RSA key has an unusual public exponent; only 65537 is accepted.');
  return key;
}

/** DER of a tag and a length of 256 or more. */
const head = (tag: number, length: number): number[] => [tag, 0x82, length >> 8, length & 0xff];
/** AlgorithmIdentifier: rsaEncryption, NULL. */
const ALGORITHM = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
const EXPONENT = [2, 3, 1, 0, 1];

/**
 * The modulus in a DER SPKI that has the canonical form of a key as it is accepted: what is before and after a modulus of
 * that length, whose highest and lowest bits are set. OpenSSL parses other forms, and even moduli.
 */
function modulusIn(spki: Uint8Array): Uint8Array | undefined {
  const size = spki.length - 38;
  if (size < RSA_MIN_BITS / 8 || size > RSA_MAX_BITS / 8) return undefined;
  const numbers = [...head(0x30, size + 10), ...head(2, size + 1), 0];
  const before = [...head(0x30, size + 34), ...ALGORITHM, ...head(3, size + 15), 0, ...numbers];
  const modulus = spki.subarray(before.length, -EXPONENT.length);
  return before.every((byte, i) => spki[i] === byte) &&
    EXPONENT.every((byte, i) => spki.at(i - EXPONENT.length) === byte) &&
    (modulus[0] ?? 0) >= 0x80 &&
    ((modulus.at(-1) ?? 0) & 1) === 1
    ? modulus
    : undefined;
}

/** Parses a public key (DER SPKI, canonical). Throws RsaKeyError. */
export function parsePublicKey(spki: Uint8Array): KeyObject {
  const modulus = modulusIn(spki);
  if (!modulus) throw refusal(spki);
  // OpenSSL takes ten times as long to find its way through DER.
  const n = Buffer.from(modulus).toString('base64url');
  return checked(createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' }));
}

/** What is wrong with a public key that has not the canonical form. */
function refusal(spki: Uint8Array): Error {
  try {
    checked(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
    return new RsaKeyError('The public key is not in canonical form.');
  } catch (error) {
    return error instanceof RsaKeyError ? error : new RsaKeyError('The public key is damaged.');
  }
}

/** Parses a private key (DER PKCS #8). Throws RsaKeyError. */
export function parsePrivateKey(pkcs8: Uint8Array): KeyObject {
  try {
    return checked(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
  } catch (error) {
    throw error instanceof RsaKeyError ? error : new RsaKeyError('The private key is damaged.');
  }
}

/** The public half of a private key, DER SPKI. */
export function publicOf(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
}

/** Bytes of a key's signatures and OAEP blocks. */
export const rsaBytes = (key: KeyObject): number => (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;

/** RSASSA-PSS (RFC 8017, 8.1), SHA-256, MGF1-SHA-256, 32-byte salt, over label ‖ parts. */
export function signPss(key: KeyObject, label: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    sign('sha256', concat(label, ...parts), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: SALT_BYTES,
    }),
  );
}

/** Verifies {@link signPss}. Never throws; a salt of any other length is refused. */
export function verifyPss(
  key: KeyObject,
  signature: Uint8Array,
  label: Uint8Array,
  ...parts: readonly Uint8Array[]
): boolean {
  if (signature.length !== rsaBytes(key)) return false;
  return verify(
    'sha256',
    concat(label, ...parts),
    { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES },
    signature,
  );
}

const oaep = (key: KeyObject, label: Uint8Array) => ({
  key,
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: 'sha256',
  oaepLabel: Buffer.from(label),
});

/** RSAES-OAEP (RFC 8017, 7.1) with SHA-256, MGF1-SHA-256 and a label. At most modulus bytes − 66 of plaintext. */
export function encryptOaep(key: KeyObject, label: Uint8Array, plain: Uint8Array): Uint8Array {
  return new Uint8Array(publicEncrypt(oaep(key, label), plain));
}

/** Opens {@link encryptOaep}: undefined on every failure, without saying which. */
export function decryptOaep(key: KeyObject, label: Uint8Array, block: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(privateDecrypt(oaep(key, label), block));
  } catch {
    return undefined;
  }
}
