import { utf8 } from '../../src/crypto/bytes.js';
import { sha256 } from '../../src/crypto/hash.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openCard, openPrekey } from '../../src/protocol/card.js';
import { openEnvelope, sealEnvelope } from '../../src/protocol/channel.js';
import { checkFirstCommit, parseCommit, verifyCommit } from '../../src/protocol/commit.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import { makeFrontier, parseFrontier, verifyFrontier } from '../../src/protocol/frontier.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import { openToken, parseToken, verifyToken, type TokenType } from '../../src/protocol/invitation.js';
import { keyFileCard, sealKeyFile } from '../../src/protocol/keyFile.js';
import { openMessage, parseMessage, verifyMessage } from '../../src/protocol/message.js';
import { openLeave } from '../../src/protocol/leave.js';
import { makeRejoinRequest, openRejoinRequest } from '../../src/protocol/rejoin.js';
import { makeResend, parseResend, verifyResend } from '../../src/protocol/resend.js';
import { decodePayload, encodePayload } from '../../src/protocol/payload.js';
import { makeRevocation, openRevocation } from '../../src/protocol/revocation.js';
import { chainStep } from '../../src/protocol/schedule.js';
import { openWelcome, WelcomeCollector } from '../../src/protocol/welcome.js';
import {
  decodeClientFrame,
  decodeRelayFrame,
  encodeClientFrame,
  encodeRelayFrame,
  packFrames,
  unpackFrames,
} from '../../src/protocol/wire.js';
import { baseOf, chainOf, inviteTo, leaveOf, makeGroup, NOW, payloadOf, place, say } from './group.js';
import { makePeople } from './people.js';
import { atOnce } from './atOnce.js';

const salt = () => systemRandom(16);

function must(holds: boolean): void {
  if (!holds) throw new ProtocolError('bad-signature', 'It is not signed by its sender.');
}

/**
 * One genuine object of every kind, all from Ada and all meant for Bob, and what Bob does with each. `handlers[kind]`
 * checks everything that can be checked of such an object alone, and throws what the protocol throws.
 */
export async function everyKind() {
  const [ada, bob] = await makePeople(['Ada', 'Bob']);
  const group = makeGroup(ada, [bob]);
  const { card, signKey } = ada.identity;
  const me = bob.identity;
  const frontier = makeFrontier(signKey, group.commit.hash, {
    group: group.commit.group,
    epoch: 1,
    place: place(group, ada),
    entries: [{ place: place(group, bob), sqn: 3, hash: sha256(utf8('a message')) }],
    next: new Uint8Array(0),
  });
  const message = say(group, ada, 'hello').bytes;
  const join = inviteTo(group, bob);
  const item = { type: 'join' as const, token: join, card: card.bytes };
  const channel = { kind: 'inbox' as const, key: me.card.fingerprint };
  const inboxEnvelope = sealInboxItem(inboxKey(me.card), item, salt());
  const pub = {
    type: 'pub' as const,
    channel,
    proof: salt(),
    idempotencyKey: salt(),
    envelope: inboxEnvelope,
  };
  const clientFrame = encodeClientFrame(pub);

  const objects = {
    card: card.bytes,
    revocation: makeRevocation(signKey, card, NOW),
    prekey: ada.prekey.signed,
    commit: group.commit.bytes,
    message,
    frontier,
    leave: leaveOf(baseOf(group), ada),
    'rejoin request': makeRejoinRequest(signKey, {
      group: group.commit.group,
      from: card.fingerprint,
      epoch: 1,
      commitHash: group.commit.hash,
      prekey: ada.prekey.signed,
      reason: 'gap',
      time: NOW,
    }),
    resend: makeResend(signKey, group.commit.hash, {
      group: group.commit.group,
      epoch: 1,
      place: place(group, ada),
      of: place(group, bob),
      sqns: [1, 2],
    }),
    'join token': join,
    'rekey token': inviteTo(group, bob, { type: 'rekey' }),
    'rejoin token': inviteTo(group, bob, { type: 'rejoin' }),
    welcome: group.welcome.box,
    chunk: group.welcome.chunks[0]!,
    payload: encodePayload(payloadOf('hello')),
    envelope: sealEnvelope(group.secrets.sealKey, 'message', message, salt()),
    'inbox item': inboxEnvelope,
    'key file': await sealKeyFile(card.bytes, ada.secrets, 'password', systemRandom, {
      logN: 14,
      r: 8,
      p: 1,
    }),
    'client frame': clientFrame,
    'relay frame': encodeRelayFrame({ type: 'item', channel, seq: 1, envelope: inboxEnvelope }),
    'packed frames': packFrames([clientFrame, clientFrame]),
  };
  type Kind = keyof typeof objects;

  const token = (type: TokenType) => (data: Uint8Array) => {
    const verified = verifyToken(parseToken(data, type, me.card.fingerprint), card);
    return openToken(verified, me, bob.prekey.seed);
  };
  const handlers: Record<Kind, (data: Uint8Array) => unknown> = {
    card: openCard,
    revocation: openRevocation,
    prekey: (data) => openPrekey(data, card.signKey),
    commit: (data) => {
      const commit = parseCommit(data);
      must(verifyCommit(commit, card.signKey));
      return checkFirstCommit(commit);
    },
    message: (data) => {
      const parsed = parseMessage(data);
      must(verifyMessage(parsed, card.signKey, group.commit.hash));
      const padded = openMessage(parsed, chainStep(chainOf(group, ada)).messageKey);
      if (!padded) throw new ProtocolError('undecryptable', 'It does not open.');
      return decodePayload(padded);
    },
    frontier: (data) => {
      const parsed = parseFrontier(data);
      must(verifyFrontier(parsed, card.signKey, group.commit.hash));
      return parsed;
    },
    leave: (data) => openLeave(data, card.fingerprint, card.signKey),
    'rejoin request': (data) => openRejoinRequest(data, () => card.signKey),
    resend: (data) => {
      const parsed = parseResend(data);
      must(verifyResend(parsed, card.signKey, group.commit.hash));
      return parsed;
    },
    'join token': token('join'),
    'rekey token': token('rekey'),
    'rejoin token': token('rejoin'),
    welcome: (data) =>
      atOnce(openWelcome(data, group.joiner, parseToken(join, 'join', me.card.fingerprint), me.card)),
    chunk: (data) => new WelcomeCollector().add(data, group.welcome.hash),
    payload: decodePayload,
    envelope: (data) => openEnvelope(group.secrets.sealKey, data),
    'inbox item': (data) => openInboxItem(inboxKey(me.card), data),
    'key file': keyFileCard,
    'client frame': decodeClientFrame,
    'relay frame': decodeRelayFrame,
    'packed frames': unpackFrames,
  };
  return { ada, bob, group, objects, handlers, kinds: Object.keys(objects) as Kind[] };
}
