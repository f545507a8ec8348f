import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { constants, sign } from 'node:crypto';
import { aesCtr } from '../../src/crypto/aesCtr.js';
import { concat, label, toHex, uintBytes, utf8 } from '../../src/crypto/bytes.js';
import { sha256 } from '../../src/crypto/hash.js';
import { decapsulate } from '../../src/crypto/kem.js';
import {
  decryptOaep,
  encryptOaep,
  parsePublicKey,
  RsaKeyError,
  signPss,
  verifyPss,
} from '../../src/crypto/rsa.js';
import { seal, unseal } from '../../src/crypto/sealed.js';
import { openCard, openPrekey } from '../../src/protocol/card.js';
import { parseCommit, verifyCommit } from '../../src/protocol/commit.js';
import { ProtocolError, UserError } from '../../src/protocol/errors.js';
import { leafHash } from '../../src/crypto/merkle.js';
import { makeFrontier, parseFrontier, verifyFrontier } from '../../src/protocol/frontier.js';
import { checkTokenTime, openToken, parseToken, verifyToken } from '../../src/protocol/invitation.js';
import { openMessage, parseMessage, verifyMessage } from '../../src/protocol/message.js';
import { chainStep } from '../../src/protocol/schedule.js';
import { signBody } from '../../src/protocol/signed.js';
import { openWelcome } from '../../src/protocol/welcome.js';
import { duplicateKey } from '../helpers/duplicateKey.js';
import { chainOf, inviteTo, makeGroup, NOW, place, say, type Group } from '../helpers/group.js';
import { everyKind } from '../helpers/objects.js';
import { makePeople, type Person } from '../helpers/people.js';
import {
  codeOf,
  flips,
  messageParts,
  messageWith,
  patched,
  signedParts,
  tokenParts,
  tokenWith,
} from '../helpers/tamper.js';
import { atOnce } from '../helpers/atOnce.js';

vi.mock('../../src/crypto/rsa.js', { spy: true });
vi.mock('../../src/crypto/kem.js', { spy: true });

const NONE = new Uint8Array(0);
const LIFETIME = 7 * 24 * 60 * 60 * 1000;
const MESSAGE = label('message');

let ada: Person;
let bob: Person;
let eve: Person;
let group: Group;
beforeAll(async () => {
  [ada, bob, eve] = await makePeople(['Ada', 'Bob', 'Eve']);
  group = makeGroup(ada, [bob, eve]);
});
afterEach(() => {
  vi.clearAllMocks();
});

const keyOf = ({ identity }: Person) => identity.card.signKey;
/** Whether data passes as a message of `sender` in `of`. */
const passes = (data: Uint8Array, sender: Person, of = group): boolean => {
  try {
    return verifyMessage(parseMessage(data), keyOf(sender), of.commit.hash);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
};
const joinToken = (data: Uint8Array, guest = bob) =>
  parseToken(data, 'join', guest.identity.card.fingerprint);

describe('1 any bit of a message flipped', () => {
  it('in the header (version, group, epoch, place, SQN, salt, previous hash) is noticed by the signature', () => {
    const { bytes } = say(group, ada, 'hello');
    expect(passes(bytes, ada)).toBe(true);
    for (const header of flips(messageParts(bytes).header))
      expect(
        passes(
          messageWith(bytes, () => ({ header })),
          ada,
        ),
      ).toBe(false);
  });

  it('in ciphertext, tag or signature, or anywhere in the encoding, too', () => {
    const { bytes } = say(group, ada, 'hello');
    for (const flipped of flips(bytes, 0, bytes.length, 5)) expect(passes(flipped, ada)).toBe(false);
  });

  it('in the hash of the commit it belongs to, too', () => {
    const message = parseMessage(say(group, ada, 'hello').bytes);
    for (const hash of flips(group.commit.hash)) expect(verifyMessage(message, keyOf(ada), hash)).toBe(false);
  });

  it('is noticed by the tag as well, so that a stolen signing key alone changes nothing', () => {
    const { bytes } = say(group, ada, 'hello');
    const { messageKey } = chainStep(chainOf(group, ada));
    const opens = (data: Uint8Array) => openMessage(parseMessage(data), messageKey) !== undefined;
    expect(opens(bytes)).toBe(true);
    const parts = messageParts(bytes);
    for (const header of flips(parts.header, 1, 21))
      expect(opens(messageWith(bytes, () => ({ header })))).toBe(false);
    for (const header of flips(parts.header, 25))
      expect(opens(messageWith(bytes, () => ({ header })))).toBe(false);
    for (const ciphertext of flips(parts.ciphertext, 0, 256, 3))
      expect(opens(messageWith(bytes, () => ({ ciphertext })))).toBe(false);
    for (const tag of flips(parts.tag)) expect(opens(messageWith(bytes, () => ({ tag })))).toBe(false);
  });
});

describe('2 an old ciphertext under a new SQN', () => {
  const second = (header: Uint8Array) => patched(header, 23, ...uintBytes(2, 2));

  it('is not signed', () => {
    const { bytes } = say(group, ada, 'pay 100');
    expect(
      passes(
        messageWith(bytes, ({ header }) => ({ header: second(header) })),
        ada,
      ),
    ).toBe(false);
  });

  it('does not open even when the signing key was stolen', () => {
    const again = messageWith(say(group, ada, 'pay 100').bytes, ({ header, ciphertext, tag }) => {
      const moved = second(header);
      const key = ada.identity.signKey;
      return { header: moved, signature: signPss(key, MESSAGE, group.commit.hash, moved, ciphertext, tag) };
    });
    expect(passes(again, ada)).toBe(true);
    const first = chainStep(chainOf(group, ada));
    for (const { messageKey } of [first, chainStep(first.next)])
      expect(openMessage(parseMessage(again), messageKey)).toBeUndefined();
  });
});

describe('3 an invitation from the future or too old', () => {
  it('is refused to the millisecond, and its time is signed', () => {
    const data = inviteTo(group, bob);
    const at = (now: number) => codeOf(() => checkTokenTime(joinToken(data), now, LIFETIME));
    expect(at(NOW - 1)).toBe('from-the-future');
    expect(at(NOW)).toBe('nothing');
    expect(at(NOW + LIFETIME)).toBe('nothing');
    expect(at(NOW + LIFETIME + 1)).toBe('expired');

    const time = Buffer.from(uintBytes(NOW, 8));
    const later = tokenWith(data, ({ head }) => {
      const moved = head.slice();
      moved.set(uintBytes(NOW + LIFETIME, 8), Buffer.from(head).indexOf(time));
      return { head: moved };
    });
    expect(joinToken(later).time).toBe(NOW + LIFETIME);
    expect(codeOf(() => verifyToken(joinToken(later), ada.identity.card))).toBe('bad-signature');
  });
});

describe('4 an invitation twice', () => {
  it('is known again by its hash, even if its sender signs it anew', () => {
    const data = inviteTo(group, bob);
    const { head, secret } = tokenParts(data);
    const root = leafHash(label('join token'), head, secret);
    const signature = signPss(ada.identity.signKey, label('token batch'), root);
    const again = tokenWith(data, () => ({ signature }));
    expect(again).not.toEqual(data);
    expect(codeOf(() => verifyToken(joinToken(again), ada.identity.card))).toBe('nothing');
    expect(joinToken(again).hash).toEqual(joinToken(data).hash);
  });

  it('has no second encoding to hide in', () => {
    const data = inviteTo(group, bob);
    expect(data[0]).toBe(0x86);
    const longer = concat(Uint8Array.of(0x98, 6), data.subarray(1));
    expect(codeOf(() => joinToken(longer))).toBe('malformed');
    expect(codeOf(() => joinToken(concat(data, Uint8Array.of(0))))).toBe('malformed');
  });
});

describe('5 a forged invitation', () => {
  it('never reaches a private key', () => {
    const genuine = inviteTo(group, bob);
    const impostor = { ...eve, identity: { ...eve.identity, card: ada.identity.card } };
    const forgeries = [
      inviteTo(group, bob, {}, impostor),
      tokenWith(genuine, ({ signature }) => ({ signature: signature.map((byte) => byte ^ 1) })),
      tokenWith(genuine, () => ({ signature: new Uint8Array(384) })),
      tokenWith(genuine, ({ secret }) => ({ secret: secret.map((byte) => byte ^ 1) })),
      tokenWith(inviteTo(group, bob, { time: NOW + 1 }), () => ({
        signature: tokenParts(genuine).signature,
      })),
    ];
    for (const forged of forgeries) {
      const receive = () => {
        const token = verifyToken(joinToken(forged), ada.identity.card);
        checkTokenTime(token, NOW, LIFETIME);
        return openToken(token, bob.identity, bob.prekey.seed);
      };
      expect(codeOf(receive)).toBe('bad-signature');
    }
    expect(decryptOaep).not.toHaveBeenCalled();
    expect(decapsulate).not.toHaveBeenCalled();
  });

  it('none of the checks before the decryption uses one, whether they pass or not', () => {
    const token = verifyToken(joinToken(inviteTo(group, bob)), ada.identity.card);
    checkTokenTime(token, NOW, LIFETIME);
    codeOf(() => verifyToken(token, eve.identity.card));
    codeOf(() => checkTokenTime(token, 0, LIFETIME));
    expect(decryptOaep).not.toHaveBeenCalled();
    expect(decapsulate).not.toHaveBeenCalled();
    openToken(token, bob.identity, bob.prekey.seed);
    expect(decryptOaep).toHaveBeenCalledOnce();
    expect(decapsulate).toHaveBeenCalledOnce();
  });
});

describe('6 played where it does not belong', () => {
  it('a message of one group in another of the same people', () => {
    const other = makeGroup(ada, [bob, eve]);
    const { bytes } = say(group, ada, 'yes');
    expect(passes(bytes, ada, other)).toBe(false);
    const renamed = messageWith(bytes, ({ header }) => ({
      header: patched(header, 1, ...other.commit.group),
    }));
    expect(passes(renamed, ada, other)).toBe(false);
  });

  it('a message of one group in another that was given the same id and epoch', () => {
    const twin = makeGroup(eve, [ada, bob], { group: group.commit.group });
    const { bytes } = say(group, ada, 'yes');
    expect(parseMessage(bytes).group).toEqual(twin.commit.group);
    expect(passes(bytes, ada, twin)).toBe(false);
  });

  it('a frontier of one group in another with the same id', () => {
    const twin = makeGroup(eve, [ada, bob], { group: group.commit.group });
    const fields = { group: group.commit.group, epoch: 1, place: place(group, ada), entries: [], next: NONE };
    const frontier = parseFrontier(makeFrontier(ada.identity.signKey, group.commit.hash, fields));
    expect(verifyFrontier(frontier, keyOf(ada), group.commit.hash)).toBe(true);
    expect(verifyFrontier(frontier, keyOf(ada), twin.commit.hash)).toBe(false);
  });

  it('an invitation for Eve at Bob’s, also readdressed', () => {
    const data = inviteTo(group, eve);
    expect(codeOf(() => joinToken(data))).toBe('not-for-me');
    const readdressed = tokenWith(data, ({ head }) => {
      const moved = Buffer.from(head);
      moved.set(bob.identity.card.fingerprint, moved.indexOf(eve.identity.card.fingerprint));
      return { head: new Uint8Array(moved) };
    });
    expect(codeOf(() => verifyToken(joinToken(readdressed), ada.identity.card))).toBe('bad-signature');
  });

  it('a block that Ada made for Eve, in a token that she signed for Bob', () => {
    const token = verifyToken(joinToken(inviteTo(group, bob)), ada.identity.card);
    const names = concat(ada.identity.card.fingerprint, eve.identity.card.fingerprint, new Uint8Array(32));
    const encryptedBlock = encryptOaep(bob.identity.card.transportKey, label('join token block'), names);
    expect(codeOf(() => openToken({ ...token, encryptedBlock }, bob.identity, bob.prekey.seed))).toBe(
      'undecryptable',
    );
  });

  it('an invitation of one type as another, also relabelled', () => {
    const rekey = inviteTo(group, bob, { type: 'rekey' });
    expect(codeOf(() => joinToken(rekey))).toBe('wrong-type');
    // Version 1, then the type: 0 is join, 1 is rekey.
    const relabelled = tokenWith(rekey, ({ head }) => ({ head: patched(head, 2, 0) }));
    expect(joinToken(relabelled).type).toBe('join');
    expect(codeOf(() => verifyToken(joinToken(relabelled), ada.identity.card))).toBe('bad-signature');
  });

  it('a signature of one type as that of another: each type has a label of its own', () => {
    for (const type of ['join', 'rekey', 'rejoin'] as const) {
      const { head, secret, signature } = tokenParts(inviteTo(group, bob, { type }));
      for (const other of ['join', 'rekey', 'rejoin'])
        expect(
          verifyPss(
            keyOf(ada),
            signature,
            label('token batch'),
            leafHash(label(`${other} token`), head, secret),
          ),
        ).toBe(type === other);
    }
  });

  it('the welcome of one group with the invitation to another', () => {
    const other = makeGroup(ada, [bob, eve]);
    const open = (token: Uint8Array) =>
      codeOf(() => atOnce(openWelcome(group.welcome.box, group.joiner, joinToken(token), bob.identity.card)));
    const { group: id, hash: commitHash } = group.commit;
    const { hash: welcomeHash } = group.welcome;
    expect(open(inviteTo(group, bob))).toBe('nothing');
    // In each, one thing is of the other group.
    expect(open(inviteTo(other, bob, { group: id, commitHash }))).toBe('bad-welcome');
    expect(open(inviteTo(other, bob, { group: id, welcomeHash }))).toBe('bad-welcome');
    expect(open(inviteTo(other, bob, { commitHash, welcomeHash }))).toBe('bad-welcome');
  });
});

describe('8 signatures and blocks of another kind', () => {
  const padding = constants.RSA_PKCS1_PSS_PADDING;

  it('a message signed with PSS salt 0, 20 or maximal, with PKCS #1 v1.5 or over SHA-1', () => {
    const { bytes } = say(group, ada, 'hello');
    const { header, ciphertext, tag } = messageParts(bytes);
    const data = concat(MESSAGE, group.commit.hash, header, ciphertext, tag);
    const signed = (digest: string, options: object) => {
      const signature = new Uint8Array(sign(digest, data, { key: ada.identity.signKey, ...options }));
      return passes(
        messageWith(bytes, () => ({ signature })),
        ada,
      );
    };
    expect(signed('sha256', { padding, saltLength: 32 })).toBe(true);
    for (const saltLength of [0, 20, constants.RSA_PSS_SALTLEN_MAX_SIGN])
      expect(signed('sha256', { padding, saltLength })).toBe(false);
    expect(signed('sha256', { padding: constants.RSA_PKCS1_PADDING })).toBe(false);
    expect(signed('sha1', { padding, saltLength: 32 })).toBe(false);
  });

  it('a block under OAEP with another label', () => {
    const token = verifyToken(joinToken(inviteTo(group, bob)), ada.identity.card);
    const names = concat(token.from, token.to, new Uint8Array(32));
    const encryptedBlock = encryptOaep(bob.identity.card.transportKey, label('rejoin token block'), names);
    expect(codeOf(() => openToken({ ...token, encryptedBlock }, bob.identity, bob.prekey.seed))).toBe(
      'undecryptable',
    );
  });
});

describe('9 a secret that a member passes on to somebody outside', () => {
  // Bob is in Ada's group, Eve is not; in `group` she is.
  const opened = (of: Group, sender: Person) =>
    codeOf(() => {
      const token = verifyToken(joinToken(inviteTo(of, eve, {}, sender), eve), sender.identity.card);
      const joiner = openToken(token, eve.identity, eve.prekey.seed);
      atOnce(openWelcome(of.welcome.box, joiner, token, eve.identity.card));
    });

  it('does not come from Ada, whose signature covers all that Bob would have to make anew', () => {
    const ours = makeGroup(ada, [bob]);
    const { card } = ada.identity;
    const forged = inviteTo(ours, eve, {}, { ...bob, identity: { ...bob.identity, card } });
    const genuine = tokenParts(inviteTo(ours, bob));
    const { signature, index, size, path } = genuine;
    for (const data of [
      forged,
      tokenWith(forged, () => ({ signature, index, size, path })),
      tokenWith(forged, () => ({ ...genuine, head: tokenParts(forged).head })),
    ])
      expect(codeOf(() => verifyToken(joinToken(data, eve), card))).toBe('bad-signature');
  });

  it('and lets nobody in when it comes from Bob, who did not make the change', () => {
    expect(opened(group, ada)).toBe('nothing');
    expect(opened(makeGroup(ada, [bob]), bob)).toBe('bad-welcome');
    expect(opened(group, bob)).toBe('bad-welcome');
  });
});

describe('10 another RSA key that verifies the same signature', () => {
  /** A token of Ada's, and Eve's key under which its signature holds as well. */
  function find() {
    for (;;) {
      const data = inviteTo(group, bob);
      const { head, secret, signature } = tokenParts(data);
      const key = duplicateKey(concat(label('join token'), head, secret), signature);
      if (key) return { data, head, secret, signature, key };
    }
  }

  it('exists, but not with the exponent that is asked for here', () => {
    const { head, secret, signature, key } = find();
    expect(verifyPss(key, signature, label('join token'), head, secret)).toBe(true);
    const spki = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
    expect(() => parsePublicKey(spki)).toThrow(RsaKeyError);
  });

  it('would not make a token Eve’s: the signed bytes name their signer', () => {
    const { data, key } = find();
    const fingerprint = sha256(new Uint8Array(key.export({ format: 'der', type: 'spki' })));
    const eves = { ...eve.identity.card, signKey: key, fingerprint };
    expect(codeOf(() => verifyToken(joinToken(data), eves))).toBe('bad-card');
    const claimed = tokenWith(data, ({ head }) => {
      const moved = Buffer.from(head);
      moved.set(fingerprint, moved.indexOf(ada.identity.card.fingerprint));
      return { head: new Uint8Array(moved) };
    });
    expect(codeOf(() => verifyToken(joinToken(claimed), eves))).toBe('bad-signature');
  });

  it('would not make a card Eve’s: it is checked with the key inside it', () => {
    const { body, signature } = signedParts(ada.identity.card.bytes);
    const key = duplicateKey(concat(label('card'), body), signature);
    if (key) expect(verifyPss(key, signature, label('card'), body)).toBe(true);
    expect(openCard(ada.identity.card.bytes).fingerprint).toEqual(ada.identity.card.fingerprint);
  });

  it('would take over a prekey, which names no owner: there the exponent rule stands alone', () => {
    const { body, signature } = signedParts(ada.prekey.signed);
    const key = duplicateKey(concat(label('prekey'), body), signature);
    if (!key) return;
    expect(openPrekey(ada.prekey.signed, key)).toEqual(ada.prekey.prekey);
    expect(() => parsePublicKey(new Uint8Array(key.export({ format: 'der', type: 'spki' })))).toThrow(
      RsaKeyError,
    );
  });

  it('would not make a message Eve’s: the commit says whose key each place has', () => {
    let found: Uint8Array | undefined;
    let spki: Uint8Array = new Uint8Array(0);
    while (!found) {
      const { bytes } = say(group, ada, 'I resign');
      const { header, ciphertext, tag, signature } = messageParts(bytes);
      const key = duplicateKey(concat(MESSAGE, group.commit.hash, header, ciphertext, tag), signature);
      if (!key) continue;
      found = bytes;
      spki = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
      expect(verifyMessage(parseMessage(bytes), key, group.commit.hash)).toBe(true);
    }
    // In a group of Eve's with that key in the roster, the signed commit hash is another.
    expect(group.roster.some(({ fingerprint }) => toHex(fingerprint) === toHex(sha256(spki)))).toBe(false);
    const eves = makeGroup(eve, [ada, bob], { group: group.commit.group });
    expect(passes(found, ada, eves)).toBe(false);
  });
});

describe('11 one ciphertext that opens as two texts', () => {
  const nonce = new Uint8Array(8);
  const [first, second] = (() => {
    const key = new Uint8Array(32).fill(1);
    const ciphertext = aesCtr(key, nonce, utf8('no'));
    for (let i = 0; ; i++) {
      const other = concat(uintBytes(i, 4), new Uint8Array(28));
      if (toHex(aesCtr(other, nonce, ciphertext)) === toHex(utf8('ok')))
        return [
          { key, ciphertext },
          { key: other, ciphertext },
        ] as const;
    }
  })();

  it('is what AES-CTR alone allows: “no” under one key, “ok” under another', () => {
    expect(first.ciphertext).toEqual(second.ciphertext);
    expect(aesCtr(first.key, nonce, first.ciphertext)).toEqual(utf8('no'));
    expect(aesCtr(second.key, nonce, second.ciphertext)).toEqual(utf8('ok'));
  });

  it('is not what a message allows: its tag holds under one key only', () => {
    const message = parseMessage(say(group, ada, 'no').bytes);
    const step = chainStep(chainOf(group, ada));
    expect(openMessage(message, step.messageKey)).toBeDefined();
    for (const key of [first.key, second.key, step.next, chainStep(step.next).messageKey])
      expect(openMessage(message, key)).toBeUndefined();
  });

  it('nor a sealed box', () => {
    const box = seal(first.key, label('test'), new Uint8Array(16), utf8('no'));
    expect(unseal(first.key, label('test'), box)).toEqual(utf8('no'));
    expect(unseal(second.key, label('test'), box)).toBeUndefined();
  });
});

describe('21 every kind of object given to every handler', () => {
  it('opens at its own only; the others refuse it in their own words', async () => {
    const { objects, handlers, kinds } = await everyKind();
    for (const kind of kinds)
      for (const handler of kinds) {
        const outcome = codeOf(() => handlers[handler](objects[kind]));
        if (kind === handler) expect([kind, handler, outcome]).toEqual([kind, handler, 'nothing']);
        else
          expect([kind, handler, typeof outcome, outcome === 'nothing']).toEqual([
            kind,
            handler,
            'string',
            false,
          ]);
      }
  });

  it('a body signed for one purpose does not hold for another, even where the encodings would fit', async () => {
    const { objects, handlers } = await everyKind();
    const { signKey } = ada.identity;
    const signed = { card: 'card', prekey: 'prekey', commit: 'commit', frontier: 'frontier' } as const;
    for (const kind of Object.values(signed)) {
      const { body } = signedParts(objects[kind]);
      const context = kind === 'frontier' ? group.commit.hash : undefined;
      for (const purpose of Object.values(signed).filter((other) => other !== kind)) {
        const relabelled = signBody(signKey, label(purpose), body, context);
        expect(['bad-signature', 'bad-card']).toContain(codeOf(() => handlers[kind](relabelled)));
      }
    }
  });

  it('an error is a refusal, never a crash', async () => {
    const { objects, handlers, kinds } = await everyKind();
    for (const kind of kinds)
      for (const handler of kinds)
        try {
          handlers[handler](objects[kind]);
        } catch (error) {
          expect(error instanceof ProtocolError || error instanceof UserError).toBe(true);
        }
  });
});

describe('22 the sender in the envelope is not the signer', () => {
  it('Eve signs a message in Ada’s place', () => {
    const forged = say(group, ada, 'I am Ada', {}, chainOf(group, ada), eve);
    expect(parseMessage(forged.bytes).place).toBe(place(group, ada));
    expect(passes(forged.bytes, ada)).toBe(false);
    expect(passes(forged.bytes, eve)).toBe(true);
  });

  it('Eve puts her place on Ada’s message, or Ada’s on hers', () => {
    const moved = (from: Person, to: Person) =>
      messageWith(say(group, from, 'hello').bytes, ({ header }) => ({
        header: patched(header, 21, ...uintBytes(place(group, to), 2)),
      }));
    for (const data of [moved(ada, eve), moved(eve, ada)])
      for (const person of [ada, eve]) expect(passes(data, person)).toBe(false);
  });

  it('Eve signs a frontier or a commit as Ada', () => {
    const fields = { group: group.commit.group, epoch: 1, place: place(group, ada), entries: [], next: NONE };
    const frontier = parseFrontier(makeFrontier(eve.identity.signKey, group.commit.hash, fields));
    expect(verifyFrontier(frontier, keyOf(ada), group.commit.hash)).toBe(false);
    const forged = makeGroup({ ...ada, identity: { ...ada.identity, signKey: eve.identity.signKey } }, [bob]);
    expect(verifyCommit(parseCommit(forged.commit.bytes), keyOf(ada))).toBe(false);
    const token = joinToken(inviteTo({ ...forged, founder: ada }, bob));
    expect(
      codeOf(() => atOnce(openWelcome(forged.welcome.box, forged.joiner, token, bob.identity.card))),
    ).toBe('bad-welcome');
  });

  it('Eve offers her prekey as Ada’s', () => {
    expect(codeOf(() => openPrekey(eve.prekey.signed, keyOf(ada)))).toBe('bad-signature');
  });
});

describe('26 not the bytes of any object', () => {
  it('cut short anywhere, lengthened, nested, too large, or encoded in a longer way', async () => {
    const { objects, handlers, kinds } = await everyKind();
    // A run of frames may be any bytes and have any number of frames; wire.test.ts has what it refuses.
    for (const kind of kinds.filter((one) => one !== 'packed frames')) {
      const data = objects[kind];
      const handle = handlers[kind];
      const bad: Uint8Array[] = [
        new Uint8Array(0),
        concat(data, Uint8Array.of(0)),
        concat(data, data),
        concat(Uint8Array.of(0x98, data[0]! & 31), data.subarray(1)),
        concat(Uint8Array.of(0x9f), data.subarray(1), Uint8Array.of(0xff)),
        new Uint8Array(100_000).fill(0x81),
        concat(Uint8Array.of(0x9b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), data),
        new Uint8Array(9 * 1024 * 1024),
      ];
      for (let end = 0; end < data.length; end += Math.ceil(data.length / 40))
        bad.push(data.subarray(0, end));
      for (const bytes of bad) {
        const outcome = codeOf(() => handle(bytes));
        expect([kind, bytes.length, outcome]).toEqual([
          kind,
          bytes.length,
          expect.stringMatching(/^(malformed|bad-|damaged-)/),
        ]);
      }
    }
  });
});
