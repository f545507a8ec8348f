import { groupChannel } from '../../src/client/connection.js';
import { toHex, utf8 } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openPrekey } from '../../src/protocol/card.js';
import { sealEnvelope } from '../../src/protocol/channel.js';
import { makeCommit, parseCommit, type Commit, type CommitBody } from '../../src/protocol/commit.js';
import { makeFrontier } from '../../src/protocol/frontier.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { sealInboxItem } from '../../src/protocol/inbox.js';
import { makeToken, type TokenType } from '../../src/protocol/invitation.js';
import { sealMessage, type MessageHeader } from '../../src/protocol/message.js';
import { encodePayload, type Payload } from '../../src/protocol/payload.js';
import { rosterHash, type Roster } from '../../src/protocol/roster.js';
import { joinerHash, joinerSecret } from '../../src/protocol/schedule.js';
import type { ParticipantStore } from '../../src/store/participantStore.js';
import { TABLES, type Table } from '../../src/store/schema.js';
import type { intrude } from './intruder.js';
import type { Person } from './people.js';
import type { Team } from './team.js';

/** Whose keys sign. */
type Signer = Pick<Person, 'identity'>;

const SYSTEM = { random: systemRandom, now: () => Date.now() };

/** Every secret-sized value in all tables. */
export const everything = (store: ParticipantStore): Uint8Array[] =>
  (Object.keys(TABLES) as Table[]).flatMap((table) =>
    store
      .all(table)
      .flatMap((row) => Object.values(row as Record<string, unknown>))
      .filter((value): value is Uint8Array => value instanceof Uint8Array && value.length === 32),
  );

/** What a member knows of the newest epoch of its first group. Later values are drawn and dated by `source`. */
export function knownIn(store: ParticipantStore, source = SYSTEM) {
  const chat = store.all('chat')[0]!;
  const epoch = store.all('epoch', { chat: chat.id, epoch: chat.epoch })[0]!;
  const members = store.all('member', { chat: chat.id, epoch: chat.epoch });
  const roster: Roster = members.map(({ fingerprint, role, card_hash }) => ({
    fingerprint,
    role,
    cardHash: card_hash,
  }));
  const { chat: group, epoch: number, place } = epoch;
  return {
    epoch,
    members,
    roster,
    commit: parseCommit(epoch.commit),
    access: groupChannel(epoch.channel_seed),
    at: { group, epoch: number, place },
    source,
  };
}
export type Known = ReturnType<typeof knownIn>;

/** The same of a session that is closed, with all that its disk holds. */
export async function known(team: Team, name: string) {
  const store = await team.store(name);
  const of = knownIn(store);
  const held = everything(store);
  await store.close();
  const placeOf = (who: string) =>
    of.roster.findIndex(({ fingerprint }) => toHex(fingerprint) === team.fingerprint(who));
  return { ...of, held, placeOf };
}

export const envelopeOf = (
  { epoch, source }: Known,
  kind: Parameters<typeof sealEnvelope>[1],
  data: Uint8Array,
): Uint8Array => sealEnvelope(epoch.seal_key, kind, data, source.random(16));

/** The next message of whoever's place this is, as who knows its chain can make it, and what is known after it. */
export function forge(
  of: Known,
  signer: Signer,
  text: string,
  payload: Partial<Payload> = {},
  header: Partial<MessageHeader> = {},
): { envelope: Uint8Array; data: Uint8Array; next: Known } {
  const { place } = { ...of.at, ...header };
  const row = of.members[place]!;
  const base: Payload = {
    kind: 'text',
    id: of.source.random(16),
    time: of.source.now(),
    content: utf8(text),
    frontier: [],
  };
  const fields = {
    sqn: row.next_sqn,
    salt: of.source.random(16),
    previous: row.last_hash,
    ...of.at,
    ...header,
  };
  const padded = encodePayload({ ...base, ...payload });
  const sealed = sealMessage(signer.identity.signKey, of.commit.hash, row.chain, fields, padded);
  const after = { ...row, chain: sealed.nextChain, next_sqn: row.next_sqn + 1, last_hash: sealed.hash };
  return {
    envelope: envelopeOf(of, 'message', sealed.bytes),
    data: sealed.bytes,
    next: { ...of, members: of.members.with(place, after) },
  };
}

/** A frontier that says nothing but that its signer is there. */
export const signOfLife = ({ at, commit }: Known, signer: Signer, place = at.place): Uint8Array =>
  makeFrontier(signer.identity.signKey, commit.hash, {
    ...at,
    place,
    entries: [],
    next: new Uint8Array(0),
  });

/** A commit after this epoch, by this person, with its secrets. */
export function commitBy(
  of: Known,
  signer: Signer,
  change: Partial<CommitBody> = {},
): { commit: Commit; secret: Uint8Array; joiner: Uint8Array; envelope: Uint8Array } {
  const secret = of.source.random(32);
  const joiner = joinerSecret(change.reason === 'reset' ? undefined : of.epoch.init, secret);
  const commit = makeCommit(signer.identity.signKey, {
    group: of.at.group,
    epoch: of.at.epoch + 1,
    parent: of.commit.hash,
    title: of.commit.title,
    changes: [],
    rosterHash: rosterHash(of.roster),
    committer: signer.identity.card.fingerprint,
    reason: 'change',
    joinerHash: joinerHash(joiner),
    cut: of.members.map((row) => row.complete_sqn),
    time: of.source.now(),
    ...change,
  });
  return { commit, secret, joiner, envelope: envelopeOf(of, 'commit', commit.bytes) };
}

/** A token as `signer` can make it, as it lies in the inbox of this person. `offered`: its newest prekey, if known. */
export function sealedToken(
  source: Known['source'],
  signer: Signer,
  { identity: { card }, prekey }: Pick<Person, 'identity' | 'prekey'>,
  offered: Uint8Array | undefined,
  commit: Pick<Commit, 'group' | 'epoch' | 'hash'>,
  draft: { type: TokenType; secret: Uint8Array; welcomeHash?: Uint8Array },
): Uint8Array {
  const { type, secret, welcomeHash = new Uint8Array(32) } = draft;
  const content = { time: source.now(), group: commit.group, epoch: commit.epoch, commitHash: commit.hash };
  const newest = offered ? openPrekey(offered, card.signKey) : prekey.prekey;
  const token = makeToken(
    signer.identity,
    content,
    { type, to: card, prekey: newest, secret, welcomeHash },
    source.random,
  );
  const item =
    type === 'rekey' ? ({ type, token } as const) : { type, token, card: signer.identity.card.bytes };
  return sealInboxItem(inboxKey(card), item, source.random(16));
}

/** The same under the prekey that the relay has. */
export const tokenItem = async (
  intruder: Awaited<ReturnType<typeof intrude>>,
  signer: Signer,
  to: Person,
  commit: Pick<Commit, 'group' | 'epoch' | 'hash'>,
  draft: Parameters<typeof sealedToken>[5],
): Promise<Uint8Array> =>
  sealedToken(SYSTEM, signer, to, await intruder.prekey(to.identity.card.fingerprint), commit, draft);
