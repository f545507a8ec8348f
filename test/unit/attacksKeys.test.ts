import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/protocol/errors.js';
import { findEncryptedPem, openImportedKey } from '../../src/protocol/importedKey.js';
import { makePeople, type Person } from '../helpers/people.js';
import { encryptedPem, neighbour, PEM_PASSWORD, prime, primeOf, rsaOf } from '../helpers/rsaKeys.js';

let ada: Person;
let bob: Person;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
});

/** The code and sentence with which a key is refused, next to Ada and Bob; undefined if it is imported. */
function refusal(key: KeyObject): readonly [string, string] | undefined {
  const known = [ada.identity.card, bob.identity.card];
  try {
    openImportedKey(findEncryptedPem(encryptedPem(key)), PEM_PASSWORD, known);
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.code, error.message];
  }
}
const generated = (modulusLength: number, publicExponent = 65537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;

describe('7 weak or shared RSA keys at import', () => {
  it('a key of 3072 bits with primes of its own is none', () => {
    expect(refusal(generated(3072))).toBeUndefined();
    expect(refusal(rsaOf(prime(1536), prime(1536)))).toBeUndefined();
  });

  it('fewer than 3072 bits are refused, with the reason and a way on', () => {
    for (const bits of [1024, 2048, 3064])
      expect(refusal(generated(bits))).toEqual([
        'weak-key',
        `The RSA key has ${bits} bits; at least 3072 are needed. It is not imported. “Secure Chat: Create participants” makes a participant with a new key of 3072 bits.`,
      ]);
  });

  it('more than 8192 bits are refused', () => {
    const large = (1n << 4149n) + 1n;
    expect(refusal(rsaOf(large, neighbour(large + (1n << 4140n))))?.[1]).toMatch(
      /^The RSA key has 8299 bits; at most 8192/,
    );
  });

  it('another exponent than 65537 is refused', () => {
    expect(refusal(generated(3072, 3))?.[1]).toContain('public exponent; only 65537');
  });

  it('primes that are close together are refused: Fermat finds them', () => {
    const p = prime(1536);
    for (const q of [neighbour(p), neighbour(p + (1n << 1436n) - (1n << 20n))])
      expect(refusal(rsaOf(p, q))?.[1]).toContain('too close together');
    expect(refusal(rsaOf(p, neighbour(p + (1n << 1437n))))).toBeUndefined();
  });

  it('a private half that does not fit its public one is refused', () => {
    expect(refusal(rsaOf(prime(1536), prime(1536), 2n))?.[0]).toBe('weak-key');
  });

  it('keys that are no RSA keys are refused', () => {
    expect(refusal(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)?.[1]).toContain(
      'not an RSA key',
    );
  });

  it('the key of a participant on this machine is refused, whichever of the two it is', () => {
    for (const key of [bob.identity.signKey, bob.identity.transportKey])
      expect(refusal(key)).toEqual([
        'shared-key',
        'This is the key of Bob already, and a key belongs to one participant. Use Bob, or create a participant with a key of its own.',
      ]);
  });

  it('a key that shares a prime with one of a participant is refused', () => {
    for (const key of [bob.identity.signKey, bob.identity.transportKey])
      expect(refusal(rsaOf(primeOf(key), prime(1536)))?.[1]).toMatch(/one of Bob’s have a prime in common/);
  });
});
