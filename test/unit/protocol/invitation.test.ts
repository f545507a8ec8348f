import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { decapsulate } from '../../../src/crypto/kem.js';
import { decryptOaep } from '../../../src/crypto/rsa.js';
import type { Card } from '../../../src/protocol/card.js';
import {
  checkTokenTime,
  makeToken,
  MAX_TOKEN_BYTES,
  openToken,
  parseToken,
  TOKEN_TYPES,
  verifyToken,
  type TokenType,
} from '../../../src/protocol/invitation.js';
import { inviteTo, makeGroup, NOW, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips, tokenParts, tokenWith } from '../../helpers/tamper.js';

vi.mock('../../../src/crypto/rsa.js', { spy: true });
vi.mock('../../../src/crypto/kem.js', { spy: true });

const LIFETIME = 7 * 24 * 60 * 60 * 1000;

let ada: Person;
let bob: Person;
let eve: Person;
let group: Group;
let token: Uint8Array;
beforeAll(async () => {
  [ada, bob, eve] = await makePeople(['Ada', 'Bob', 'Eve']);
  group = makeGroup(ada, [bob]);
  token = inviteTo(group, bob);
});
afterEach(() => {
  vi.clearAllMocks();
});

/** What Bob does with a token, in the order of docs/PROTOCOL.md. */
function receive(
  data: Uint8Array,
  card = ada.identity.card,
  type: TokenType = 'join',
  now = NOW,
): Uint8Array {
  const verified = verifyToken(parseToken(data, type, bob.identity.card.fingerprint), card);
  checkTokenTime(verified, now, LIFETIME);
  return openToken(verified, bob.identity, bob.prekey.seed);
}
const privateKeyWasUsed = () =>
  vi.mocked(decryptOaep).mock.calls.length + vi.mocked(decapsulate).mock.calls.length > 0;

describe('a token', () => {
  it.each(TOKEN_TYPES)('of type %s carries a secret from Ada to Bob', (type) => {
    const secret = systemRandom(32);
    const { commit, welcome } = group;
    const data = makeToken(
      ada.identity,
      { time: NOW, group: commit.group, epoch: 1, commitHash: commit.hash },
      { type, to: bob.identity.card, prekey: bob.prekey.prekey, secret, welcomeHash: welcome.hash },
      systemRandom,
    );
    expect(data.length).toBeLessThan(MAX_TOKEN_BYTES);
    expect(receive(data, ada.identity.card, type)).toEqual(secret);
    expect(privateKeyWasUsed()).toBe(true);
  });

  it('says what it is for', () => {
    expect(parseToken(token, 'join', bob.identity.card.fingerprint)).toMatchObject({
      type: 'join',
      from: ada.identity.card.fingerprint,
      time: NOW,
      group: group.commit.group,
      epoch: 1,
      commitHash: group.commit.hash,
      welcomeHash: group.welcome.hash,
      prekeyId: bob.prekey.prekey.id,
    });
  });

  it('is another one each time, even for the same people at the same time', () => {
    const hash = (data: Uint8Array) => parseToken(data, 'join', bob.identity.card.fingerprint).hash;
    expect(hash(inviteTo(group, bob))).not.toEqual(hash(token));
  });

  it('is not made for somebody whose keys cannot be used', () => {
    const make = (to: Card, publicKey: Uint8Array) =>
      codeOf(() =>
        makeToken(
          ada.identity,
          { time: NOW, group: new Uint8Array(16), epoch: 1, commitHash: new Uint8Array(32) },
          {
            type: 'join',
            to,
            prekey: { ...bob.prekey.prekey, publicKey },
            secret: new Uint8Array(32),
            welcomeHash: new Uint8Array(32),
          },
          systemRandom,
        ),
      );
    const { publicKey } = bob.prekey.prekey;
    expect(make(bob.identity.card, publicKey)).toBe('nothing');
    expect(make(bob.identity.card, publicKey.slice().fill(0xff, 0, 3))).toBe('bad-card');
    expect(make(bob.identity.card, publicKey.slice().fill(0, 1184))).toBe('bad-card');
  });
});

describe('a token is refused before any private key is used', () => {
  const refused = (code: string, act: () => unknown) => {
    expect(codeOf(act)).toBe(code);
    expect(privateKeyWasUsed()).toBe(false);
  };

  it('too large, cut or garbled', () => {
    refused('malformed', () => receive(new Uint8Array(MAX_TOKEN_BYTES + 1)));
    refused('malformed', () => receive(token.subarray(0, -1)));
    refused('malformed', () => receive(new Uint8Array(0)));
    refused('malformed', () => receive(tokenWith(token, () => ({ head: Uint8Array.of(0x80) }))));
    refused('malformed', () => receive(tokenWith(token, ({ secret }) => ({ secret: secret.subarray(1) }))));
  });

  it('of another type', () => {
    refused('wrong-type', () => receive(token, ada.identity.card, 'rekey'));
    refused('wrong-type', () => receive(token, ada.identity.card, 'rejoin'));
    refused('wrong-type', () => receive(inviteTo(group, bob, { type: 'rekey' })));
  });

  it('for somebody else', () => {
    refused('not-for-me', () => receive(inviteTo(group, eve)));
  });

  it('with a card that is not its sender’s', () => {
    refused('bad-card', () => receive(token, eve.identity.card));
  });

  it('that its sender did not sign', () => {
    const forger = { ...eve.identity, card: ada.identity.card };
    const forged = inviteTo(group, bob, {}, { ...eve, identity: forger });
    refused('bad-signature', () => receive(forged));
  });

  it('with any bit flipped', () => {
    for (const flipped of flips(token, 0, token.length, 41)) {
      const code = codeOf(() => receive(flipped));
      expect(['malformed', 'wrong-type', 'not-for-me', 'bad-card', 'bad-signature']).toContain(code);
    }
    expect(privateKeyWasUsed()).toBe(false);
  });

  it('with the sealed secret of another token of the same sender', () => {
    const { secret } = tokenParts(inviteTo(group, bob));
    refused('bad-signature', () => receive(tokenWith(token, () => ({ secret }))));
  });

  it('from the future, or expired, to the millisecond', () => {
    const at = (now: number) => codeOf(() => receive(token, ada.identity.card, 'join', now));
    expect(at(NOW - 1)).toBe('from-the-future');
    expect(at(NOW + LIFETIME + 1)).toBe('expired');
    expect(privateKeyWasUsed()).toBe(false);
    expect(at(NOW)).toBe('nothing');
    expect(at(NOW + LIFETIME)).toBe('nothing');
  });
});

describe('a token that Ada signed and Bob cannot open', () => {
  const parsed = () =>
    verifyToken(parseToken(token, 'join', bob.identity.card.fingerprint), ada.identity.card);
  const opened = (change: object, identity = bob.identity, seed = bob.prekey.seed) =>
    codeOf(() => openToken({ ...parsed(), ...change }, identity, seed));

  it('fails in one way, whatever failed', () => {
    expect(opened({})).toBe('nothing');
    expect(opened({}, { ...bob.identity, transportKey: eve.identity.transportKey })).toBe('undecryptable');
    expect(opened({}, bob.identity, eve.prekey.seed)).toBe('undecryptable');
    expect(opened({ encryptedBlock: new Uint8Array(384) })).toBe('undecryptable');
    expect(opened({ encryptedBlock: new Uint8Array(1) })).toBe('undecryptable');
    expect(opened({ kemCiphertext: new Uint8Array(1120) })).toBe('undecryptable');
    expect(opened({ from: eve.identity.card.fingerprint })).toBe('undecryptable');
    expect(opened({ to: eve.identity.card.fingerprint })).toBe('undecryptable');
    expect(opened({ type: 'rejoin' })).toBe('undecryptable');
    const { parts } = parsed();
    for (const secret of flips(parts.secret, 0, 64, 31))
      expect(opened({ parts: { ...parts, secret } })).toBe('undecryptable');
    expect(opened({ parts: { ...parts, head: parts.head.map((byte) => byte ^ 1) } })).toBe('undecryptable');
  });
});
