import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

const PKCS8 = /^-----BEGIN (ENCRYPTED PRIVATE KEY)-----([^-]*)-----END \1-----/;
/** What trying a password may cost: a million rounds of PBKDF2, or some seconds of scrypt. */
const MAX_ROUNDS = 2 ** 20;
const MAX_WORK = 2 ** 25;

/**
 * Opens an encrypted private key in PEM: under “Proc-Type: 4,ENCRYPTED” (RFC 1421), mostly PKCS #1, or as encrypted
 * PKCS #8 (RFC 5958). The password counts in UTF-8 as OpenSSL and in Latin-1 as PyCryptodome take it. Gives DER PKCS #8
 * of any kind and size of key; undefined if it doesn't open, be it for the password, for damage, or for its cost.
 */
export function openEncryptedPem(pem: string, password: string): Uint8Array | undefined {
  const [, label, body = ''] = PKCS8.exec(pem) ?? [];
  const der = label === undefined ? undefined : Buffer.from(body, 'base64');
  if (der ? !isCheap(der) : pem.includes('ENCRYPTED PRIVATE KEY')) return undefined;
  const input = der ? ({ key: der, format: 'der', type: 'pkcs8' } as const) : { key: pem };
  const passphrases = [Buffer.from(password), Buffer.from(password.normalize('NFC'), 'latin1')];
  for (const passphrase of passphrases)
    try {
      const key = createPrivateKey({ ...input, passphrase });
      return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
    } catch {
      continue;
    }
  return undefined;
}

/** Whether all numbers in an encrypted PKCS #8 key (rounds, length of the key, N, r, p) are small: a walk over its BER. */
function isCheap(der: Uint8Array): boolean {
  let work = 1;
  for (let at = 0; at < der.length;) {
    const [tag = 0, first = 0] = der.subarray(at, at + 2);
    const size = first > 0x80 ? first & 0x7f : 0;
    at += 2 + size;
    const number = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    const length = size > 0 ? number(der.subarray(at - size, at)) : first & 0x7f;
    // What is made of parts is walked through.
    if (tag & 0x20) continue;
    const value = tag === 2 ? number(der.subarray(at, at + length)) : 1;
    work *= Math.max(1, value);
    if ((tag & 0x1f) === 0x1f || value > MAX_ROUNDS || work > MAX_WORK) return false;
    at += length;
  }
  return true;
}

const integer = (text = ''): bigint => BigInt(`0x0${Buffer.from(text, 'base64url').toString('hex')}`);

const modulus = (key: KeyObject): bigint =>
  integer((key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' }).n);

/**
 * Whether the parts of a private key belong together (n = p·q, e·d ≡ 1) and its primes are as far apart as FIPS 186-5,
 * A.1.3 wants them: n with closer ones falls to Fermat's method.
 */
export function primesHold(key: KeyObject): boolean {
  const jwk = key.export({ format: 'jwk' });
  const part = (name: 'n' | 'e' | 'd' | 'p' | 'q'): bigint => integer(jwk[name]);
  const [p, q, ed] = [part('p'), part('q'), part('e') * part('d')];
  if (p < 2n || q < 2n || p * q !== part('n')) return false;
  if (ed % (p - 1n) !== 1n || ed % (q - 1n) !== 1n) return false;
  const half = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 2;
  return (p > q ? p - q : q - p) > 1n << BigInt(half - 100);
}

/** Two RSA keys that share a prime (or are one key): the greatest common divisor of the moduli gives both away. */
export function sharePrime(a: KeyObject, b: KeyObject): boolean {
  let [x, y] = [modulus(a), modulus(b)];
  while (y > 0n) [x, y] = [y, x % y];
  return x > 1n;
}
