import { aesCtr } from '../../src/crypto/aesCtr.js';
import { concat, equal, fromHex, label, toHex } from '../../src/crypto/bytes.js';
import { ed25519Public } from '../../src/crypto/ed25519.js';
import { hkdfExpand, hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.js';
import { decapsulate, kemPublic } from '../../src/crypto/kem.js';
import { leafHash, merkleTree } from '../../src/crypto/merkle.js';
import { passwordKey } from '../../src/crypto/password.js';
import { decryptOaep, parsePrivateKey } from '../../src/crypto/rsa.js';
import { openCard, openPrekey, type Card } from '../../src/protocol/card.js';
import { readCardText } from '../../src/protocol/cardText.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { encode } from '../../src/protocol/codec.js';
import {
  checkCommit,
  checkFirstCommit,
  checkJoining,
  parseCommit,
  verifyCommit,
  type EpochBase,
} from '../../src/protocol/commit.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import { parseFrontier, verifyFrontier } from '../../src/protocol/frontier.js';
import { inboxKey, type Identity } from '../../src/protocol/identity.js';
import { openInboxItem, verifyPrekeyGone } from '../../src/protocol/inbox.js';
import {
  checkTokenTime,
  openToken,
  parseToken,
  verifyToken,
  type TokenType,
} from '../../src/protocol/invitation.js';
import { openKeyFile } from '../../src/protocol/keyFile.js';
import { openLeave } from '../../src/protocol/leave.js';
import { openMessage, parseMessage, verifyMessage } from '../../src/protocol/message.js';
import { decodePayload, encodePayload, type Payload } from '../../src/protocol/payload.js';
import { openRejoinRequest } from '../../src/protocol/rejoin.js';
import { parseResend, verifyResend } from '../../src/protocol/resend.js';
import { openRevocation } from '../../src/protocol/revocation.js';
import { rosterCodec, rosterHash, type Role, type Roster } from '../../src/protocol/roster.js';
import { safetyNumber } from '../../src/protocol/safetyNumber.js';
import {
  chainStep,
  epochSecrets,
  joinerHash,
  joinerSecret,
  welcomeSecrets,
} from '../../src/protocol/schedule.js';
import { openWelcome } from '../../src/protocol/welcome.js';
import {
  channelProofBytes,
  decodeClientFrame,
  decodeRelayFrame,
  loginParts,
  unpackFrames,
} from '../../src/protocol/wire.js';
import { atOnce } from '../helpers/atOnce.js';

/** Data as it stands in a file of vectors: byte strings in hexadecimal. */
export type Json = string | number | undefined | readonly Json[] | { readonly [name: string]: Json };
export interface Vectors {
  readonly about: string;
  /** What follows from what: `output` is what `rule` makes of `input`. */
  readonly derived: readonly {
    readonly rule: keyof typeof rules;
    readonly name: string;
    readonly input: Json;
    readonly output: Json;
  }[];
  /** Objects as somebody gets them: `result` is “accepted” or the code of the refusal. */
  readonly judged: readonly {
    readonly judge: keyof typeof judges;
    readonly name: string;
    readonly data: string;
    readonly context: Json;
    readonly result: string;
  }[];
}

/** Everybody in the vectors; data as in keys.json. */
export interface VectorPerson {
  readonly identity: Identity;
  readonly prekeySeed: Uint8Array;
}
export type People = ReadonlyMap<string, VectorPerson>;

/** Byte strings in hexadecimal, at any depth. */
export function hexed(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(hexed);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, hexed(part)]));
  return value as Json;
}

/** Reads fields of a vector; which ones there are is known to each rule. */
const reader = (json: Json) => {
  const fields = json as Record<string, Json>;
  return {
    hex: (name: string) => fromHex(fields[name] as string),
    text: (name: string) => fields[name] as string,
    number: (name: string) => fields[name] as number,
    list: (name: string) => (fields[name] as readonly string[]).map(fromHex),
    raw: (name: string) => fields[name],
  };
};
type Reader = ReturnType<typeof reader>;
const split = (okm: Uint8Array) => ({
  enc: okm.subarray(0, 32),
  nonce: okm.subarray(32, 40),
  mac: okm.subarray(40),
});

export const rosterOf = (json: Json): Roster =>
  (json as readonly (readonly [string, Role, string])[]).map(([fingerprint, role, cardHash]) => ({
    fingerprint: fromHex(fingerprint),
    role,
    cardHash: fromHex(cardHash),
  }));
export const rosterJson = (roster: Roster): Json =>
  roster.map(({ fingerprint, role, cardHash }) => [toHex(fingerprint), role, toHex(cardHash)]);

const rules = {
  label: (of) => ({ bytes: label(of.text('purpose')) }),
  'inbox key': (of, { person }) => ({ key: inboxKey(person(of.text('of')).identity.card) }),
  'password keys': async (of) => {
    const cost = { logN: of.number('logN'), r: of.number('r'), p: of.number('p') };
    return split(await passwordKey(of.text('password'), of.hex('salt'), cost, 72));
  },
  'safety number': (of) => ({ digits: safetyNumber(of.hex('a'), of.hex('b')).join('') }),
  'KEM public key': (of) => ({ publicKey: kemPublic(of.hex('seed')) }),
  'KEM shared secret': (of) => ({ shared: decapsulate(of.hex('seed'), of.hex('ciphertext')) }),
  'OAEP block': (of, { person }) => ({
    plain: decryptOaep(person(of.text('to')).identity.transportKey, label(of.text('label')), of.hex('block')),
  }),
  'Merkle tree': (of) => merkleTree(of.list('leaves')),
  schedule: (of) => {
    const init = of.text('init') === '' ? undefined : of.hex('init');
    const joiner = joinerSecret(init, of.hex('commitSecret'));
    const commitHash = of.hex('commitHash');
    const secrets = atOnce(epochSecrets(joiner, commitHash, of.number('places')));
    const welcome = welcomeSecrets(joiner);
    return {
      joiner,
      joinerHash: joinerHash(joiner),
      epoch: hkdfExpand(joiner, concat(label('epoch'), commitHash)),
      ...secrets,
      channelName: ed25519Public(secrets.channelSeed),
      welcomeKey: welcome.key,
      welcomeChannelSeed: welcome.channelSeed,
    };
  },
  'chain step': (of) => chainStep(of.hex('chain')),
  roster: (of) => {
    const roster = rosterOf(of.raw('roster'));
    return { encoded: encode(rosterCodec, roster), hash: rosterHash(roster) };
  },
  'sealed box': (of) => {
    const [salt, plain] = [of.hex('salt'), of.hex('plain')];
    const okm = hkdfSha256(of.hex('key'), salt, label(of.text('purpose')), 72);
    const { enc, nonce, mac } = split(okm);
    const ciphertext = aesCtr(enc, nonce, plain);
    return { enc, nonce, mac, box: concat(salt, ciphertext, hmacSha256(mac, salt, ciphertext)) };
  },
  token: (of) => {
    const [type, head] = [of.text('type'), of.hex('head')];
    const info = concat(label(`${type} token key`), sha256(head));
    const { enc, nonce, mac } = split(hkdfSha256(concat(of.hex('r'), of.hex('shared')), undefined, info, 72));
    const encrypted = aesCtr(enc, nonce, of.hex('secret'));
    const sealed = concat(encrypted, hmacSha256(mac, encrypted));
    const leaf = leafHash(label(`${type} token`), head, sealed);
    return { headHash: sha256(head), enc, nonce, mac, sealed, leaf, hash: sha256(head, sealed) };
  },
  payload: (of) => {
    const { kind, time, frontier } = of.raw('payload') as unknown as Payload;
    const entries = frontier.map((entry) => ({ ...entry, hash: fromHex(entry.hash as unknown as string) }));
    const fields = reader(of.raw('payload'));
    const payload = { kind, id: fields.hex('id'), time, content: fields.hex('content'), frontier: entries };
    const padded = encodePayload(payload);
    return { body: padded.subarray(0, padded.lastIndexOf(0x80)), padded };
  },
  message: (of) => {
    const [header, padded] = [of.hex('header'), of.hex('padded')];
    const info = concat(label('message keys'), sha256(header));
    const { enc, nonce, mac } = split(hkdfSha256(of.hex('messageKey'), header.subarray(25, 41), info, 72));
    const ciphertext = aesCtr(enc, nonce, padded);
    return { enc, nonce, mac, ciphertext, tag: hmacSha256(mac, header, ciphertext) };
  },
  'commit read': (of) => {
    return { ...parseCommit(of.hex('data')), bytes: undefined };
  },
  'message read': (of) => parseMessage(of.hex('data')),
  'token read': (of, { person }) =>
    parseToken(of.hex('data'), of.text('type') as TokenType, person(of.text('to')).identity.card.fingerprint),
  'client frame': (of) => decodeClientFrame(of.hex('data')),
  'relay frame': (of) => decodeRelayFrame(of.hex('data')),
  login: (of) => {
    const parts = [of.text('origin'), of.hex('relayId'), of.hex('nonce'), of.hex('signSpki')] as const;
    return { login: concat(...loginParts(...parts)), proof: channelProofBytes(...parts) };
  },
} satisfies Record<string, (of: Reader, people: Lookup) => unknown>;

interface Lookup {
  readonly person: (name: string) => VectorPerson;
}
const lookup = (people: People): Lookup => ({
  person: (name) => {
    const person = people.get(name);
    if (!person) throw new Error(`nobody is called ${name}`);
    return person;
  },
});

export type Rule = keyof typeof rules;
export const derive = async (rule: Rule, input: Json, people: People): Promise<Json> =>
  hexed(await rules[rule](reader(input), lookup(people)));

function must(holds: boolean): void {
  if (!holds) throw new ProtocolError('bad-signature', 'It is not signed by its sender.');
}
const readMessage = (data: Uint8Array, sender: Card, commitHash: Uint8Array, messageKey: Uint8Array) => {
  const message = parseMessage(data);
  must(verifyMessage(message, sender.signKey, commitHash));
  const padded = openMessage(message, messageKey);
  if (!padded) throw new ProtocolError('undecryptable', 'It does not open.');
  decodePayload(padded);
};

const judges = {
  'key file': async (data, of) => {
    await openKeyFile(data, of.text('password'));
  },
  prekey: (data, of, { person }) => void openPrekey(data, person(of.text('of')).identity.card.signKey),
  card: (data) => void openCard(data),
  revocation: (data) => void openRevocation(data),
  'card text': (data) => void readCardText(new TextDecoder().decode(data)),
  'first commit': (data, of, { person }) => {
    const commit = parseCommit(data);
    must(verifyCommit(commit, person(of.text('by')).identity.card.signKey));
    checkFirstCommit(commit);
  },
  commit: (data, of, people) => {
    const base: EpochBase = {
      commit: parseCommit(of.hex('parent')),
      roster: rosterOf(of.raw('roster')),
      keyOf: keysOf(of, people),
    };
    checkCommit(parseCommit(data), base);
  },
  joining: (data, of) => checkJoining(parseCommit(data), rosterOf(of.raw('roster'))),
  leave: (data, of, { person }) => {
    const { card } = person(of.text('of')).identity;
    openLeave(data, card.fingerprint, card.signKey);
  },
  token: (data, of, { person }) => {
    const me = person(of.text('to'));
    const token = parseToken(data, of.text('type') as TokenType, me.identity.card.fingerprint);
    const verified = verifyToken(token, person(of.text('from')).identity.card);
    checkTokenTime(verified, of.number('now'), of.number('lifetime'));
    openToken(verified, me.identity, me.prekeySeed);
  },
  welcome: (data, of, { person }) => {
    const { card } = person(of.text('to')).identity;
    const token = parseToken(of.hex('token'), of.text('type') as TokenType, card.fingerprint);
    atOnce(openWelcome(data, of.hex('joiner'), token, card));
  },
  'inbox item': (data, of, { person }) => {
    const item = openInboxItem(inboxKey(person(of.text('to')).identity.card), data);
    if (item.type === 'prekey-gone')
      must(verifyPrekeyGone(item, person(of.text('from')).identity.card.signKey));
  },
  'rejoin request': (data, of, people) =>
    void openRejoinRequest(data, ({ from }) => keysOf(of, people)(from)),
  envelope: (data, of) => void openEnvelope(of.hex('sealKey'), data),
  message: (data, of, { person }) =>
    readMessage(data, person(of.text('from')).identity.card, of.hex('commitHash'), of.hex('messageKey')),
  payload: (data) => void decodePayload(data),
  frontier: (data, of, { person }) =>
    must(
      verifyFrontier(
        parseFrontier(data),
        person(of.text('from')).identity.card.signKey,
        of.hex('commitHash'),
      ),
    ),
  resend: (data, of, { person }) =>
    must(
      verifyResend(parseResend(data), person(of.text('from')).identity.card.signKey, of.hex('commitHash')),
    ),
  'client frames': (data) => void unpackFrames(data).map(decodeClientFrame),
  'relay frames': (data) => void unpackFrames(data).map(decodeRelayFrame),
} satisfies Record<string, (data: Uint8Array, of: Reader, people: Lookup) => void | Promise<void>>;

const keysOf = (of: Reader, { person }: Lookup) => {
  const cards = (of.raw('members') as string[]).map((name) => person(name).identity.card);
  return (fingerprint: Uint8Array) => cards.find((card) => equal(card.fingerprint, fingerprint))?.signKey;
};

export type Judge = keyof typeof judges;
export async function judged(judge: Judge, data: Uint8Array, context: Json, people: People): Promise<string> {
  try {
    await judges[judge](data, reader(context), lookup(people));
    return 'accepted';
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

/** What keys.json holds of a person. */
export interface PersonJson {
  readonly name: string;
  readonly card: string;
  readonly signKey: string;
  readonly transportKey: string;
  readonly storageKey: string;
  readonly prekeySeed: string;
}

export const peopleFrom = (people: readonly PersonJson[]): People =>
  new Map(
    people.map((person) => [
      person.name,
      {
        identity: {
          card: openCard(fromHex(person.card)),
          signKey: parsePrivateKey(fromHex(person.signKey)),
          transportKey: parsePrivateKey(fromHex(person.transportKey)),
          storageKey: fromHex(person.storageKey),
        },
        prekeySeed: fromHex(person.prekeySeed),
      },
    ]),
  );
