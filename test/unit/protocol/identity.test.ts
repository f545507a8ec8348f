import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../src/crypto/bytes.js';
import { kemPublic } from '../../../src/crypto/kem.js';
import { publicOf } from '../../../src/crypto/rsa.js';
import { inboxKey } from '../../../src/protocol/identity.js';
import { makePeople, type Person } from '../../helpers/people.js';

let ada: Person;
let bob: Person;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
});

describe('a new identity', () => {
  it('has two different keys, and a card over their public halves', () => {
    const { card, signKey, transportKey } = ada.identity;
    expect(publicOf(signKey)).toEqual(card.signSpki);
    expect(publicOf(transportKey)).toEqual(card.transportSpki);
    expect(toHex(card.signSpki)).not.toBe(toHex(card.transportSpki));
  });

  it('has a prekey whose secret half fits', () => {
    expect(kemPublic(ada.prekey.seed)).toEqual(ada.identity.card.prekey.publicKey);
  });

  it('shares nothing with another', () => {
    const all = [ada, bob].flatMap(({ identity, prekey }) => [
      identity.card.fingerprint,
      identity.storageKey,
      inboxKey(identity.card),
      prekey.seed,
      prekey.prekey.id,
    ]);
    expect(new Set(all.map(toHex)).size).toBe(all.length);
  });
});
