import { groupChannel } from '../../src/client/connection.js';
import { utf8 } from '../../src/crypto/bytes.js';
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

/** Every secret-sized value in all tables. */
export const everything = (store: ParticipantStore): Uint8Array[] =>
  (Object.keys(TABLES) as Table[]).flatMap((table) =>
    store
      .all(table)
      .flatMap((row) => Object.values(row as Record<string, unknown>))
      .filter((value): value is Uint8Array => value instanceof Uint8Array && value.length === 32),
  );

/** What a member knows of its newest epoch, taken from its closed session. */
export async function known(team: Team, name: string) {
  const store = await team.store(name);
  const epoch = store.all('epoch').at(-1)!;
  const members = store.all('member', { chat: epoch.chat, epoch: epoch.epoch });
  const held = everything(store);
  await store.close();
  const roster: Roster = members.map(({ fingerprint, role, card_hash }) => ({
    fingerprint,
    role,
    cardHash: card_hash,
  }));
  const placeOf = (who: string) =>
    roster.findIndex(({ fingerprint }) => Buffer.from(fingerprint).toString('hex') === team.fingerprint(who));
  const { chat: group, epoch: number, place } = epoch;
  return {
    epoch,
    members,
    held,
    roster,
    placeOf,
    commit: parseCommit(epoch.commit),
    access: groupChannel(epoch.channel_seed),
    at: { group, epoch: number, place },
  };
}
export type Known = Awaited<ReturnType<typeof known>>;

export const envelopeOf = (
  { epoch }: Known,
  kind: Parameters<typeof sealEnvelope>[1],
  data: Uint8Array,
): Uint8Array => sealEnvelope(epoch.seal_key, kind, data, systemRandom(16));

/** The next message of whoever's place this is, as who knows its chain can make it, and what is known after it. */
export function forge(
  of: Known,
  signer: Person,
  text: string,
  payload: Partial<Payload> = {},
  header: Partial<MessageHeader> = {},
): { envelope: Uint8Array; data: Uint8Array; next: Known } {
  const { place } = { ...of.at, ...header };
  const row = of.members[place]!;
  const base: Payload = {
    kind: 'text',
    id: systemRandom(16),
    time: Date.now(),
    content: utf8(text),
    frontier: [],
  };
  const fields = { sqn: row.next_sqn, salt: systemRandom(16), previous: row.last_hash, ...of.at, ...header };
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
export const signOfLife = ({ at, commit }: Known, signer: Person, place = at.place): Uint8Array =>
  makeFrontier(signer.identity.signKey, commit.hash, {
    ...at,
    place,
    entries: [],
    next: new Uint8Array(0),
  });

/** A commit after this epoch, by this person, with its secrets. */
export function commitBy(
  of: Known,
  signer: Person,
  change: Partial<CommitBody> = {},
): { commit: Commit; secret: Uint8Array; joiner: Uint8Array; envelope: Uint8Array } {
  const secret = systemRandom(32);
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
    time: Date.now(),
    ...change,
  });
  return { commit, secret, joiner, envelope: envelopeOf(of, 'commit', commit.bytes) };
}

/** A token for this person's inbox, under its newest prekey, as `signer` can make it. */
export async function tokenItem(
  intruder: Awaited<ReturnType<typeof intrude>>,
  signer: Person,
  { identity: { card }, prekey }: Person,
  commit: Pick<Commit, 'group' | 'epoch' | 'hash'>,
  draft: { type: TokenType; secret: Uint8Array; welcomeHash?: Uint8Array },
): Promise<Uint8Array> {
  const offered = await intruder.prekey(card.fingerprint);
  const { type, secret, welcomeHash = new Uint8Array(32) } = draft;
  const content = {
    time: Date.now(),
    group: commit.group,
    epoch: commit.epoch,
    commitHash: commit.hash,
  };
  const newest = offered ? openPrekey(offered, card.signKey) : prekey.prekey;
  const token = makeToken(
    signer.identity,
    content,
    { type, to: card, prekey: newest, secret, welcomeHash },
    systemRandom,
  );
  const item =
    type === 'rekey' ? ({ type, token } as const) : { type, token, card: signer.identity.card.bytes };
  return sealInboxItem(inboxKey(card), item, systemRandom(16));
}
