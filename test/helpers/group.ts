import { systemRandom, type Random } from '../../src/crypto/random.js';
import type { Identity } from '../../src/protocol/identity.js';
import { equal, utf8 } from '../../src/crypto/bytes.js';
import type { Card } from '../../src/protocol/card.js';
import {
  applyChanges,
  FIRST_EPOCH,
  GROUP_ID_BYTES,
  makeCommit,
  NO_PARENT,
  type Commit,
  type CommitBody,
  type EpochBase,
  type RosterChange,
} from '../../src/protocol/commit.js';
import {
  makeToken,
  sealToken,
  signTokens,
  type TokenContent,
  type TokenDraft,
  type WrapJob,
  type Wrapped,
} from '../../src/protocol/invitation.js';
import { makeLeave, type Leave } from '../../src/protocol/leave.js';
import { sealMessage, type MessageHeader } from '../../src/protocol/message.js';
import { encodePayload, type Payload } from '../../src/protocol/payload.js';
import { placeOf, rosterHash, sortRoster, type Roster } from '../../src/protocol/roster.js';
import {
  epochSecrets,
  joinerHash,
  joinerSecret,
  SECRET_BYTES,
  type EpochSecrets,
} from '../../src/protocol/schedule.js';
import { sealWelcome, WelcomeCollector } from '../../src/protocol/welcome.js';
import type { Person } from './people.js';
import { atOnce } from './atOnce.js';

/** The moment at which tests of the protocol play, ms UTC. */
export const NOW = Date.UTC(2026, 0, 15, 12);

/** A group in its first epoch as its founder knows it. */
export interface Group {
  readonly founder: Person;
  readonly commit: Commit;
  readonly roster: Roster;
  readonly cards: readonly Card[];
  readonly joiner: Uint8Array;
  readonly secrets: EpochSecrets;
  readonly welcome: {
    readonly hash: Uint8Array;
    readonly chunks: readonly Uint8Array[];
    readonly box: Uint8Array;
  };
}

/** `change` replaces fields of the commit before it is signed: for commits that break the rules. */
export function makeGroup(
  founder: Person,
  others: readonly Person[],
  change: Partial<CommitBody> = {},
): Group {
  const members = [founder, ...others].map(({ identity }) => identity.card);
  const cards = [...members].sort((a, b) => Buffer.compare(a.fingerprint, b.fingerprint));
  const roster = sortRoster(
    members.map(({ fingerprint, hash }, i) => ({
      fingerprint,
      role: i === 0 ? ('admin' as const) : ('member' as const),
      cardHash: hash,
    })),
  );
  const joiner = joinerSecret(undefined, systemRandom(SECRET_BYTES));
  const commit = makeCommit(founder.identity.signKey, {
    group: systemRandom(GROUP_ID_BYTES),
    epoch: FIRST_EPOCH,
    parent: NO_PARENT,
    title: 'Release plan',
    changes: roster.map((entry) => ({ type: 'add', ...entry })),
    rosterHash: rosterHash(roster),
    committer: founder.identity.card.fingerprint,
    reason: 'create',
    joinerHash: joinerHash(joiner),
    cut: [],
    time: NOW,
    ...change,
  });
  const sealed = sealWelcome(joiner, commit, roster, cards, systemRandom(16));
  const collector = new WelcomeCollector();
  const [box] = sealed.chunks.map((chunk) => collector.add(chunk, sealed.hash)).filter((done) => done);
  if (!box) throw new Error('the welcome is incomplete');
  const secrets = atOnce(epochSecrets(joiner, commit.hash, roster.length));
  return { founder, commit, roster, cards, joiner, secrets, welcome: { ...sealed, box } };
}

/** The group's epoch as what the next commit is judged by; `admins` beside the founder. */
export const baseOf = (
  { commit, roster, cards, founder }: Group,
  admins: readonly Person[] = [],
): EpochBase => ({
  commit,
  roster: roster.map((entry) => {
    const isAdmin = [founder, ...admins].some(({ identity }) =>
      equal(identity.card.fingerprint, entry.fingerprint),
    );
    return { ...entry, role: isAdmin ? 'admin' : 'member' };
  }),
  keyOf: (fingerprint) => cards.find((card) => equal(card.fingerprint, fingerprint))?.signKey,
});

/** A commit that follows `base` and keeps its form; `change` replaces fields before it is signed. */
export function commitAfter(
  { commit, roster }: EpochBase,
  committer: Person,
  changes: readonly RosterChange[] = [],
  change: Partial<CommitBody> = {},
): Commit {
  return makeCommit(committer.identity.signKey, {
    group: commit.group,
    epoch: commit.epoch + 1,
    parent: commit.hash,
    title: commit.title,
    changes,
    rosterHash: change.rosterHash ?? rosterHash(applyChanges(roster, changes)),
    committer: committer.identity.card.fingerprint,
    reason: 'change',
    joinerHash: joinerHash(systemRandom(SECRET_BYTES)),
    cut: roster.map(() => 0),
    time: NOW,
    ...change,
  });
}

/** A member's word that it leaves after the group's epoch. */
export const leaveOf = (
  { commit }: EpochBase,
  { identity }: Person,
  change: Partial<Leave> = {},
): Uint8Array =>
  makeLeave(identity.signKey, {
    group: commit.group,
    epoch: commit.epoch,
    parent: commit.hash,
    member: identity.card.fingerprint,
    successor: new Uint8Array(0),
    ...change,
  });

/** A join token of the group for a guest; `change` replaces what it says. */
export const inviteTo = (
  { founder, commit, joiner, welcome }: Group,
  guest: Person,
  change: Partial<TokenContent & Pick<TokenDraft, 'type' | 'welcomeHash'>> = {},
  sender: Person = founder,
): Uint8Array => {
  const { type = 'join', welcomeHash = welcome.hash, ...content } = change;
  return makeToken(
    sender.identity,
    { time: NOW, group: commit.group, epoch: commit.epoch, commitHash: commit.hash, ...content },
    { type, to: guest.identity.card, prekey: guest.prekey.prekey, secret: joiner, welcomeHash },
    systemRandom,
  );
};

export const place = (group: Group, { identity }: Person): number =>
  placeOf(group.roster, identity.card.fingerprint);

/** The first chain key of a member. */
export const chainOf = (group: Group, person: Person): Uint8Array =>
  group.secrets.chains[place(group, person)]!;

export const payloadOf = (text: string, change: Partial<Payload> = {}): Payload => ({
  kind: 'text',
  id: systemRandom(16),
  time: NOW,
  content: utf8(text),
  frontier: [],
  ...change,
});

/** A member's message; by default its first. */
export function say(
  group: Group,
  sender: Person,
  text: string,
  header: Partial<MessageHeader> = {},
  chain = chainOf(group, sender),
  signer = sender,
) {
  const fields = {
    group: group.commit.group,
    epoch: group.commit.epoch,
    place: place(group, sender),
    sqn: 1,
    salt: systemRandom(16),
    previous: group.commit.hash,
    ...header,
  };
  return sealMessage(
    signer.identity.signKey,
    group.commit.hash,
    chain,
    fields,
    encodePayload(payloadOf(text)),
  );
}

/** Tokens that are signed together. */
export const sealTokens = (
  me: Identity,
  content: TokenContent,
  jobs: readonly { draft: TokenDraft; job: WrapJob; wrapped: Wrapped | undefined }[],
  random: Random,
): (Uint8Array | undefined)[] =>
  signTokens(
    me,
    jobs.map(({ draft, job, wrapped }) => sealToken(me, content, draft, job, wrapped, random)),
  );
