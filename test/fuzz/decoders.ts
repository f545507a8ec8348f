import * as v from 'valibot';
import { label } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { parsePublicKey, RsaKeyError } from '../../src/crypto/rsa.js';
import { openEncryptedPem } from '../../src/crypto/rsaImport.js';
import { seal } from '../../src/crypto/sealed.js';
import { cardLink } from '../../src/protocol/cardLink.js';
import { cardText, readCardText } from '../../src/protocol/cardText.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { applyChanges, checkJoining, parseCommit } from '../../src/protocol/commit.js';
import { ProtocolError, UserError } from '../../src/protocol/errors.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { findEncryptedPem } from '../../src/protocol/importedKey.js';
import { makePrekeyGone, openInboxItem, sealInboxItem, type InboxItem } from '../../src/protocol/inbox.js';
import { checkName } from '../../src/protocol/names.js';
import { encodePayload, PAYLOAD_KINDS } from '../../src/protocol/payload.js';
import { welcomeSecrets } from '../../src/protocol/schedule.js';
import { openCards, WelcomeCollector } from '../../src/protocol/welcome.js';
import {
  decodeClientFrame,
  decodeRelayFrame,
  encodeClientFrame,
  encodeRelayFrame,
  unpackFrames,
  type ClientFrame,
  type RelayFrame,
} from '../../src/protocol/wire.js';
import { decodeRecord, encodeRecord } from '../../src/relay/records.js';
import { FromWebview } from '../../src/shared/view.js';
import { nodeFiles } from '../../src/store/files.js';
import { checksumSeal, readJournal, type JournalSeal } from '../../src/store/journal.js';
import { decodeChanges, decodeHead, encodeChanges, encodeHead } from '../../src/store/records.js';
import { sealedJournal } from '../../src/store/sealedJournal.js';
import { concat, uintBytes, utf8 } from '../../src/crypto/bytes.js';
import { baseOf, commitAfter, leaveOf, payloadOf } from '../helpers/group.js';
import { message, storageKey } from '../helpers/messages.js';
import { everyKind } from '../helpers/objects.js';
import { encryptedPem, PYTHON_PEM } from '../helpers/rsaKeys.js';
import { signedParts, signedWith, tokenParts, tokenWith } from '../helpers/tamper.js';
import { atOnce } from '../helpers/atOnce.js';

type Refusal = abstract new (...args: never[]) => Error;

/** Something that reads what others have written. */
export interface Decoder {
  readonly name: string;
  /** Genuine inputs. */
  readonly samples: readonly Uint8Array[];
  /** May give a promise. */
  readonly decode: (data: Uint8Array) => unknown;
  /** What it may throw. */
  readonly refusals: readonly Refusal[];
  /** Of this many inputs it gets one; for the slow ones. */
  readonly rarely?: number;
}

const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const salt = (): Uint8Array => systemRandom(16);
const SALT = salt();

/** Every decoder there is, under its signature or seal too, where a member may have put anything. */
export async function decoders(): Promise<readonly Decoder[]> {
  const { ada, bob, group, objects, handlers, kinds } = await everyKind();
  const { card, signKey } = ada.identity;
  const { card: bobsCard } = bob.identity;
  const base = baseOf(group);
  const all: Decoder[] = [];
  const add = (
    name: string,
    samples: readonly Uint8Array[],
    decode: Decoder['decode'],
    refusals: readonly Refusal[] = [ProtocolError],
    rarely = 1,
  ) => all.push({ name, samples, decode, refusals, rarely });

  for (const kind of kinds) add(kind, [objects[kind]], handlers[kind], [ProtocolError, UserError]);

  // Inside signed objects, as far as they are read before the signature counts.
  for (const kind of ['card', 'revocation', 'commit', 'frontier', 'resend', 'rejoin request'] as const)
    add(`${kind}, body`, [signedParts(objects[kind]).body], (body) =>
      handlers[kind](signedWith(objects[kind], () => ({ body }))),
    );
  add('token, head', [tokenParts(objects['join token']).head], (head) =>
    handlers['join token'](tokenWith(objects['join token'], () => ({ head }))),
  );
  const next = commitAfter(base, ada, [
    { type: 'role', fingerprint: bobsCard.fingerprint, role: 'admin' },
    { type: 'rejoin', fingerprint: bobsCard.fingerprint },
    { type: 'remove', fingerprint: bobsCard.fingerprint, leave: leaveOf(base, bob) },
  ]);
  add('commit, rules', [signedParts(next.bytes).body, signedParts(group.commit.bytes).body], (body) => {
    const commit = parseCommit(signedWith(next.bytes, () => ({ body })));
    checkJoining(commit, commit.reason === 'create' ? [] : applyChanges(group.roster, commit.changes));
  });

  // Inside seals.
  const token = objects['join token'];
  const items: InboxItem[] = [
    { type: 'join', token, card: card.bytes },
    { type: 'rekey', token },
    { type: 'rejoin', token, card: card.bytes },
    { type: 'rejoin-request', request: objects['rejoin request'] },
    makePrekeyGone(signKey, card.fingerprint, systemRandom(32), ada.prekey.signed),
  ];
  const inbox = inboxKey(bobsCard);
  const unsealed = (item: InboxItem) => {
    const box = sealInboxItem(inbox, item, SALT);
    return openSeal(box, (plain) => seal(inbox, label('inbox item'), SALT, plain));
  };
  add('inbox item, unsealed', items.map(unsealed), (plain) =>
    openInboxItem(inbox, seal(inbox, label('inbox item'), SALT, plain)),
  );
  const { sealKey } = group.secrets;
  add('envelope, unsealed', [concat(Uint8Array.of(1), objects.message), Uint8Array.of(4)], (plain) =>
    openEnvelope(sealKey, seal(sealKey, label('group envelope'), SALT, plain)),
  );
  const { key } = welcomeSecrets(group.joiner);
  add(
    'welcome, unsealed',
    [
      openSeal(group.welcome.box, (plain) =>
        seal(key, label('welcome'), group.welcome.box.subarray(0, 16), plain),
      ),
    ],
    (plain) => atOnce(openCards(seal(key, label('welcome'), SALT, plain), group.joiner, group.commit)),
  );
  const collector = new WelcomeCollector();
  add('welcome, chunks', group.welcome.chunks, (data) => collector.add(data, group.welcome.hash));
  add(
    'payload, every kind',
    PAYLOAD_KINDS.map((kind) =>
      encodePayload(payloadOf('hello', { kind, frontier: [{ place: 1, sqn: 2, hash: systemRandom(32) }] })),
    ),
    handlers.payload,
  );

  // The relay's frames.
  const channel = { kind: 'group', key: systemRandom(32) } as const;
  const clientFrames: ClientFrame[] = [
    { type: 'hello', version: 1 },
    { type: 'auth', signKey: card.signSpki, signature: systemRandom(384) },
    { type: 'pub', channel, proof: systemRandom(64), idempotencyKey: salt(), envelope: objects.envelope },
    {
      type: 'mpub',
      entries: [1, 2].map(() => ({
        inbox: systemRandom(32),
        idempotencyKey: salt(),
        envelope: systemRandom(60),
      })),
    },
    { type: 'sub', channel, proof: new Uint8Array(0), storeId: systemRandom(32), from: 2 ** 40 },
    { type: 'unsub', channel },
    { type: 'received', channel, seq: 7 },
    { type: 'prekey-put', prekey: ada.prekey.signed },
    { type: 'prekey-get', fingerprint: card.fingerprint },
  ];
  const id = systemRandom(32);
  const relayFrames: RelayFrame[] = [
    { type: 'challenge', nonce: id, relayId: id, expiresIn: 10_000 },
    {
      type: 'ready',
      storeId: id,
      maxEnvelope: 65_536,
      maxInboxEnvelope: 8192,
      credit: 256,
      rate: 20,
      burst: 40,
    },
    { type: 'ack', channel, idempotencyKey: salt(), seq: 1, duplicate: 0 },
    { type: 'item', channel, seq: 1, envelope: objects.envelope },
    { type: 'live', channel, seq: 1 },
    { type: 'gap', channel, oldest: 5 },
    { type: 'prekey', fingerprint: id, prekey: new Uint8Array(0) },
    { type: 'err', code: 'slow-down', refused: id, retryAfter: 1000, message: 'Too many messages at once.' },
    { type: 'goaway', reason: 'idle' },
  ];
  add('client frames', clientFrames.map(encodeClientFrame), decodeClientFrame);
  add('relay frames', relayFrames.map(encodeRelayFrame), decodeRelayFrame);
  add('WebSocket message', [objects['packed frames']], (data) => unpackFrames(data).map(decodeClientFrame));

  // What is on disk.
  const records = [
    encodeHead({ previous: 0, count: 0, condition: 'clean' }),
    ...[1, 2, 3].map((n) => encodeChanges(message(n))),
  ];
  const opened = { type: 'opened', version: 1, relayId: id, storeId: id } as const;
  const item = {
    type: 'item',
    channel: systemRandom(33),
    seq: 1,
    id: systemRandom(48),
    time: 1,
    packed: id,
  } as const;
  const relayRecords = [opened, item, { ...item, packed: new Uint8Array(0) }].map(encodeRecord);
  add('journal head', [records[0]!], decodeHead, [ProtocolError, UserError]);
  add('journal record', records.slice(1), decodeChanges);
  add('relay’s journal record', relayRecords, decodeRecord);
  const journal =
    (of: () => JournalSeal, decode: (record: Uint8Array) => unknown) => async (data: Uint8Array) => {
      const files = { ...nodeFiles, readFile: () => Promise.resolve(data) } as unknown as typeof nodeFiles;
      (await readJournal('journal', of(), files)).records.forEach(decode);
    };
  add(
    'journal',
    [framed(sealedJournal(storageKey, 1, SALT), records.slice(1))],
    journal(() => sealedJournal(storageKey, 1), decodeChanges),
    [ProtocolError],
  );
  add(
    'relay’s journal',
    [framed(checksumSeal, relayRecords)],
    journal(() => checksumSeal, decodeRecord),
  );

  // Text.
  const cards = [cardText('card', card.bytes), cardText('revocation', objects.revocation)];
  add(
    'card text and link',
    [...cards, ...cards.map((each) => cardLink('vscode://secure-chat.secure-chat/card', each))].map(utf8),
    (data) => readCardText(text(data)),
  );
  add('name', ['Ada', 'José  María', '🙂'].map(utf8), (data) => checkName(text(data)), [UserError]);
  const pems = [PYTHON_PEM, encryptedPem(signKey)];
  add('PEM file', pems.map(utf8), (data) => findEncryptedPem(text(data)), [UserError]);
  add('PEM key', pems.map(utf8), (data) => openEncryptedPem(text(data), 'password'), [], 50);
  const der = new Uint8Array(Buffer.from(pems[1]!.split('\n').slice(1, -2).join(''), 'base64'));
  const armour = (data: Uint8Array) =>
    `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${Buffer.from(data).toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
  add('PKCS #8', [der], (data) => openEncryptedPem(armour(data), 'password'), [], 50);
  add('RSA public key', [card.signSpki], parsePublicKey, [RsaKeyError]);

  // The page: anything that is plain data.
  const messages: FromWebview[] = [
    { type: 'ready' },
    { type: 'send', group: 'ab', text: 'hello' },
    { type: 'older', group: 'ab', before: 3 },
    { type: 'command', command: 'inviteGroup' },
  ];
  add(
    'webview message',
    messages.map((each) => utf8(JSON.stringify(each))),
    (data) => v.safeParse(FromWebview, value(data)),
    [],
  );
  return all;
}

/** The content of a sealed box: sealing is its own inverse, under the same salt. */
function openSeal(box: Uint8Array, sealAgain: (plain: Uint8Array) => Uint8Array): Uint8Array {
  return sealAgain(box.subarray(16, -32)).subarray(16, -32);
}

/** A journal file of these records. */
const framed = (by: JournalSeal, records: readonly Uint8Array[]): Uint8Array =>
  concat(
    ...records.flatMap((record, i) => {
      const body = by.seal(i, record);
      return [uintBytes(body.length, 4), uintBytes(~body.length >>> 0, 4), body];
    }),
  );

/** Plain data that the bytes spell. */
function value(data: Uint8Array): unknown {
  try {
    return JSON.parse(text(data));
  } catch {
    return data.length % 2 ? text(data) : data;
  }
}
