import { equal, label, toHex } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import type { KeyObject } from '../crypto/rsa.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import {
  bytes,
  decode,
  encode,
  list,
  oneOf,
  struct,
  text,
  uint,
  variant,
  versioned,
  type Variant,
} from './codec.js';
import { ProtocolError } from './errors.js';
import { MAX_LEAVE_BYTES, openLeave, type Leave } from './leave.js';
import { isName, MAX_NAME_BYTES } from './names.js';
import { placeOf, role, rosterHash, sortRoster, type Role, type Roster } from './roster.js';
import { parseSigned, signBody, verifySigned } from './signed.js';

const LABEL = label('commit');

export const GROUP_ID_BYTES = 16;
/** Roster changes in one commit. */
export const MAX_CHANGES = 256;
export const MAX_SQN = 999;
export const MAX_COMMIT_BYTES = 32 * 1024;
export const FIRST_EPOCH = 1;
/** The parent of a first commit. */
export const NO_PARENT = new Uint8Array(32);

interface Changes {
  add: { fingerprint: Uint8Array; role: Role; cardHash: Uint8Array };
  /** `leave`: the member's own statement (leave.ts), which gives anyone the right; empty when an admin removes. */
  remove: { fingerprint: Uint8Array; leave: Uint8Array };
  role: { fingerprint: Uint8Array; role: Role };
  /** A member that was lost and gets the group's secret anew. */
  rejoin: { fingerprint: Uint8Array };
}
export type RosterChange = Variant<Changes>;

/** A change without changes renews the secret. A reset starts again from an admin's roster, whatever came before. */
export const REASONS = ['create', 'change', 'reset'] as const;

/** One step of a group: what changed and what holds after it. */
export interface CommitBody {
  readonly group: Uint8Array;
  readonly epoch: number;
  /** Hash of the commit before. */
  readonly parent: Uint8Array;
  readonly title: string;
  readonly changes: readonly RosterChange[];
  /** Of the roster after the changes. */
  readonly rosterHash: Uint8Array;
  /** Fingerprint. */
  readonly committer: Uint8Array;
  readonly reason: (typeof REASONS)[number];
  readonly joinerHash: Uint8Array;
  /** For every place of the epoch before, the committer's highest gap-free SQN. */
  readonly cut: readonly number[];
  /** ms, UTC. */
  readonly time: number;
}

const fingerprint = bytes(32);
const commitBody = versioned(
  1,
  struct<CommitBody>({
    group: bytes(GROUP_ID_BYTES),
    epoch: uint(2 ** 32 - 1, FIRST_EPOCH),
    parent: bytes(32),
    title: text(MAX_NAME_BYTES),
    changes: list(
      variant<Changes>({
        add: [1, struct({ fingerprint, role, cardHash: bytes(32) })],
        remove: [2, struct({ fingerprint, leave: bytes(0, MAX_LEAVE_BYTES) })],
        role: [3, struct({ fingerprint, role })],
        rejoin: [4, struct({ fingerprint })],
      }),
      MAX_CHANGES,
    ),
    rosterHash: bytes(32),
    committer: fingerprint,
    reason: oneOf(...REASONS),
    joinerHash: bytes(32),
    cut: list(uint(MAX_SQN), MAX_MEMBERS),
    time: uint(),
  }),
);

export interface Commit extends CommitBody {
  /** As it travels, and SHA-256 of that. */
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export const makeCommit = (signKey: KeyObject, body: CommitBody): Commit => {
  const data = signBody(signKey, LABEL, encode(commitBody, body));
  return { ...body, bytes: data, hash: sha256(data) };
};

/** Reads a commit; verifyCommit comes next. Throws ProtocolError 'malformed'. */
export function parseCommit(data: Uint8Array): Commit {
  const { body } = parseSigned(data, MAX_COMMIT_BYTES);
  return { ...decode(commitBody, body, MAX_COMMIT_BYTES), bytes: data, hash: sha256(data) };
}

export const verifyCommit = (commit: Commit, committerKey: KeyObject): boolean =>
  verifySigned(committerKey, LABEL, parseSigned(commit.bytes, MAX_COMMIT_BYTES));

/** The roster after the changes. Throws ProtocolError 'bad-commit' for one that changes nothing real. */
export function applyChanges(roster: Roster, changes: readonly RosterChange[]): Roster {
  const next = new Map(roster.map((entry) => [toHex(entry.fingerprint), entry]));
  for (const change of changes) {
    const id = toHex(change.fingerprint);
    const entry = next.get(id);
    if ((entry === undefined) !== (change.type === 'add'))
      throw badCommit('it adds who is there or changes who is not');
    if (change.type === 'add')
      next.set(id, { fingerprint: change.fingerprint, role: change.role, cardHash: change.cardHash });
    else if (change.type === 'remove') next.delete(id);
    else if (change.type === 'role' && entry) next.set(id, { ...entry, role: change.role });
  }
  return sortRoster([...next.values()]);
}

export const badCommit = (why: string) =>
  new ProtocolError('bad-commit', `A change to the group is not valid: ${why}.`);

/** An epoch as a member of it knows it: what the next commit is judged by. */
export interface EpochBase {
  readonly commit: Commit;
  readonly roster: Roster;
  readonly keyOf: (fingerprint: Uint8Array) => KeyObject | undefined;
}

/**
 * Every rule of a commit that follows `base`: parent, signature, rights, roster. All members judge alike: nothing secret
 * and nothing that only some have received counts. Gives the new roster. Throws ProtocolError 'bad-commit'.
 */
export function checkCommit(commit: Commit, base: EpochBase): Roster {
  const { commit: parent, roster, keyOf } = base;
  if (!equal(commit.group, parent.group)) throw badCommit('it is of another group');
  if (commit.epoch !== parent.epoch + 1 || !equal(commit.parent, parent.hash))
    throw badCommit('it does not follow');
  if (commit.reason !== 'change') throw badCommit('it is no change');
  const committer = roster[placeOf(roster, commit.committer)];
  const key = committer && keyOf(commit.committer);
  if (!key) throw badCommit('its committer is no member');
  if (!verifyCommit(commit, key)) throw badCommit('its signature does not hold');
  if (commit.cut.length !== roster.length) throw badCommit('its cut has the wrong size');
  if (
    commit.changes.some(({ type, fingerprint }) => type === 'remove' && equal(fingerprint, commit.committer))
  )
    throw badCommit('it removes its own committer');
  const leaves = leavesIn(commit, base);
  if (committer.role !== 'admin') checkMemberRights(commit, base, leaves);
  return checkRoster(commit, applyChanges(roster, commit.changes));
}

/** The statements that come with removals: each its member's own, and of this epoch. */
function leavesIn({ changes }: Commit, { commit: parent, keyOf }: EpochBase): Leave[] {
  return changes.flatMap((change) => {
    if (change.type !== 'remove' || change.leave.length === 0) return [];
    try {
      const key = keyOf(change.fingerprint);
      const leave = key && openLeave(change.leave, change.fingerprint, key);
      if (leave && equal(leave.parent, parent.hash)) return [leave];
    } catch {
      // As if it were of another epoch.
    }
    throw badCommit('it removes somebody who did not ask for it');
  });
}

/** Who is no admin may renew, bring back who was lost, and remove who asked to leave. */
function checkMemberRights(
  { title, changes }: Commit,
  { commit: parent, roster }: EpochBase,
  leaves: readonly Leave[],
): void {
  if (title !== parent.title) throw badCommit('only an admin may rename the group');
  const admins = roster.filter((entry) => entry.role === 'admin');
  for (const change of changes) {
    const { fingerprint } = change;
    const allowed =
      change.type === 'rejoin' ||
      (change.type === 'remove' && leaves.some(({ member }) => equal(member, fingerprint))) ||
      (change.type === 'role' &&
        change.role === 'admin' &&
        leaves.some(
          ({ member, successor }) =>
            equal(successor, fingerprint) && admins.length === 1 && equal(admins[0]!.fingerprint, member),
        ));
    if (!allowed) throw badCommit('its committer has not the right');
  }
}

/** What holds of the title and the roster after any commit. */
function checkRoster(commit: Commit, roster: Roster): Roster {
  if (!isName(commit.title)) throw badCommit('its title is not allowed');
  if (roster.length > MAX_MEMBERS) throw badCommit('it has too many members');
  if (!equal(rosterHash(roster), commit.rosterHash)) throw badCommit('its roster does not match');
  if (!roster.some((entry) => entry.role === 'admin')) throw badCommit('it leaves no admin');
  return roster;
}

/**
 * The rules that somebody can check who joins (or is brought back) by this commit and knows the roster from its welcome
 * only. Throws ProtocolError 'bad-commit'.
 */
export function checkJoining(commit: Commit, roster: Roster): void {
  if (commit.reason === 'create') return void checkFirstCommit(commit);
  checkRoster(commit, roster);
  const inOrder = roster.every(
    ({ fingerprint }, i) => i === 0 || Buffer.compare(roster[i - 1]!.fingerprint, fingerprint) < 0,
  );
  if (!inOrder) throw badCommit('its roster is not in order');
  const committer = roster[placeOf(roster, commit.committer)];
  if (!committer) throw badCommit('its committer is no member');
  if (commit.reason === 'reset' && commit.changes.length + commit.cut.length > 0)
    throw badCommit('it starts again and changes something');
  const byAdmin = commit.reason === 'reset' || commit.changes.some(({ type }) => type === 'add');
  if (byAdmin && committer.role !== 'admin') throw badCommit('its committer is no admin');
}

/** The rules of a first commit, after its signature. Gives the roster. Throws ProtocolError 'bad-commit'. */
export function checkFirstCommit(commit: Commit): Roster {
  if (commit.epoch !== FIRST_EPOCH || commit.reason !== 'create' || !equal(commit.parent, NO_PARENT))
    throw badCommit('it is not a first one');
  if (commit.cut.length > 0) throw badCommit('it cuts what never was');
  const roster = checkRoster(commit, applyChanges([], commit.changes));
  if (roster[placeOf(roster, commit.committer)]?.role !== 'admin')
    throw badCommit('its committer is no admin of it');
  return roster;
}
