import { equal, label } from '../crypto/bytes.js';
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
  remove: { fingerprint: Uint8Array };
  role: { fingerprint: Uint8Array; role: Role };
}
export type RosterChange = Variant<Changes>;

export const REASONS = ['create', 'change', 'renew', 'leave', 'rejoin', 'reset'] as const;

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
        remove: [2, struct({ fingerprint })],
        role: [3, struct({ fingerprint, role })],
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
  let next = [...roster];
  for (const change of changes) {
    const place = placeOf(next, change.fingerprint);
    if ((place === -1) !== (change.type === 'add'))
      throw badCommit('it adds who is there or changes who is not');
    if (change.type === 'add')
      next.push({ fingerprint: change.fingerprint, role: change.role, cardHash: change.cardHash });
    else if (change.type === 'remove') next.splice(place, 1);
    else next = next.map((entry, i) => (i === place ? { ...entry, role: change.role } : entry));
  }
  return sortRoster(next);
}

export const badCommit = (why: string) =>
  new ProtocolError('bad-commit', `A change to the group is not valid: ${why}.`);

/** The rules of a first commit, after its signature. Gives the roster. Throws ProtocolError 'bad-commit'. */
export function checkFirstCommit(commit: Commit): Roster {
  if (commit.epoch !== FIRST_EPOCH || commit.reason !== 'create' || !equal(commit.parent, NO_PARENT))
    throw badCommit('it is not a first one');
  if (commit.cut.length > 0) throw badCommit('it cuts what never was');
  if (!isName(commit.title)) throw badCommit('its title is not allowed');
  const roster = applyChanges([], commit.changes);
  if (!equal(rosterHash(roster), commit.rosterHash)) throw badCommit('its roster does not match');
  if (roster[placeOf(roster, commit.committer)]?.role !== 'admin')
    throw badCommit('its committer is no admin of it');
  return roster;
}
