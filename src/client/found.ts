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
import { epochSecrets, joinerHash, joinerSecret, SECRET_BYTES } from '../protocol/schedule.js';
import type { Tables } from '../store/schema.js';
import { freshMembers } from './epochState.js';

/** The rows of a group's epoch as its member at `place` starts it. */
export function epochRows(
  commit: Commit,
  roster: Roster,
  place: number,
  joiner: Uint8Array,
): { chat: Tables['chat']; epoch: Tables['epoch']; members: Tables['member'][] } {
  const secrets = epochSecrets(joiner, commit.hash, roster.length);
  return {
    chat: {
      id: commit.group,
      title: commit.title,
      epoch: commit.epoch,
      state: 'active',
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
    },
    members: freshMembers(commit, roster, secrets.chains),
  };
}

/** A new group: its first commit, roster and joiner secret. Throws UserError. */
export function foundGroup(
  me: Identity,
  title: string,
  others: readonly Card[],
  random: Random,
  now: number,
): { commit: Commit; roster: Roster; cards: readonly Card[]; place: number; joiner: Uint8Array } {
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
  const cards = [...others, me.card].sort((a, b) => Buffer.compare(a.fingerprint, b.fingerprint));
  return { commit, roster, cards, place: placeOf(roster, me.card.fingerprint), joiner };
}
