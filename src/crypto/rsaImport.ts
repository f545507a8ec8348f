import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/**
 * Opens an encrypted private key in PEM: under “Proc-Type: 4,ENCRYPTED” (RFC 1421), mostly PKCS #1, or as encrypted
 * PKCS #8 (RFC 5958). The password counts in UTF-8 as OpenSSL and in Latin-1 as PyCryptodome take it. Gives DER PKCS #8
 * of any kind and size of key; undefined if it doesn't open, be it for the password or for damage.
 */
export function openEncryptedPem(pem: string, password: string): Uint8Array | undefined {
  const passphrases = [Buffer.from(password), Buffer.from(password.normalize('NFC'), 'latin1')];
  for (const passphrase of passphrases)
    try {
      const key = createPrivateKey({ key: pem, format: 'pem', passphrase });
      return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
    } catch {
      continue;
    }
  return undefined;
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
