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
  wrap,
  wrapJob,
  type TokenDraft,
  type TokenType,
} from '../../../src/protocol/invitation.js';
import { inviteTo, makeGroup, NOW, type Group, sealTokens } from '../../helpers/group.js';
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

describe('tokens signed together', () => {
  const drafts = (...types: TokenType[]) =>
    types.map((type, i): TokenDraft => ({
      type,
      to: bob.identity.card,
      prekey: bob.prekey.prekey,
      secret: new Uint8Array(32).fill(i),
      welcomeHash: new Uint8Array(32),
    }));
  const together = (list: readonly TokenDraft[], usable = list.map(() => true)) => {
    const content = { time: NOW, group: group.commit.group, epoch: 1, commitHash: group.commit.hash };
    const jobs = list.map((draft, i) => {
      const job = wrapJob(ada.identity, draft, systemRandom);
      return { draft, job, wrapped: usable[i] ? wrap(job, systemRandom) : undefined };
    });
    return sealTokens(ada.identity, content, jobs, systemRandom);
  };
  const batch = () => together(drafts('rekey', 'join', 'rejoin', 'rekey', 'join')) as Uint8Array[];
  const types = ['rekey', 'join', 'rejoin', 'rekey', 'join'] as const;
  const open = (data: Uint8Array, type: TokenType) => receive(data, ada.identity.card, type);
  const refused = (data: Uint8Array, type: TokenType) => {
    expect(codeOf(() => open(data, type))).toBe('bad-signature');
    expect(privateKeyWasUsed()).toBe(false);
  };

  it('carry a secret each under one signature', () => {
    const tokens = batch();
    const signatures = tokens.map((token) => Buffer.from(tokenParts(token).signature).toString('hex'));
    expect(new Set(signatures).size).toBe(1);
    for (const [i, token] of tokens.entries())
      expect(open(token, types[i]!)).toEqual(new Uint8Array(32).fill(i));
  });

  it('leave out who cannot be reached', () => {
    const [first, second, third] = together(drafts('rekey', 'rekey', 'rekey'), [true, false, true]);
    expect(second).toBeUndefined();
    expect(tokenParts(first!)).toMatchObject({ index: 0, size: 2 });
    expect(open(third!, 'rekey')).toEqual(new Uint8Array(32).fill(2));
    expect(together(drafts('rekey'), [false])).toEqual([undefined]);
  });

  it('are refused with the path, place or signature of another, or in a tree of another size', () => {
    const tokens = batch();
    const parts = tokens.map(tokenParts);
    const elsewhere = tokenParts(batch()[0]!);
    for (const [i, token] of tokens.entries()) {
      const type = types[i]!;
      for (const [other, { path }] of parts.entries()) {
        if (other === i) continue;
        refused(
          tokenWith(token, () => ({ path })),
          type,
        );
        refused(
          tokenWith(token, () => ({ index: other })),
          type,
        );
        refused(
          tokenWith(token, () => ({ index: other, path })),
          type,
        );
      }
      // Where a tree of another size has the same path to the same leaf, it is the same claim.
      for (const size of [1, 2, 3, 1000])
        refused(
          tokenWith(token, () => ({ size })),
          type,
        );
      refused(
        tokenWith(token, () => ({ signature: elsewhere.signature })),
        type,
      );
      refused(
        tokenWith(token, ({ path }) => ({ path: path.slice(1) })),
        type,
      );
      refused(
        tokenWith(token, ({ path }) => ({ path: [...path, new Uint8Array(32)] })),
        type,
      );
      refused(
        tokenWith(token, () => ({ secret: parts[(i + 1) % 5]!.secret })),
        type,
      );
    }
  });

  it('are of the type that was signed', () => {
    const [rekey] = together(drafts('rekey', 'join'));
    const { head } = tokenParts(rekey!);
    const at = 2;
    expect(head[at]).toBe(TOKEN_TYPES.indexOf('rekey'));
    for (const type of ['join', 'rejoin'] as const) {
      expect(codeOf(() => open(rekey!, type))).toBe('wrong-type');
      refused(
        tokenWith(rekey!, () => ({ head: head.with(at, TOKEN_TYPES.indexOf(type)) })),
        type,
      );
    }
  });

  it('are refused with a place or path beyond any tree', () => {
    const [token] = batch();
    const with_ = (change: object) =>
      codeOf(() =>
        open(
          tokenWith(token!, () => change),
          'rekey',
        ),
      );
    expect(with_({ index: 1000 })).toBe('malformed');
    expect(with_({ size: 0 })).toBe('malformed');
    expect(with_({ size: 1001 })).toBe('malformed');
    expect(with_({ index: 5 })).toBe('bad-signature');
    expect(with_({ path: Array.from({ length: 11 }, () => new Uint8Array(32)) })).toBe('malformed');
    expect(with_({ path: [new Uint8Array(31)] })).toBe('malformed');
  });
});
