import { createHash, createPublicKey, randomBytes, type KeyObject } from 'node:crypto';

/**
 * Duplicate-signature key selection (Blake-Wilson and Menezes, 1999) for RSASSA-PSS: given a message and anybody's
 * signature of it, another RSA key under which the same signature holds. The modulus is a product of two primes p with
 * smooth p − 1, where discrete logarithms are easy, so an exponent e' with signature^e' = EMSA-PSS(message) can be
 * computed. Both primes are fixed; p − 1 is twice a product of distinct 13-bit primes, other ones for each.
 */
const PRIMES = [
  `fcc6f0f8d44aaa4859107010d6b7ff312a195780361f7a400bd80fa1538f447a2c1ba0e46d127dd21beda43778c51c2c
   0da50968cf6011bdfd7619f03b79bd124a86808c8fe4542fa68937c1484964ebb98dde99a18c14358ae5c2211975be36
   5d62968731e70c4a0413e5b275908f180b88aaf1604354b83d29bf5b2792f658fc557f72fce812e5ecd9bf6abf2f5b90
   7eaf0654d79ff6b3c2296e7e5868b4ad35a61524386bb7de10087c325990f0650531b443670c704ae307e1529900e757`,
  `f72e346314d49d3b4de71e25aba6d13fcd5f410518ed9cb51975b05d2c38e9c5484a3c1adfddbd79ff117e232a496775
   d2f0c9f4f4477afcd787caf4c9a57f7fe345e843944088c8bb285f1edf2e14ac879dcd4c8b7dfebf4dd4edbbdd92e82c
   d5ff3b4e55bae1ec1216741c301f531904d5da3fed723c87e20f0b69149f310829451a00c2b489d18d6cbceeba4f8fa1
   83298ec8a0d3b5ac9f137141462894a81fc3cd1ce0bb026eaac6f9af87b976207dc618fa3117d002cae74688eff7f89f`,
].map((hex) => BigInt(`0x${hex.replace(/\s/g, '')}`));

const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (value: bigint): Buffer => {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
};
const sha256 = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % modulus;
    b = (b * b) % modulus;
  }
  return result;
}

/** EMSA-PSS (RFC 8017, 9.1.1) for a modulus of 3072 bits, with SHA-256, MGF1-SHA-256 and a salt of 32 bytes. */
function encodePss(message: Uint8Array): bigint {
  const salt = randomBytes(32);
  const hash = sha256(new Uint8Array(8), sha256(message), salt);
  const db = Buffer.concat([Buffer.alloc(384 - 32 - 32 - 2), Buffer.of(1), salt]);
  for (let i = 0; i < db.length; i += 32) {
    const mask = sha256(hash, Buffer.of(0, 0, 0, i / 32));
    for (let j = i; j < Math.min(i + 32, db.length); j++) db[j] = db[j]! ^ mask[j - i]!;
  }
  db[0] = db[0]! & 0x7f;
  return toInteger(Buffer.concat([db, hash, Buffer.of(0xbc)]));
}

/** The odd prime factors of p − 1. */
function oddFactors(p: bigint): bigint[] {
  const factors: bigint[] = [];
  let rest = (p - 1n) / 2n;
  for (let l = 3n; rest > 1n; l += 2n) {
    if (rest % l > 0n) continue;
    rest /= l;
    factors.push(l);
  }
  return factors;
}

/** value^((p − 1) / l) for each factor l, by halving: an element of order l or 1. */
function components(value: bigint, factors: readonly bigint[], p: bigint): bigint[] {
  if (factors.length === 1) return [value];
  const halves = [factors.slice(0, factors.length >> 1), factors.slice(factors.length >> 1)] as const;
  const product = (list: readonly bigint[]) => list.reduce((a, b) => a * b, 1n);
  return [
    ...components(power(value, product(halves[1]), p), halves[0], p),
    ...components(power(value, product(halves[0]), p), halves[1], p),
  ];
}

/** x with g^x = h, below l, by giant and baby steps; undefined if there is none. */
function logarithm(g: bigint, h: bigint, l: bigint, p: bigint): bigint | undefined {
  const step = BigInt(Math.ceil(Math.sqrt(Number(l))));
  const baby = new Map<bigint, bigint>();
  for (let i = 0n, value = h; i < step; i++, value = (value * g) % p) baby.set(value, i);
  const stride = power(g, step, p);
  for (let i = 1n, value = stride; i <= step; i++, value = (value * stride) % p) {
    const found = baby.get(value);
    if (found !== undefined) return (i * step - found) % l;
  }
  return undefined;
}

const isSquare = (value: bigint, p: bigint): boolean => power(value, (p - 1n) / 2n, p) === 1n;

/** The other key, or undefined for one signature in twenty: those above the fixed modulus. */
export function duplicateKey(message: Uint8Array, signature: Uint8Array): KeyObject | undefined {
  const n = PRIMES.reduce((a, b) => a * b);
  const s = toInteger(signature);
  if (s >= n) return undefined;
  // An odd exponent does for the factor 2 when both are squares or both are not.
  let target = encodePss(message);
  while (PRIMES.some((p) => isSquare(s, p) !== isSquare(target, p))) target = encodePss(message);
  let [e, modulus] = [1n, 2n];
  for (const p of PRIMES) {
    const factors = oddFactors(p);
    const [gs, hs] = [s, target].map((value) => components(power(value, 2n, p), factors, p)) as [
      bigint[],
      bigint[],
    ];
    for (const [i, l] of factors.entries()) {
      const x = logarithm(gs[i]!, hs[i]!, l, p);
      if (x === undefined) return undefined;
      // Chinese remainders: e stays as it is modulo what went before.
      const step = ((((x - e) % l) + l) * power(modulus % l, l - 2n, l)) % l;
      e += modulus * step;
      modulus *= l;
    }
  }
  const [kn, ke] = [n, e].map((value) => toBytes(value).toString('base64url')) as [string, string];
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: kn, e: ke } });
}
