import { createPrivateKey, generatePrimeSync, type KeyObject } from 'node:crypto';

const base64url = (value: bigint): string => {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex').toString('base64url');
};

function inverse(a: bigint, m: bigint): bigint {
  let [r0, r1, s0, s1] = [m, a % m, 0n, 1n];
  while (r1 > 0n) [r0, r1, s0, s1] = [r1, r0 % r1, s1, s0 - (r0 / r1) * s1];
  return ((s0 % m) + m) % m;
}

/** Whether 65537 has an inverse for this prime. */
const fits = (prime: bigint): boolean => (prime - 1n) % 65537n !== 0n;

export function prime(bits: number): bigint {
  for (;;) {
    const found = generatePrimeSync(bits, { bigint: true });
    if (fits(found)) return found;
  }
}

/** The next odd number that does as a second prime; nobody checks that it is one. */
export function neighbour(p: bigint): bigint {
  let next = p + 2n;
  while (!fits(next)) next += 2n;
  return next;
}

/** A private key of two primes; `d` off by `error`. OpenSSL takes any numbers. */
export function rsaOf(p: bigint, q: bigint, error = 0n): KeyObject {
  const e = 65537n;
  const d = inverse(e, (p - 1n) * (q - 1n)) + error;
  const parts = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const jwk = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, base64url(value)]));
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...jwk } });
}

/** The first prime of a private key. */
export const primeOf = (key: KeyObject): bigint =>
  BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).p!, 'base64url').toString('hex')}`);

export const PEM_PASSWORD = 'correct horse';

/** As OpenSSL writes it: PKCS #1 under DES-EDE3-CBC, or PKCS #8. */
export const encryptedPem = (key: KeyObject, type: 'pkcs1' | 'pkcs8' = 'pkcs8'): string =>
  key.export({
    type,
    format: 'pem',
    cipher: type === 'pkcs1' ? 'des-ede3-cbc' : 'aes-256-cbc',
    passphrase: PEM_PASSWORD,
  }) as string;

export const PYTHON_PASSWORD = 'correct horse ñ';

/** RSA.generate(3072).export_key(passphrase='correct horse ñ') of PyCryptodome 3.23. */
export const PYTHON_PEM = `-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: DES-EDE3-CBC,617DDA902B8F762D

J/KTGaDYSIh3E7sBfFiy0sVnhZ8c1VL5ia4V3N1RfVR3AZhjCz2cHf0b50qm+Hu/
/q2krnDV+AIjG28CQeQ94dD0vCcqCQwPfIW+g/u1zWWaySE3STvVo0lJs0n3A8cm
1m5y43c9eAR+D1Gt2AjvljQ3d2Z29fsBZ6E2QLc5MrDEonNdbVJwll3N+E1ybi8l
TA5jGVVq948SdMRuCEyGUNLEIx11vRBaEOVwztnZNDg+KOHnNSvD1Gi7utvCPwe+
G/R7ilkYnpx5xozxRP1XamNRWqKJqvJfnIhIGcB52HmTQYEpiUYIgnLdWmSq2WZU
3y3JIXfgES3yyYUi5HgLuG2qc2OfTcXtTU6tx3d/7rEyahh5aTlQz2Jw+CEZxsSx
0nGtG44QqoLbaE6OGpmfQvn6xd13wC5BncY2L1uBCcIARijUJopF6vjxJKiMq+Na
q8D/l8dQnw5xpePDl3jKBZgiths2VtHrQ+BW2NqbEvFTvPdiFpSWFWVKLBMsLycU
5hyMlTIeMF8IPnxZEwlJhgS2NBYW5dK/ggFJXYWETxEdTf9Vu0+yGVHobAb8w+RU
YOpDOeIdqO9QQjSWZS24XPB6Dzyrwe5avVHVhwpQGuFldhhlDbUGI/fMoAAqb8Le
JpugdO1asuKo2m+C/ZyiTeqP2CAdaC/rhJJ5bIXPU7UnZseSz2lXvPRIjiDxlIYb
oezYoJGaHRESBWul/031WSM/q1myKqApD6a3tgDKlgOTMF+MDlZrDZwdxrspmS/m
XTqlhaqfzdY7o2RFNqO6putkz10WR2GggYeIpOjqh6kYs8aGw9dahRiN9O0tsJrB
DH5PhPMuTfjN0mXQOa0Yxy7RmOCuWNQ9RvoyX+zP8NRq0C9KagxGgwZmqouuZz5I
UREmMETYEmwj4NygGw2WI7K6jE00SPdcL6JB2R7VTLJyn1jNAPc5AzbnoJQK7BkV
/3MJxZtP4dJj7RJNZg0GpyUr5Qj4f89iSXSFOWH0zm2z+JWIAdfV+iyykI3s+4jm
7N/Ma+g01JmgFDTlZsd2Y1gAMfuFIXUBlX4T4uAUtTazR0nY3JBnD03w6WdBt3gv
SlJIUftAiZTMGCezlggotjdO/VR0ZaJTlcLKTkNe5vbFmOoSIqCaPmpC+7f0aFyl
SjTCmW4uurrCjDwLG7CnT2QWVyms7e7Atx7aAydTv+7fI9G3NN9fiphe09/7iZOO
xlOz2hAN66CqHeqvJcnDUI1qjQVhzbrvEwwMN+F/U789nLZh+6lkRFRTPnDufj67
enVJI8OMR7P+y4NoYAf1l/r4iIdUy5pRYmQjl6n7jx1x45xOFfDBae0Jq399wXLI
16Pg4B2OFNPH519r89OlXweG/l/cg/AQf1yMClhBOVc/ZZKIfvQ4yqPH0go1zmaR
hFtn/KFLpDfUzuhEUUJqRXhvV5B37j8yz7ysaKcy5tdjwczbL6U864O4eFD82q9g
A8mAEYTidGhAScMy2pJ+3WuM0LRh3tggFtX4TN97OZJmqGyD8H42oXtAJXxQ8FQj
7CFkxGkFOB24chOI0kMlwj13YYXkCItiCGKtnyzdiecuXTIQ+0nlSqTM9S0HbkLF
qJVeum6USsA8E5fRsX5Rb3ePqOF6FKaneK3r7XPbtzqFt8kAqa2LiTlaGB9NBWwI
NEyNtJu3CSC9bbaoJ17/Pt+YBflQ9P2jLRSycc4R5kjVPP+CVpSj5HEyF65/7XPT
+ZPiIVxneNBHE3Z0pWtVB3DkcogUgMqfWRb1ZKHDSkzeHkancQXSHANqyDMBj7RM
1t9oMiHIJrEcLSvcCwy9NCn3wNt3XPLfsoLw2oJfwo5LhLFr4QiKCUWdaZ3resKR
ZAoneeQQWQRkP8LFsRd8JSIcj8bKg0VOCM3qyxk3tOnCTJMeRgCcxzFnYkU27NzP
AlCUUvaWjxOg4QKth7XRrBBhha6YOc9aDhk8m/Xjb4wlx6NjOWTpqTqK0gXRK12P
Z8V633pyjCpMnPhYKRIs3n2MEVeaLMRC9ysXfCoeYrNyWWNnRRHLVcaQrMH5SQVK
GszadqUjHJHm0XlYLYHxFRESCu5wvDirjiRGHl418kdsz4E2LoLKXhR184j1Xe4M
QhxVCUAvSp2ol566RYJqEUJ84i6eGsbG6iixw4PAn7F+oDv7vglfldHM9cAAsgOe
TDemPFPGjx9B85/2zUlxeITwALeI6QT4xcs9ry8oUSA3tEFWRYIWBtTJIwZzw3uY
vTNvAl6HRtZ96rlYViUPmuK0T7DQ8Uct2SZj3vJivJJgy9RJB2S6iTvhntgJrFbn
//tJW6+teHnMafZsnLPeg19AXjVAyZG7LMupbOpLdQY7BwZvvg5Rcg==
-----END RSA PRIVATE KEY-----
`;
