import { sealTokens } from '../helpers/group.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { concat, fromHex, label, toHex, uintBytes, utf8 } from '../../src/crypto/bytes.js';
import { sha256 } from '../../src/crypto/hash.js';
import type { Random } from '../../src/crypto/random.js';
import { decryptOaep } from '../../src/crypto/rsa.js';
import { makeCard, openCard } from '../../src/protocol/card.js';
import { cardLink } from '../../src/protocol/cardLink.js';
import { cardText } from '../../src/protocol/cardText.js';
import { sealEnvelope } from '../../src/protocol/channel.js';
import {
  applyChanges,
  makeCommit,
  NO_PARENT,
  type Commit,
  type CommitBody,
  type RosterChange,
} from '../../src/protocol/commit.js';
import { makeFrontier } from '../../src/protocol/frontier.js';
import { inboxKey, newIdentity } from '../../src/protocol/identity.js';
import { makePrekeyGone, sealInboxItem, type InboxItem } from '../../src/protocol/inbox.js';
import { wrap, wrapJob, type TokenDraft, type TokenType } from '../../src/protocol/invitation.js';
import { sealKeyFile } from '../../src/protocol/keyFile.js';
import { makeLeave } from '../../src/protocol/leave.js';
import { sealMessage } from '../../src/protocol/message.js';
import { encodePayload, type Payload } from '../../src/protocol/payload.js';
import { makeRejoinRequest } from '../../src/protocol/rejoin.js';
import { makeResend } from '../../src/protocol/resend.js';
import { makeRevocation } from '../../src/protocol/revocation.js';
import { rosterHash, type Roster } from '../../src/protocol/roster.js';
import { chainStep, epochSecrets, joinerHash, joinerSecret } from '../../src/protocol/schedule.js';
import { sealWelcome } from '../../src/protocol/welcome.js';
import { encodeClientFrame, encodeRelayFrame, packFrames } from '../../src/protocol/wire.js';
import {
  fieldsWith,
  messageParts,
  messageWith,
  patched,
  signedParts,
  signedWith,
  tokenParts,
  tokenWith,
} from '../helpers/tamper.js';
import {
  derive,
  hexed,
  judged,
  peopleFrom,
  rosterJson,
  type Judge,
  type People,
  type PersonJson,
  type Rule,
  type Vectors,
  type VectorPerson,
} from './rules.js';
import { atOnce } from '../helpers/atOnce.js';

const FOLDER = 'test/vectors';
const NOW = Date.UTC(2026, 0, 15, 12);
const WEEK = 7 * 24 * 60 * 60 * 1000;
const NAMES = ['Ada', 'Bob', 'Cleo', 'Eve'];
const NOTHING: Uint8Array = new Uint8Array(0);

/** The same bytes each time, unlike PSS, OAEP and new keys. */
let drawn = 0;
const random: Random = (length) => {
  const parts = Array.from({ length: Math.ceil(length / 32) }, () =>
    sha256(utf8('vectors'), uintBytes(drawn++, 8)),
  );
  return concat(...parts).subarray(0, length);
};

/** The people of the file that is there already: new keys would make every vector another. */
async function makePeople(): Promise<readonly PersonJson[]> {
  try {
    return (JSON.parse(readFileSync(`${FOLDER}/keys.json`, 'utf8')) as { people: PersonJson[] }).people;
  } catch {
    return Promise.all(
      NAMES.map(async (name) => {
        const { card, secrets, prekey } = await newIdentity(name, random, NOW);
        return {
          name,
          card: toHex(card.bytes),
          signKey: toHex(secrets.signKey),
          transportKey: toHex(secrets.transportKey),
          storageKey: toHex(secrets.storageKey),
          prekeySeed: toHex(prekey.seed),
        };
      }),
    );
  }
}

/** One file. */
class Page {
  readonly #derived: Vectors['derived'][number][] = [];
  readonly #judged: Vectors['judged'][number][] = [];

  constructor(
    private readonly people: People,
    private readonly about: string,
  ) {}

  async derive(rule: Rule, name: string, input: object): Promise<void> {
    const json = hexed(input);
    this.#derived.push({ rule, name, input: json, output: await derive(rule, json, this.people) });
  }

  async judge(judge: Judge, name: string, data: Uint8Array, context: object = {}, expected = 'accepted') {
    const json = hexed(context);
    const result = await judged(judge, data, json, this.people);
    if (result !== expected) throw new Error(`${judge}, ${name}: ${result} instead of ${expected}`);
    this.#judged.push({ judge, name, data: toHex(data), context: json, result });
  }

  write(file: string, more: object = {}): void {
    const content = { about: this.about, ...more, derived: this.#derived, judged: this.#judged };
    const text = `${JSON.stringify(content, undefined, 1)}\n`;
    if (text.length > 200_000) throw new Error(`${file} has ${text.length} bytes`);
    writeFileSync(`${FOLDER}/${file}.json`, text);
    console.log(
      `${file}: ${this.#derived.length} derived, ${this.#judged.length} judged, ${text.length} bytes`,
    );
  }
}

const persons = await makePeople();
const people = peopleFrom(persons);
const [ada, bob, cleo, eve] = NAMES.map((name) => people.get(name)!) as [
  VectorPerson,
  VectorPerson,
  VectorPerson,
  VectorPerson,
];
const of = ({ identity }: VectorPerson) => identity.card.fingerprint;
const flipped = (data: Uint8Array, at = data.length - 1) => patched(data, at, data[at]! ^ 1);

async function keys(): Promise<void> {
  const page = new Page(
    people,
    'Keys: RSA as DER (PKCS #8), prekeys as X-Wing seeds, and what is derived from keys.',
  );
  for (const purpose of [
    'card',
    'prekey gone',
    'token batch',
    'join token',
    'rekey token block',
    'leave',
    'rejoin request',
    'resend',
  ])
    await page.derive('label', purpose, { purpose });
  for (const { name, prekeySeed } of persons) {
    await page.derive('inbox key', name, { of: name });
    await page.derive('KEM public key', name, { seed: prekeySeed });
  }
  await page.derive('safety number', 'Ada and Bob', { a: of(ada), b: of(bob) });
  await page.derive('safety number', 'Bob and Ada', { a: of(bob), b: of(ada) });

  const cost = { logN: 14, r: 8, p: 1 };
  const { signKey, transportKey, storageKey, card } = persons[0]!;
  const secrets = {
    signKey: fromHex(signKey),
    transportKey: fromHex(transportKey),
    storageKey: fromHex(storageKey),
  };
  const password = 'pässword';
  const salt = random(32);
  const seal = (bytes: Uint8Array, at = cost) => sealKeyFile(bytes, secrets, password, () => salt, at);
  const file = await seal(fromHex(card));
  await page.derive('password keys', 'of Ada’s key file', { password, salt, ...cost });
  await page.judge('key file', 'Ada’s', file, { password });
  await page.judge('key file', 'the password in NFD', file, { password: password.normalize('NFD') });
  await page.judge('key file', 'another password', file, { password: 'password' }, 'wrong-password');
  await page.judge('key file', 'another tag', flipped(file), { password }, 'wrong-password');
  await page.judge('key file', 'cut off', file.subarray(0, -1), { password }, 'damaged-key-file');
  await page.judge('key file', 'version 2', patched(file, 1, 2), { password }, 'newer-key-file');
  await page.judge(
    'key file',
    'N = 2^13',
    await seal(fromHex(card), { ...cost, logN: 13 }),
    { password },
    'bad-key-file-cost',
  );
  await page.judge(
    'key file',
    'Bob’s card',
    await seal(bob.identity.card.bytes),
    { password },
    'damaged-key-file',
  );
  page.write('keys', { people: persons });
}

async function cards(): Promise<void> {
  const page = new Page(people, 'Prekeys, cards, revocations, and their text.');
  const { card, signKey } = ada.identity;
  await page.judge('prekey', 'Ada’s', card.signedPrekey, { of: 'Ada' });
  await page.judge('prekey', 'of another', card.signedPrekey, { of: 'Bob' }, 'bad-signature');
  await page.judge('prekey', 'cut off', card.signedPrekey.subarray(0, -1), { of: 'Ada' }, 'malformed');
  await page.judge('card', 'Ada’s', card.bytes);
  const fields = {
    name: 'Ada',
    signKey: card.signSpki,
    transportKey: card.transportSpki,
    prekey: card.signedPrekey,
    created: NOW,
  };
  const other = bob.identity.card;
  const bad: [string, Uint8Array][] = [
    ['a flipped bit of the signature', flipped(card.bytes)],
    ['a name with a space in front', makeCard(signKey, { ...fields, name: ' Ada' })],
    ['a name that changes its direction', makeCard(signKey, { ...fields, name: 'A\u202eda' })],
    ['one key for both purposes', makeCard(signKey, { ...fields, transportKey: card.signSpki })],
    ['the prekey of another', makeCard(signKey, { ...fields, prekey: other.signedPrekey })],
    ['signed by another', makeCard(bob.identity.signKey, fields)],
    ['a sign key that is none', makeCard(signKey, { ...fields, signKey: card.signSpki.subarray(1) })],
    ['a version to come', signedWith(card.bytes, ({ body }) => ({ body: patched(body, 1, 2) }))],
  ];
  for (const [name, data] of bad) await page.judge('card', name, data, {}, 'bad-card');
  const revocation = makeRevocation(signKey, card, NOW);
  await page.judge('revocation', 'Ada’s', revocation);
  await page.judge(
    'revocation',
    'by another',
    makeRevocation(bob.identity.signKey, card, NOW),
    {},
    'bad-signature',
  );
  await page.judge('revocation', 'a card', card.bytes, {}, 'malformed');
  const text = cardText('card', card.bytes);
  await page.judge('card text', 'a card', utf8(text));
  await page.judge('card text', 'a link', utf8(cardLink('vscode://secure-chat.secure-chat/card', text)));
  await page.judge('card text', 'with line breaks', utf8(text.replace(/.{70}/g, '$&\n')));
  await page.judge(
    'card text',
    'cut off',
    utf8(cardText('card', card.bytes.subarray(0, -30))),
    {},
    'bad-card',
  );
  await page.judge('card text', 'another kind', utf8(text.replace('card', 'cart')), {}, 'malformed');
  page.write('cards');
}

/** The epochs of one group: who follows what. */
const group = random(16);
const entry = (person: VectorPerson, role: 'admin' | 'member') => ({
  fingerprint: of(person),
  role,
  cardHash: person.identity.card.hash,
});
const founders: RosterChange[] = [
  { type: 'add', ...entry(ada, 'admin') },
  { type: 'add', ...entry(bob, 'member') },
  { type: 'add', ...entry(cleo, 'member') },
];
const firstSecret = random(32);
const firstJoiner = joinerSecret(undefined, firstSecret);
const first = makeCommit(ada.identity.signKey, {
  group,
  epoch: 1,
  parent: NO_PARENT,
  title: 'Release plan',
  changes: founders,
  rosterHash: rosterHash(applyChanges([], founders)),
  committer: of(ada),
  reason: 'create',
  joinerHash: joinerHash(firstJoiner),
  cut: [],
  time: NOW,
});
const firstRoster = applyChanges([], founders);
const firstEpoch = atOnce(epochSecrets(firstJoiner, first.hash, firstRoster.length));
const secondSecret = random(32);
const secondJoiner = joinerSecret(firstEpoch.init, secondSecret);
const after = (
  parent: Commit,
  roster: Roster,
  by: VectorPerson,
  changes: readonly RosterChange[],
  change: Partial<CommitBody> = {},
): Commit =>
  makeCommit(by.identity.signKey, {
    group,
    epoch: parent.epoch + 1,
    parent: parent.hash,
    title: parent.title,
    changes,
    rosterHash: change.rosterHash ?? rosterHash(applyChanges(roster, changes)),
    committer: of(by),
    reason: 'change',
    joinerHash: joinerHash(secondJoiner),
    cut: roster.map((_, place) => place + 1),
    time: NOW + 1000,
    ...change,
  });
const addEve: RosterChange = { type: 'add', ...entry(eve, 'member') };
const second = after(first, firstRoster, ada, [
  addEve,
  { type: 'role', fingerprint: of(cleo), role: 'admin' },
]);

async function commits(): Promise<void> {
  const page = new Page(people, 'Commits of a group of Ada (admin), Bob and Cleo; Eve comes later.');
  await page.derive('roster', 'epoch 1', { roster: rosterJson(firstRoster) });
  await page.derive('commit read', 'epoch 1', { data: first.bytes });
  await page.derive('schedule', 'epoch 1', {
    init: '',
    commitSecret: firstSecret,
    commitHash: first.hash,
    places: 3,
  });
  await page.derive('commit read', 'epoch 2', { data: second.bytes });
  await page.derive('schedule', 'epoch 2', {
    init: firstEpoch.init,
    commitSecret: secondSecret,
    commitHash: second.hash,
    places: 4,
  });
  await page.derive('chain step', 'place 0, SQN 1 to 2', { chain: firstEpoch.chains[0] });

  await page.judge('first commit', 'by Ada', first.bytes, { by: 'Ada' });
  await page.judge('first commit', 'by another', first.bytes, { by: 'Bob' }, 'bad-signature');
  const firsts: [string, Partial<CommitBody>][] = [
    ['epoch 2', { epoch: 2 }],
    ['a parent', { parent: first.hash }],
    ['a cut', { cut: [0] }],
    ['another roster hash', { rosterHash: first.hash }],
    ['a title that is no name', { title: 'Release\nplan' }],
    ['another reason', { reason: 'change' }],
  ];
  for (const [name, change] of firsts)
    await page.judge(
      'first commit',
      name,
      makeCommit(ada.identity.signKey, { ...first, ...change }).bytes,
      { by: 'Ada' },
      'bad-commit',
    );

  const members = ['Ada', 'Bob', 'Cleo'];
  const context = { parent: first.bytes, roster: rosterJson(firstRoster), members };
  const word = (by: VectorPerson, change = {}) =>
    makeLeave(by.identity.signKey, {
      group,
      epoch: 1,
      parent: first.hash,
      member: of(by),
      successor: NOTHING,
      ...change,
    });
  await page.judge('leave', 'Bob’s', word(bob), { of: 'Bob' });
  await page.judge('leave', 'Bob’s as if it were Cleo’s', word(bob), { of: 'Cleo' }, 'bad-signature');
  await page.judge('leave', 'about another', word(bob, { member: of(cleo) }), { of: 'Bob' }, 'bad-signature');

  const removes = (person: VectorPerson, leave = NOTHING): RosterChange => ({
    type: 'remove',
    fingerprint: of(person),
    leave,
  });
  const turns = (person: VectorPerson, role: 'admin' | 'member'): RosterChange => ({
    type: 'role',
    fingerprint: of(person),
    role,
  });
  const returns = (person: VectorPerson): RosterChange => ({ type: 'rejoin', fingerprint: of(person) });
  const by = (person: VectorPerson, changes: readonly RosterChange[], change: Partial<CommitBody> = {}) =>
    after(first, firstRoster, person, changes, change).bytes;
  const good: [string, Uint8Array][] = [
    ['an admin adds and promotes', second.bytes],
    ['an admin renames', by(ada, [], { title: 'Next plan' })],
    ['an admin removes', by(ada, [removes(bob)])],
    ['a member renews', by(bob, [])],
    ['a member brings another back', by(bob, [returns(cleo)])],
    ['a member removes who asked to leave', by(bob, [removes(cleo, word(cleo))])],
    [
      'the only admin leaves and names a successor',
      by(bob, [turns(cleo, 'admin'), removes(ada, word(ada, { successor: of(cleo) }))]),
    ],
  ];
  for (const [name, data] of good) await page.judge('commit', name, data, context);
  const bad: [string, Uint8Array][] = [
    ['a member adds', by(bob, [addEve])],
    ['a member removes', by(bob, [removes(cleo)])],
    ['a member renames', by(bob, [], { title: 'Next plan' })],
    ['a member promotes itself', by(bob, [turns(bob, 'admin')])],
    ['a word about another epoch', by(bob, [removes(cleo, word(cleo, { parent: second.hash }))])],
    ['a word of another member', by(bob, [removes(cleo, word(bob))])],
    ['a false word, though by an admin', by(ada, [removes(cleo, word(bob))])],
    [
      'another successor than named',
      by(bob, [turns(bob, 'admin'), removes(ada, word(ada, { successor: of(cleo) }))]),
    ],
    ['its own committer removed', by(ada, [turns(bob, 'admin'), removes(ada)])],
    ['no admin left', by(ada, [turns(ada, 'member')])],
    ['epoch 3', by(ada, [], { epoch: 3 })],
    ['another parent', by(ada, [], { parent: second.hash })],
    ['another group', by(ada, [], { group: random(16) })],
    ['another roster hash', by(ada, [], { rosterHash: first.hash })],
    ['a cut of two places', by(ada, [], { cut: [1, 2] })],
    ['a reset', by(ada, [], { reason: 'reset' })],
    ['a committer outside', by(eve, [])],
    ['another signer than its committer', by(bob, [], { committer: of(ada) })],
    ['somebody removed who is not there', by(ada, [removes(eve)], { rosterHash: first.hash })],
  ];
  for (const [name, data] of bad) await page.judge('commit', name, data, context, 'bad-commit');

  const joins = { roster: rosterJson(applyChanges(firstRoster, second.changes)) };
  const same = { roster: rosterJson(firstRoster) };
  await page.judge('joining', 'an admin’s change', second.bytes, joins);
  await page.judge(
    'joining',
    'an admin’s reset',
    by(ada, [], { reason: 'reset', epoch: 101, cut: [] }),
    same,
  );
  await page.judge(
    'joining',
    'a member’s reset',
    by(bob, [], { reason: 'reset', epoch: 101, cut: [] }),
    same,
    'bad-commit',
  );
  await page.judge(
    'joining',
    'a member adds',
    by(bob, [addEve]),
    { roster: rosterJson(applyChanges(firstRoster, [addEve])) },
    'bad-commit',
  );
  await page.judge('joining', 'another roster', second.bytes, same, 'bad-commit');
  page.write('commits');
}

async function tokens(): Promise<void> {
  const page = new Page(people, 'The tokens of epoch 2, signed together.');
  const roster = applyChanges(firstRoster, second.changes);
  const everyone = roster.map(({ fingerprint }) =>
    [...people.values()].find((each) => toHex(of(each)) === toHex(fingerprint))!,
  );
  const sealed = sealWelcome(
    secondJoiner,
    second,
    roster,
    everyone.map(({ identity }) => identity.card),
    random(16),
  );
  const box = concat(...sealed.chunks.map((chunk) => chunk.subarray(chunk.length - chunkData(chunk))));
  const drafts = (
    [
      [eve, 'join'],
      [bob, 'rekey'],
      [cleo, 'rejoin'],
    ] as const
  ).map(([person, type]): TokenDraft => {
    const { card } = person.identity;
    const secret = type === 'rekey' ? secondSecret : secondJoiner;
    return { type, to: card, prekey: card.prekey, secret, welcomeHash: sealed.hash };
  });
  const jobs = drafts.map((draft) => {
    const job = wrapJob(ada.identity, draft, random);
    return { draft, job, wrapped: wrap(job, random) };
  });
  const content = { time: NOW, group, epoch: 2, commitHash: second.hash };
  const made = sealTokens(ada.identity, content, jobs, random) as Uint8Array[];
  const parts = made.map(tokenParts);
  const leaves: Uint8Array[] = [];
  for (const [i, { draft, job, wrapped }] of jobs.entries()) {
    const { head, secret } = parts[i]!;
    const { type, to } = draft;
    const person = [...people.values()].find((each) => each.identity.card === to)!;
    const { encryptedBlock, ciphertext, shared } = wrapped!;
    if (!decryptOaep(person.identity.transportKey, label(`${type} token block`), encryptedBlock))
      throw new Error('OAEP');
    await page.derive('OAEP block', `to ${to.name}`, {
      to: to.name,
      label: `${type} token block`,
      block: encryptedBlock,
    });
    await page.derive('KEM shared secret', `to ${to.name}`, { seed: person.prekeySeed, ciphertext });
    await page.derive('token', `to ${to.name}`, {
      type,
      head,
      r: job.block.subarray(64),
      shared,
      secret: draft.secret,
    });
    leaves.push(sha256(Uint8Array.of(0), label(`${type} token`), head, secret));
  }
  await page.derive('Merkle tree', 'of the batch', { leaves });
  await page.derive('Merkle tree', 'of one', { leaves: leaves.slice(0, 1) });
  await page.derive('Merkle tree', 'of five', {
    leaves: Array.from({ length: 5 }, (_, i) => sha256(Uint8Array.of(0, i))),
  });
  await page.derive('token read', 'to Eve', { data: made[0], type: 'join', to: 'Eve' });

  const at = (to: string, type: TokenType, change = {}) => ({
    to,
    type,
    from: 'Ada',
    now: NOW + 1000,
    lifetime: WEEK,
    ...change,
  });
  for (const [i, { type, to }] of drafts.entries())
    await page.judge('token', `to ${to.name}`, made[i]!, at(to.name, type));
  const join = made[0]!;
  const first = parts[0]!;
  const second_ = parts[1]!;
  const bad: [string, string, Uint8Array, object][] = [
    ['cut off', 'malformed', join.subarray(0, -1), at('Eve', 'join')],
    ['a rekey token expected', 'wrong-type', join, at('Eve', 'rekey')],
    ['for another', 'not-for-me', join, at('Bob', 'join')],
    ['with another’s card', 'bad-card', join, at('Eve', 'join', { from: 'Bob' })],
    [
      'the path of another',
      'bad-signature',
      tokenWith(join, () => ({ path: second_.path })),
      at('Eve', 'join'),
    ],
    ['the place of another', 'bad-signature', tokenWith(join, () => ({ index: 1 })), at('Eve', 'join')],
    ['a tree of one', 'bad-signature', tokenWith(join, () => ({ size: 1 })), at('Eve', 'join')],
    [
      'a path too long',
      'bad-signature',
      tokenWith(join, ({ path }) => ({ path: [...path, NO_PARENT] })),
      at('Eve', 'join'),
    ],
    [
      'the secret of another',
      'bad-signature',
      tokenWith(join, () => ({ secret: second_.secret })),
      at('Eve', 'join'),
    ],
    [
      'a signature changed',
      'bad-signature',
      tokenWith(join, ({ signature }) => ({ signature: flipped(signature) })),
      at('Eve', 'join'),
    ],
    [
      'called a rejoin token',
      'bad-signature',
      tokenWith(join, ({ head }) => ({ head: patched(head, 2, 2) })),
      at('Eve', 'rejoin'),
    ],
    ['before its time', 'from-the-future', join, at('Eve', 'join', { now: NOW - 1 })],
    ['too late', 'expired', join, at('Eve', 'join', { now: NOW + WEEK + 1 })],
  ];
  for (const [name, code, data, context] of bad) await page.judge('token', name, data, context, code);
  if (first.path.length !== 2) throw new Error('a tree of three');

  page.write('tokens');

  const inboxes = new Page(people, 'What comes into inboxes in epoch 2, and its welcome.');
  const welcome = { to: 'Eve', type: 'join', token: join, joiner: secondJoiner };
  await inboxes.judge('welcome', 'to Eve', box, welcome);
  await inboxes.judge('welcome', 'changed', flipped(box), welcome, 'bad-welcome');
  await inboxes.judge('welcome', 'another secret', box, { ...welcome, joiner: firstJoiner }, 'bad-welcome');

  const inbox = inboxKey(eve.identity.card);
  const { card, signKey } = ada.identity;
  const item = (content: InboxItem) => sealInboxItem(inbox, content, random(16));
  const invitation = item({ type: 'join', token: join, card: card.bytes });
  await inboxes.judge('inbox item', 'an invitation', invitation, { to: 'Eve' });
  await inboxes.judge('inbox item', 'in another’s inbox', invitation, { to: 'Bob' }, 'malformed');
  await inboxes.judge('inbox item', 'changed', flipped(invitation), { to: 'Eve' }, 'malformed');
  const gone = makePrekeyGone(signKey, of(ada), sha256(first.head, first.secret), card.signedPrekey);
  await inboxes.judge('inbox item', 'a prekey is gone', item(gone), { to: 'Eve', from: 'Ada' });
  await inboxes.judge(
    'inbox item',
    'a prekey is gone, says another',
    item(gone),
    { to: 'Eve', from: 'Bob' },
    'bad-signature',
  );

  const request = makeRejoinRequest(cleo.identity.signKey, {
    group,
    from: of(cleo),
    epoch: 1,
    commitHash: second.parent,
    prekey: cleo.identity.card.signedPrekey,
    reason: 'no-token',
    time: NOW,
  });
  await inboxes.judge('rejoin request', 'Cleo’s', request, { members: ['Ada', 'Bob', 'Cleo'] });
  await inboxes.judge(
    'rejoin request',
    'from outside',
    request,
    { members: ['Ada', 'Bob'] },
    'bad-signature',
  );
  inboxes.write('inboxes');
}

/** Bytes of the piece in `[index, total, data]`, with index and total below 24. */
const chunkData = (chunk: Uint8Array): number => new DataView(chunk.buffer, chunk.byteOffset).getUint16(4);

async function envelopes(): Promise<void> {
  const page = new Page(people, 'What travels in the group channel of epoch 1, and the relay’s frames.');
  const place = firstRoster.findIndex(({ fingerprint }) => toHex(fingerprint) === toHex(of(ada)));
  const payload: Payload = {
    kind: 'text',
    id: random(16),
    time: NOW,
    content: utf8('Shall we ship? 🚢'),
    frontier: [{ place: (place + 1) % 3, sqn: 2, hash: random(32) }],
  };
  await page.derive('payload', 'a text', { payload });
  await page.derive('payload', 'of 300 bytes', {
    payload: { ...payload, content: new Uint8Array(300).fill(0x61), frontier: [] },
  });
  const padded = encodePayload(payload);
  const chain = firstEpoch.chains[place]!;
  const { messageKey, next } = chainStep(chain);
  const header = { group, epoch: 1, place, sqn: 1, salt: random(16), previous: first.hash };
  const sent = sealMessage(ada.identity.signKey, first.hash, chain, header, padded);
  const parts = messageParts(sent.bytes);
  await page.derive('chain step', 'SQN 1', { chain });
  await page.derive('chain step', 'SQN 2', { chain: next });
  await page.derive('message', 'SQN 1', { messageKey, header: parts.header, padded });
  await page.derive('message read', 'SQN 1', { data: sent.bytes });
  const context = { from: 'Ada', commitHash: first.hash, messageKey };
  await page.judge('message', 'Ada’s first', sent.bytes, context);
  const bad: [string, string, Uint8Array, object][] = [
    ['of another', 'bad-signature', sent.bytes, { ...context, from: 'Bob' }],
    ['in another epoch', 'bad-signature', sent.bytes, { ...context, commitHash: second.hash }],
    ['under another key', 'undecryptable', sent.bytes, { ...context, messageKey: next }],
    ['cut off', 'malformed', sent.bytes.subarray(0, -1), context],
    [
      'version 2',
      'malformed',
      messageWith(sent.bytes, (each) => ({ header: patched(each.header, 0, 2) })),
      context,
    ],
    [
      'SQN 2',
      'bad-signature',
      messageWith(sent.bytes, (each) => ({ header: patched(each.header, 24, 2) })),
      context,
    ],
    [
      'SQN 0',
      'malformed',
      messageWith(sent.bytes, (each) => ({ header: patched(each.header, 24, 0) })),
      context,
    ],
    [
      'another ciphertext',
      'bad-signature',
      messageWith(sent.bytes, (each) => ({ ciphertext: flipped(each.ciphertext) })),
      context,
    ],
    [
      'another tag',
      'bad-signature',
      messageWith(sent.bytes, (each) => ({ tag: flipped(each.tag) })),
      context,
    ],
  ];
  for (const [name, code, data, where] of bad) await page.judge('message', name, data, where, code);
  await page.judge('payload', 'padded', padded);
  await page.judge('payload', 'padded too far', concat(padded, new Uint8Array(16)), {}, 'malformed');
  await page.judge('payload', 'not padded', padded.subarray(0, padded.lastIndexOf(0x80)), {}, 'malformed');

  const { sealKey } = firstEpoch;
  const salt = random(16);
  const envelope = sealEnvelope(sealKey, 'message', sent.bytes, salt);
  await page.derive('sealed box', 'envelope', {
    key: sealKey,
    purpose: 'group envelope',
    salt,
    plain: concat(Uint8Array.of(1), sent.bytes),
  });
  await page.judge('envelope', 'with a message', envelope, { sealKey });
  await page.judge('envelope', 'changed', flipped(envelope), { sealKey }, 'malformed');
  await page.judge('envelope', 'of another channel', envelope, { sealKey: firstEpoch.init }, 'malformed');

  const where = { from: 'Ada', commitHash: first.hash };
  const { signKey } = ada.identity;
  const frontier = (change = {}) =>
    makeFrontier(signKey, first.hash, {
      group,
      epoch: 1,
      place,
      entries: payload.frontier,
      next: second.hash,
      ...change,
    });
  await page.judge('frontier', 'with a next commit', frontier(), where);
  await page.judge('frontier', 'that only says “I am here”', frontier({ entries: [], next: NOTHING }), where);
  await page.judge('frontier', 'of another', frontier(), { ...where, from: 'Bob' }, 'bad-signature');
  await page.judge(
    'frontier',
    'of another epoch',
    frontier(),
    { ...where, commitHash: second.hash },
    'bad-signature',
  );
  await page.judge(
    'frontier',
    'place 1000',
    signedWith(frontier(), ({ body }) => ({ body: fieldsWith(body, { 3: 1000 }) })),
    where,
    'malformed',
  );
  const resend = () =>
    makeResend(signKey, first.hash, { group, epoch: 1, place, of: (place + 1) % 3, sqns: [1, 3] });
  await page.judge('resend', 'SQNs 1 and 3', resend(), where);
  await page.judge(
    'resend',
    'SQN 0',
    signedWith(resend(), ({ body }) => ({ body: fieldsWith(body, { 5: [0] }) })),
    where,
    'malformed',
  );
  await page.judge(
    'resend',
    'of another epoch',
    resend(),
    { ...where, commitHash: second.hash },
    'bad-signature',
  );
  await page.judge('resend', 'a frontier', frontier(), where, 'malformed');
  await page.judge(
    'resend',
    'with the signature of a frontier',
    signedWith(resend(), () => ({ signature: signedParts(frontier()).signature })),
    where,
    'bad-signature',
  );

  const channel = { kind: 'group', key: random(32) } as const;
  const hello = encodeClientFrame({ type: 'hello', version: 1 });
  const sub = encodeClientFrame({ type: 'sub', channel, proof: NOTHING, storeId: random(32), from: 1 });
  const live = encodeRelayFrame({ type: 'live', channel, seq: 7 });
  const err = encodeRelayFrame({
    type: 'err',
    code: 'slow-down',
    refused: NOTHING,
    retryAfter: 50,
    message: 'Too much.',
  });
  await page.derive('client frame', 'hello', { data: hello });
  await page.derive('client frame', 'sub', { data: sub });
  await page.derive('relay frame', 'live', { data: live });
  await page.derive('relay frame', 'err', { data: err });
  await page.judge('client frames', 'two', packFrames([hello, sub]));
  await page.judge('relay frames', 'two', packFrames([live, err]));
  await page.judge('client frames', 'of the relay', packFrames([live]), {}, 'malformed');
  await page.judge('client frames', 'cut off', packFrames([hello, sub]).subarray(0, -1), {}, 'malformed');
  await page.judge(
    'client frames',
    'a number not in its shortest form',
    packFrames([Uint8Array.of(0x82, 1, 0x18, 1)]),
    {},
    'malformed',
  );
  const { signSpki } = ada.identity.card;
  await page.derive('login', 'Ada', {
    origin: 'wss://relay.example',
    relayId: random(32),
    nonce: random(32),
    signSpki,
  });
  page.write('envelopes');
}

if (persons.some(({ name, card }) => openCard(fromHex(card)).name !== name)) throw new Error('keys.json');
await keys();
await cards();
await commits();
await tokens();
await envelopes();
