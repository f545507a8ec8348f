import { equal } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import type { Card } from '../protocol/card.js';
import {
  FIRST_EPOCH,
  GROUP_ID_BYTES,
  makeCommit,
  MAX_CHANGES,
  NO_PARENT,
  type Commit,
} from '../protocol/commit.js';
import { UserError } from '../protocol/errors.js';
import type { Identity } from '../protocol/identity.js';
import { checkName } from '../protocol/names.js';
import { placeOf, rosterHash, sortRoster, type Roster } from '../protocol/roster.js';
import { joinerHash, joinerSecret, SECRET_BYTES, type EpochSecrets } from '../protocol/schedule.js';
import type { Tables } from '../store/schema.js';
import type { EpochState } from './epochState.js';

/** The rows of a group's epoch as its member at `place` starts it; who was present in the epoch before still is. */
export function epochRows(
  commit: Commit,
  roster: Roster,
  place: number,
  secrets: EpochSecrets,
  now: number,
  before?: EpochState,
): { chat: Tables['chat']; epoch: Tables['epoch']; members: Tables['member'][] } {
  return {
    chat: {
      id: commit.group,
      title: commit.title,
      epoch: commit.epoch,
      state: 'active',
      lost: '',
      asked: 0,
      count: 0,
      position: 0,
      read_position: 0,
      unread: 0,
    },
    epoch: {
      chat: commit.group,
      epoch: commit.epoch,
      commit: commit.bytes,
      place,
      init: secrets.init,
      channel_seed: secrets.channelSeed,
      seal_key: secrets.sealKey,
      cut: new Uint8Array(0),
      opened: now,
      closed: 0,
    },
    members: roster.map(({ fingerprint, role, cardHash }, i) => ({
      chat: commit.group,
      epoch: commit.epoch,
      place: i,
      fingerprint,
      role,
      card_hash: cardHash,
      chain: secrets.chains[i]!,
      next_sqn: 1,
      complete_sqn: 0,
      last_hash: commit.hash,
      presence: equal(fingerprint, commit.committer)
        ? 'present'
        : (before?.member(fingerprint)?.row.presence ?? 'invited'),
    })),
  };
}

/** A new group: its first commit, roster and joiner secret. Throws UserError. */
export function foundGroup(
  me: Identity,
  title: string,
  others: readonly Card[],
  random: Random,
  now: number,
): { commit: Commit; roster: Roster; place: number; joiner: Uint8Array } {
  if (others.length === 0) throw new UserError('nobody', 'Pick at least one other person for the group.');
  if (others.length + 1 > MAX_CHANGES)
    throw new UserError(
      'too-many',
      `A new group can have at most ${MAX_CHANGES} members. Pick fewer people.`,
    );
  if (others.some((card) => equal(card.fingerprint, me.card.fingerprint)))
    throw new UserError('oneself', 'You are in the group anyway. Pick other people.');
  const roster = sortRoster([
    { fingerprint: me.card.fingerprint, role: 'admin', cardHash: me.card.hash },
    ...others.map(({ fingerprint, hash }) => ({ fingerprint, role: 'member' as const, cardHash: hash })),
  ]);
  const joiner = joinerSecret(undefined, random(SECRET_BYTES));
  const commit = makeCommit(me.signKey, {
    group: random(GROUP_ID_BYTES),
    epoch: FIRST_EPOCH,
    parent: NO_PARENT,
    title: checkName(title),
    changes: roster.map((entry) => ({ type: 'add', ...entry })),
    rosterHash: rosterHash(roster),
    committer: me.card.fingerprint,
    reason: 'create',
    joinerHash: joinerHash(joiner),
    cut: [],
    time: now,
  });
  return { commit, roster, place: placeOf(roster, me.card.fingerprint), joiner };
}
