import { equal, toHex } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import type { KeyObject } from '../crypto/rsa.js';
import type { Card } from '../protocol/card.js';
import { openEnvelope, sealEnvelope } from '../protocol/channel.js';
import { MAX_SQN, parseCommit, type Commit } from '../protocol/commit.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { makeFrontier, parseFrontier, verifyFrontier } from '../protocol/frontier.js';
import {
  advanceChain,
  openMessage,
  parseMessage,
  SALT_BYTES,
  sealMessage,
  verifyMessage,
} from '../protocol/message.js';
import { decodePayload, encodePayload, type FrontierEntry, type Payload } from '../protocol/payload.js';
import type { Change, Tables } from '../store/schema.js';
import { groupChannel, type ChannelAccess } from './connection.js';

type MemberRow = Tables['member'];

export interface MemberState {
  row: MemberRow;
  readonly card: Card;
  /** Hashes by SQN of what was accepted. */
  readonly accepted: Map<number, Uint8Array>;
  /** Message keys by SQN of what was jumped over. */
  readonly skipped: Map<number, Uint8Array>;
  /** By place: the highest gap-free SQN this member says it holds. */
  readonly frontier: Map<number, FrontierEntry>;
}

/** What an envelope turned out to be; its changes belong into one record with the relay position. */
export type Received =
  | { readonly kind: 'duplicate' }
  /** `payload` is undefined for a signed message that does not decrypt: its SQN is used up. */
  | {
      readonly kind: 'message';
      readonly sender: MemberState;
      readonly sqn: number;
      readonly payload: Payload | undefined;
      readonly first: boolean;
      readonly changes: Change[];
    }
  | {
      readonly kind: 'frontier';
      readonly sender: MemberState;
      readonly first: boolean;
      readonly changes: Change[];
    };

/**
 * One epoch of one group in memory: chains, SQNs, frontiers. Its state runs ahead of the store by the records that are
 * being synced; when one of them fails, all of it is thrown away.
 */
export class EpochState {
  readonly commit: Commit;
  readonly access: ChannelAccess;
  /** What my last message said, by place. */
  readonly #told = new Map<number, number>();

  constructor(
    readonly row: Tables['epoch'],
    readonly members: readonly MemberState[],
  ) {
    this.commit = parseCommit(row.commit);
    this.access = groupChannel(row.channel_seed);
  }

  get me(): MemberState {
    const me = this.members[this.row.place];
    if (!me) throw new Error('the own place is not in the roster');
    return me;
  }

  /** Checks and opens an envelope of this epoch's channel, in PROTOCOL.md's order. Throws ProtocolError. */
  receive(envelope: Uint8Array): Received {
    const { kind, data } = openEnvelope(this.row.seal_key, envelope);
    if (kind === 'message') return this.#receiveMessage(data);
    if (kind === 'frontier') return this.#receiveFrontier(data);
    throw new ProtocolError('wrong-type', `A ${kind} is not used in this version.`);
  }

  #sender(object: { group: Uint8Array; epoch: number; place: number }): MemberState {
    const sender = this.members[object.place];
    if (!equal(object.group, this.row.chat) || object.epoch !== this.row.epoch || !sender)
      throw new ProtocolError('wrong-group', 'A message of another group, epoch or place.');
    return sender;
  }

  #receiveMessage(data: Uint8Array): Received {
    const message = parseMessage(data);
    const sender = this.#sender(message);
    const { sqn } = message;
    const seen = sender.accepted.get(sqn);
    if (seen && equal(seen, message.hash)) return { kind: 'duplicate' };
    if (!verifyMessage(message, sender.card.signKey, this.commit.hash))
      throw new ProtocolError('bad-signature', 'A message is not signed by its sender.');
    if (sender === this.me)
      throw new ProtocolError('unknown-own', 'A message carries my signature, and I do not know it.');
    if (seen)
      throw new ProtocolError('equivocation', `${sender.card.name} signed two messages with one number.`);
    const previous = sqn === 1 ? this.commit.hash : sender.accepted.get(sqn - 1);
    if (previous && !equal(previous, message.previous))
      throw new ProtocolError(
        'equivocation',
        `${sender.card.name} signed a message that follows another one.`,
      );
    return this.#accept(message, sender);
  }

  /** The chain is advanced on a copy; state changes only with the record. */
  #accept(message: ReturnType<typeof parseMessage>, sender: MemberState): Received {
    const { sqn, hash } = message;
    const { chat, epoch, place, next_sqn } = sender.row;
    const changes: Change[] = [];
    let row: MemberRow;
    let messageKey = sender.skipped.get(sqn);
    if (messageKey) {
      row = { ...sender.row };
      sender.skipped.delete(sqn);
      changes.push({ drop: 'skipped', key: [chat, epoch, place, sqn] });
    } else {
      const advanced = advanceChain(sender.row.chain, next_sqn, sqn);
      messageKey = advanced.messageKey;
      row = { ...sender.row, chain: advanced.chain, next_sqn: sqn + 1, last_hash: hash };
      for (const skipped of advanced.skipped) {
        sender.skipped.set(skipped.sqn, skipped.messageKey);
        changes.push({
          put: 'skipped',
          row: { chat, epoch, place, sqn: skipped.sqn, message_key: skipped.messageKey },
        });
      }
    }
    const payload = openPayload(openMessage(message, messageKey), this.members.length);
    sender.accepted.set(sqn, hash);
    const first = row.presence === 'invited';
    if (first) row.presence = 'present';
    if (payload?.kind === 'leave') row.presence = 'left';
    while (sender.accepted.has(row.complete_sqn + 1)) row.complete_sqn++;
    sender.row = row;
    changes.push(
      { put: 'member', row },
      { put: 'accepted', row: { chat, epoch, place, sqn, hash } },
      ...this.#hear(sender, payload?.frontier ?? []),
    );
    return { kind: 'message', sender, sqn, payload, first, changes };
  }

  #receiveFrontier(data: Uint8Array): Received {
    const frontier = parseFrontier(data);
    const sender = this.#sender(frontier);
    if (!verifyFrontier(frontier, sender.card.signKey, this.commit.hash))
      throw new ProtocolError('bad-signature', 'A receipt is not signed by its sender.');
    const changes = this.#hear(sender, frontier.entries);
    const first = sender !== this.me && sender.row.presence === 'invited';
    if (first) {
      sender.row = { ...sender.row, presence: 'present' };
      changes.push({ put: 'member', row: sender.row });
    }
    return changes.length === 0 ? { kind: 'duplicate' } : { kind: 'frontier', sender, first, changes };
  }

  /** Takes a member's frontier; it only ever rises, so that an old one played again changes nothing. */
  #hear(by: MemberState, entries: readonly FrontierEntry[]): Change[] {
    const { chat, epoch, place: by_place } = by.row;
    const changes: Change[] = [];
    for (const entry of entries) {
      if (entry.place >= this.members.length || entry.sqn <= (by.frontier.get(entry.place)?.sqn ?? 0))
        continue;
      const { place: of_place, sqn } = entry;
      // A copy does not keep its whole message in memory.
      const hash = entry.hash.slice();
      by.frontier.set(of_place, { place: of_place, sqn, hash });
      changes.push({ put: 'frontier', row: { chat, epoch, by_place, of_place, sqn, hash } });
    }
    return changes;
  }

  /** Seals a payload as my next message. Throws UserError 'used-up' when the epoch's SQNs are. */
  send(
    signKey: KeyObject,
    payload: Omit<Payload, 'frontier'>,
    random: Random,
  ): { envelope: Uint8Array; sqn: number; changes: Change[] } {
    const { me } = this;
    const { chat, epoch, place, next_sqn: sqn, chain, last_hash } = me.row;
    if (sqn > MAX_SQN)
      throw new UserError(
        'used-up',
        `This group's key is used up after ${MAX_SQN} messages of yours. Invite the people to a new group.`,
      );
    const frontier = this.#frontier(true);
    const padded = encodePayload({ ...payload, frontier });
    const sealed = sealMessage(
      signKey,
      this.commit.hash,
      chain,
      { group: chat, epoch, place, sqn, salt: random(SALT_BYTES), previous: last_hash },
      padded,
    );
    me.accepted.set(sqn, sealed.hash);
    me.row = {
      ...me.row,
      chain: sealed.nextChain,
      next_sqn: sqn + 1,
      complete_sqn: sqn,
      last_hash: sealed.hash,
    };
    return {
      envelope: sealEnvelope(this.row.seal_key, 'message', sealed.bytes, random(SALT_BYTES)),
      sqn,
      changes: [
        { put: 'member', row: me.row },
        { put: 'accepted', row: { chat, epoch, place, sqn, hash: sealed.hash } },
      ],
    };
  }

  /** My frontier as an object of its own, sealed for the channel; also how I show that I am here. */
  sealFrontier(signKey: KeyObject, random: Random): Uint8Array {
    const { chat: group, epoch, place } = this.row;
    const data = makeFrontier(signKey, this.commit.hash, {
      group,
      epoch,
      place,
      entries: this.#frontier(false),
    });
    return sealEnvelope(this.row.seal_key, 'frontier', data, random(SALT_BYTES));
  }

  /** What I hold gap-free from everyone else; with `changed`, only what rose since my last message. */
  #frontier(changed: boolean): FrontierEntry[] {
    return this.members.flatMap((member, place) => {
      const sqn = member.row.complete_sqn;
      const hash = member.accepted.get(sqn);
      if (member === this.me || !hash || (changed && this.#told.get(place) === sqn)) return [];
      if (changed) this.#told.set(place, sqn);
      return [{ place, sqn, hash }];
    });
  }

  /** Members my message `sqn` is meant for, and how many of them hold it. */
  receipts(sqn: number): { by: number; of: number } {
    const others = this.members.filter((member) => member !== this.me && member.row.presence !== 'left');
    const holds = ({ frontier }: MemberState) => (frontier.get(this.row.place)?.sqn ?? 0) >= sqn;
    return { by: others.filter(holds).length, of: others.length };
  }
}

/** A payload whose every reference is in range, or undefined. */
function openPayload(padded: Uint8Array | undefined, members: number): Payload | undefined {
  try {
    const payload = padded && decodePayload(padded);
    return payload?.frontier.every(({ place }) => place < members) ? payload : undefined;
  } catch {
    return undefined;
  }
}

/** The roster of a fresh epoch as rows: chains at their start, `last_hash` the commit's. */
export function freshMembers(
  commit: Commit,
  roster: readonly { fingerprint: Uint8Array; role: 'admin' | 'member'; cardHash: Uint8Array }[],
  chains: readonly Uint8Array[],
): MemberRow[] {
  const committer = toHex(commit.committer);
  return roster.map(({ fingerprint, role, cardHash }, place) => ({
    chat: commit.group,
    epoch: commit.epoch,
    place,
    fingerprint,
    role,
    card_hash: cardHash,
    chain: chains[place]!,
    next_sqn: 1,
    complete_sqn: 0,
    last_hash: commit.hash,
    presence: toHex(fingerprint) === committer ? 'present' : 'invited',
  }));
}
