import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { makeCard, makePrekey, openCard, openPrekey } from '../../../src/protocol/card.js';
import { newPrekey } from '../../../src/protocol/identity.js';
import { NOW } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips, signedParts, signedWith } from '../../helpers/tamper.js';

let ada: Person;
let bob: Person;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
});

/** A card of Ada's with something else in it, signed by her as if all were well. */
const cardWith = (change: Partial<Parameters<typeof makeCard>[1]>) => {
  const { card, signKey } = ada.identity;
  return makeCard(signKey, {
    name: card.name,
    signKey: card.signSpki,
    transportKey: card.transportSpki,
    prekey: card.signedPrekey,
    created: NOW,
    ...change,
  });
};
const refusal = (data: Uint8Array) => {
  expect(codeOf(() => openCard(data))).toBe('bad-card');
  try {
    openCard(data);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('a card', () => {
  it('says who somebody is', () => {
    const card = openCard(cardWith({}));
    expect(card.name).toBe('Ada');
    expect(card.fingerprint).toEqual(sha256(ada.identity.card.signSpki));
    expect(card.hash).toEqual(sha256(card.bytes));
    expect(card.created).toBe(NOW);
    expect(card.prekey).toEqual(ada.prekey.prekey);
  });

  it('is refused with a name that is not allowed', () => {
    for (const name of ['', 'Ada ', 'A\u202eda', 'Ada\u3164', 'a'.repeat(65)])
      expect(refusal(cardWith({ name }))).toContain('name is not allowed');
  });

  it('is refused with one key for both purposes', () => {
    expect(refusal(cardWith({ transportKey: ada.identity.card.signSpki }))).toContain('one key for two');
  });

  it('is refused with a weak, foreign or unusable transport key', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    expect(refusal(cardWith({ transportKey: small.export({ format: 'der', type: 'spki' }) }))).toContain(
      '2048 bits',
    );
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    expect(refusal(cardWith({ transportKey: ec.export({ format: 'der', type: 'spki' }) }))).toContain('RSA');
    const even = Buffer.alloc(384, 0x80).toString('base64url');
    const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: even, e: 'AQAB' } });
    expect(refusal(cardWith({ transportKey: key.export({ format: 'der', type: 'spki' }) }))).toContain(
      'damaged',
    );
  });

  it('is refused if somebody else signed it', () => {
    const body = {
      name: 'Ada',
      signKey: ada.identity.card.signSpki,
      transportKey: bob.identity.card.transportSpki,
      prekey: ada.identity.card.signedPrekey,
      created: NOW,
    };
    expect(refusal(makeCard(bob.identity.signKey, body))).toContain('signature');
  });

  it('is refused with a prekey of somebody else’s', () => {
    expect(refusal(cardWith({ prekey: bob.identity.card.signedPrekey }))).toContain('prekey');
  });

  it('is refused if a bit was flipped anywhere, or if it was cut', () => {
    const data = cardWith({});
    for (const flipped of flips(data, 0, data.length, 101)) refusal(flipped);
    for (let end = 0; end < data.length; end += 97) refusal(data.subarray(0, end));
  });

  it('is refused with the signature of another card', () => {
    const other = cardWith({ created: NOW + 1 });
    const { signature } = signedParts(other);
    refusal(signedWith(cardWith({}), () => ({ signature })));
  });
});

describe('a prekey', () => {
  it('is opened under its owner’s key only', () => {
    const { signed, prekey, seed } = newPrekey(ada.identity.signKey, systemRandom, NOW);
    expect(openPrekey(signed, ada.identity.card.signKey)).toEqual(prekey);
    expect(prekey.time).toBe(NOW);
    expect(seed).toHaveLength(32);
    expect(codeOf(() => openPrekey(signed, bob.identity.card.signKey))).toBe('bad-signature');
  });

  it('is verified before it is read', () => {
    const garbage = signedWith(ada.prekey.signed, () => ({ body: Uint8Array.of(0xff) }));
    expect(codeOf(() => openPrekey(garbage, ada.identity.card.signKey))).toBe('bad-signature');
    expect(codeOf(() => openPrekey(Uint8Array.of(1), ada.identity.card.signKey))).toBe('malformed');
  });

  it('is not taken from something else that its owner signed', () => {
    expect(codeOf(() => openPrekey(ada.identity.card.bytes, ada.identity.card.signKey))).toBe('malformed');
    const asPrekey = makePrekey(ada.identity.signKey, { ...ada.prekey.prekey, time: NOW });
    expect(codeOf(() => openCard(asPrekey))).toBe('bad-card');
  });
});
