import { equal, toHex } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import type { KeyObject } from '../crypto/rsa.js';
import type { Card } from '../protocol/card.js';
import { sealEnvelope } from '../protocol/channel.js';
import { MAX_SQN, parseCommit, type Commit, type EpochBase } from '../protocol/commit.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { makeFrontier, verifyFrontier, type ParsedFrontier } from '../protocol/frontier.js';
import {
  advanceChain,
  openMessage,
  SALT_BYTES,
  sealMessage,
  verifyMessage,
  type Message,
} from '../protocol/message.js';
import { decodePayload, encodePayload, type FrontierEntry, type Payload } from '../protocol/payload.js';
import type { Roster } from '../protocol/roster.js';
import type { Change, Tables } from '../store/schema.js';
import { groupChannel, type ChannelAccess } from './connection.js';

type MemberRow = Tables['member'];

export interface MemberState {
  row: MemberRow;
  readonly card: Card;
  /** Hashes by SQN of what was accepted. */
  readonly accepted: Map<number, Uint8Array>;
  /** By SQN, of what was jumped over: its message key, and its hash if the next message told it. */
  readonly skipped: Map<number, { readonly messageKey: Uint8Array; readonly hash: Uint8Array }>;
  /** By place: the highest gap-free SQN this member says it holds. */
  readonly frontier: Map<number, FrontierEntry>;
}

/** `by` holds another message of `of` under some number than was accepted here. */
export interface Conflict {
  readonly by: MemberState;
  readonly of: MemberState;
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
      readonly conflicts: readonly Conflict[];
      readonly changes: Change[];
    }
  | {
      readonly kind: 'frontier';
      readonly sender: MemberState;
      readonly first: boolean;
      readonly conflicts: readonly Conflict[];
      readonly changes: Change[];
    };

const NOTHING: Uint8Array = new Uint8Array(0);
/** Entries of a frontier inside a message, which has to leave room for a text. */
const MAX_CARRIED = 64;

/**
 * One epoch of one group in memory: chains, SQNs, frontiers. Its state runs ahead of the store by the records that are
 * being synced; when one of them fails, all of it is thrown away.
 */
export class EpochState implements EpochBase {
  readonly commit: Commit;
  readonly access: ChannelAccess;
  readonly roster: Roster;
  /** What I last told the others, by place. */
  readonly #told = new Map<number, number>();
  readonly #byFingerprint: ReadonlyMap<string, MemberState>;
  #cut: readonly number[] | undefined;

  constructor(
    public row: Tables['epoch'],
    readonly members: readonly MemberState[],
  ) {
    this.commit = parseCommit(row.commit);
    this.access = groupChannel(row.channel_seed);
    this.#byFingerprint = new Map(members.map((member) => [toHex(member.row.fingerprint), member]));
    this.roster = members.map(({ row: { fingerprint, role, card_hash } }) => ({
      fingerprint,
      role,
      cardHash: card_hash,
    }));
    if (row.cut.length > 0) this.#cut = unpackCut(row.cut);
  }

  get number(): number {
    return this.row.epoch;
  }

  get me(): MemberState {
    const me = this.members[this.row.place];
    if (!me) throw new Error('the own place is not in the roster');
    return me;
  }

  readonly keyOf = (fingerprint: Uint8Array): KeyObject | undefined => this.member(fingerprint)?.card.signKey;

  member(fingerprint: Uint8Array): MemberState | undefined {
    return this.#byFingerprint.get(toHex(fingerprint));
  }

  /** My gap-free SQNs, by place: the cut of a commit of mine. */
  complete(): number[] {
    return this.members.map(({ row }) => row.complete_sqn);
  }

  /** By place: the SQNs that are over here, of my own those that everyone has. */
  acknowledged(): number[] {
    const all = this.complete();
    let mine = 0;
    while (mine < this.me.row.complete_sqn && this.#everyoneHas(mine + 1)) mine++;
    all[this.row.place] = mine;
    return all;
  }

  #everyoneHas(sqn: number): boolean {
    const { by, of } = this.receipts(sqn);
    return by === of;
  }

  /** The next commit is known: nothing above its cut is accepted any more. */
  setCut(cut: readonly number[]): Change[] {
    this.#cut = cut;
    this.row = { ...this.row, cut: packCut(cut) };
    return [{ put: 'epoch', row: this.row }];
  }

  /** What others took as the next epoch is not what I did: of mine, only what everyone has counts. */
  distrustCut(): Change[] {
    const { place } = this.row;
    const mine = this.acknowledged()[place] ?? 0;
    return this.#cut && (this.#cut[place] ?? 0) > mine ? this.setCut(this.#cut.with(place, mine)) : [];
  }

  /** The next epoch is here: the salt of its secret goes, and chains as soon as what they are for is in. */
  end(removed: readonly Uint8Array[], now: number): Change[] {
    this.row = { ...this.row, init: NOTHING, closed: now };
    return [{ put: 'epoch', row: this.row }, ...this.part(removed), ...this.#chainsOver()];
  }

  /** These members are in the group no more: nothing of this epoch is due to them. */
  part(removed: readonly Uint8Array[]): Change[] {
    const left = removed.flatMap((fingerprint) => this.member(fingerprint) ?? []);
    return left.flatMap((member) => this.#update(member, { presence: 'left' }));
  }

  /** Whether an SQN of this place counts: all do until the next commit says where they end. */
  within(place: number, sqn: number): boolean {
    return !this.#cut || sqn <= (this.#cut[place] ?? 0);
  }

  #sender(object: { group: Uint8Array; epoch: number; place: number }): MemberState {
    const sender = this.members[object.place];
    if (!equal(object.group, this.row.chat) || object.epoch !== this.number || !sender)
      throw new ProtocolError('wrong-group', 'A message of another group, epoch or place.');
    return sender;
  }

  /** Checks and opens a message of this epoch, in PROTOCOL.md's order. `data`: as it travels. Throws ProtocolError. */
  receive(message: Message, data: Uint8Array): Received {
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
    if (!this.within(message.place, sqn))
      throw new ProtocolError('behind-the-cut', 'A message came after its epoch had ended.');
    const previous = sqn === 1 ? this.commit.hash : sender.accepted.get(sqn - 1);
    const told = sender.skipped.get(sqn)?.hash ?? NOTHING;
    if ((previous && !equal(previous, message.previous)) || (told.length > 0 && !equal(told, message.hash)))
      throw new ProtocolError(
        'equivocation',
        `${sender.card.name} signed a message that contradicts another one.`,
      );
    return this.#accept(message, data, sender);
  }

  /** The chain is advanced on a copy; state changes only with the record. */
  #accept(message: Message, data: Uint8Array, sender: MemberState): Received {
    const { sqn, hash } = message;
    const { chat, epoch, place, next_sqn } = sender.row;
    const changes: Change[] = [];
    let row: MemberRow;
    let messageKey = sender.skipped.get(sqn)?.messageKey;
    if (messageKey) {
      row = { ...sender.row };
      sender.skipped.delete(sqn);
      changes.push({ drop: 'skipped', key: [chat, epoch, place, sqn] });
    } else {
      if (sqn < next_sqn || sender.row.chain.length === 0)
        throw new ProtocolError('undecryptable', 'The key of a message is gone.');
      const advanced = advanceChain(sender.row.chain, next_sqn, sqn);
      messageKey = advanced.messageKey;
      row = { ...sender.row, chain: advanced.chain, next_sqn: sqn + 1, last_hash: hash };
      for (const skipped of advanced.skipped)
        changes.push(this.#skip(sender, skipped.sqn, skipped.messageKey));
    }
    const before = sender.skipped.get(sqn - 1);
    if (before) changes.push(this.#skip(sender, sqn - 1, before.messageKey, message.previous));
    const payload = openPayload(openMessage(message, messageKey), this.members.length);
    sender.accepted.set(sqn, hash);
    const first = row.presence === 'invited';
    if (first) row.presence = 'present';
    if (payload?.kind === 'leave') row.presence = 'left';
    while (sender.accepted.has(row.complete_sqn + 1)) row.complete_sqn++;
    sender.row = row;
    const heard = this.#hear(sender, payload?.frontier ?? []);
    changes.push(
      { put: 'member', row },
      { put: 'accepted', row: { chat, epoch, place, sqn, hash } },
      { put: 'kept', row: { chat, epoch, place, sqn, message: data } },
      ...heard.changes,
      ...this.#chainsOver(),
    );
    const conflicts = [...heard.conflicts, ...this.#contradicted(sender, sqn, hash)];
    return { kind: 'message', sender, sqn, payload, first, conflicts, changes };
  }

  #skip(sender: MemberState, sqn: number, messageKey: Uint8Array, hash = NOTHING): Change {
    const { chat, epoch, place } = sender.row;
    sender.skipped.set(sqn, { messageKey, hash });
    return { put: 'skipped', row: { chat, epoch, place, sqn, message_key: messageKey, hash } };
  }

  /** Throws ProtocolError. */
  receiveFrontier(frontier: ParsedFrontier): Received {
    const sender = this.#sender(frontier);
    if (!verifyFrontier(frontier, sender.card.signKey, this.commit.hash))
      throw new ProtocolError('bad-signature', 'A receipt is not signed by its sender.');
    const { changes, conflicts } = this.#hear(sender, frontier.entries);
    const first = sender !== this.me && sender.row.presence === 'invited';
    if (first) changes.push(...this.#update(sender, { presence: 'present' }));
    if (frontier.entries.some(({ place }) => place === frontier.place)) this.#told.delete(frontier.place);
    if (changes.length === 0) return { kind: 'duplicate' };
    return { kind: 'frontier', sender, first, conflicts, changes };
  }

  /** Takes a member's frontier; it only ever rises, so that an old one played again changes nothing. */
  #hear(by: MemberState, entries: readonly FrontierEntry[]): { changes: Change[]; conflicts: Conflict[] } {
    const { chat, epoch, place: by_place } = by.row;
    const changes: Change[] = [];
    const conflicts: Conflict[] = [];
    for (const entry of entries) {
      const of = this.members[entry.place];
      const said = by.frontier.get(entry.place);
      if (!of || entry.sqn <= (said?.sqn ?? 0)) continue;
      // Once is enough: who holds another message holds others behind it.
      if (of !== this.me && this.#contradicts(entry) && !(said && this.#contradicts(said)))
        conflicts.push({ by, of });
      const { place: of_place, sqn } = entry;
      // A copy does not keep its whole message in memory.
      const hash = entry.hash.slice();
      by.frontier.set(of_place, { place: of_place, sqn, hash });
      changes.push({ put: 'frontier', row: { chat, epoch, by_place, of_place, sqn, hash } });
    }
    return { changes, conflicts };
  }

  /** Who said before this message came that it holds another one. */
  #contradicted(of: MemberState, sqn: number, hash: Uint8Array): Conflict[] {
    const contradicts = ({ frontier }: MemberState) => {
      const said = frontier.get(of.row.place);
      return said?.sqn === sqn && !equal(said.hash, hash);
    };
    return this.members.filter(contradicts).map((by) => ({ by, of }));
  }

  /** It is about another message than the one that I have under this number; of mine, also one that I don't know. */
  #contradicts({ place, sqn, hash }: FrontierEntry): boolean {
    const here = this.members[place]?.accepted.get(sqn);
    return here ? !equal(here, hash) : place === this.row.place;
  }

  #update(member: MemberState, change: Partial<MemberRow>): Change[] {
    member.row = { ...member.row, ...change };
    return [{ put: 'member', row: member.row }];
  }

  /** Shows that I take part; nothing if that is known. */
  present(): Change[] {
    return this.me.row.presence === 'invited' ? this.#update(this.me, { presence: 'present' }) : [];
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
        `The group's key is used up after ${MAX_SQN} messages of yours. It is renewed as soon as the relay is reached.`,
      );
    const frontier = this.#carried(sqn);
    const padded = encodePayload({ ...payload, frontier });
    const sealed = sealMessage(
      signKey,
      this.commit.hash,
      chain,
      { group: chat, epoch, place, sqn, salt: random(SALT_BYTES), previous: last_hash },
      padded,
    );
    this.told(frontier);
    me.accepted.set(sqn, sealed.hash);
    const changes = this.#update(me, {
      chain: sealed.nextChain,
      next_sqn: sqn + 1,
      complete_sqn: sqn,
      last_hash: sealed.hash,
    });
    changes.push({ put: 'accepted', row: { chat, epoch, place, sqn, hash: sealed.hash } });
    return {
      envelope: sealEnvelope(this.row.seal_key, 'message', sealed.bytes, random(SALT_BYTES)),
      sqn,
      changes,
    };
  }

  /**
   * My frontier as an object of its own; also how I show that I am here, and which commit I took as the next. With
   * `own`, my last message stands in it too: who has it says so again, who lacks it learns that there is one.
   */
  makeFrontier(
    signKey: KeyObject,
    next = NOTHING,
    own = false,
  ): { data: Uint8Array; entries: readonly FrontierEntry[] } {
    const { chat: group, epoch, place } = this.row;
    const entries = own ? [...this.#frontier(), ...this.#own()] : this.#frontier();
    return { data: makeFrontier(signKey, this.commit.hash, { group, epoch, place, entries, next }), entries };
  }

  /** The others have been told this much. */
  told(entries: readonly FrontierEntry[]): void {
    for (const { place, sqn } of entries) this.#told.set(place, Math.max(sqn, this.#told.get(place) ?? 0));
  }

  /** What I hold gap-free from everyone else. */
  #frontier(): FrontierEntry[] {
    const heard = this.members.filter((member) => member !== this.me && member.row.complete_sqn > 0);
    return heard.flatMap(({ row: { place, complete_sqn: sqn }, accepted }) => {
      const hash = accepted.get(sqn);
      return hash ? [{ place, sqn, hash }] : [];
    });
  }

  #own(): FrontierEntry[] {
    const { place } = this.row;
    const sqn = this.me.row.complete_sqn;
    const hash = this.me.accepted.get(sqn);
    return hash ? [{ place, sqn, hash }] : [];
  }

  /** Whether my last message that counts is not known to be everywhere. */
  get unheard(): boolean {
    const last = Math.min(this.me.row.complete_sqn, this.#cut?.[this.row.place] ?? MAX_SQN);
    return last > 0 && !this.#everyoneHas(last);
  }

  #isNews = ({ place, sqn }: FrontierEntry): boolean => this.#told.get(place) !== sqn;

  /** What goes along with a message: news first, then the rest in turns, since what was told may have been withheld. */
  #carried(turn: number): FrontierEntry[] {
    const all = this.#frontier();
    const news = all.filter(this.#isNews);
    const rest = all.filter((entry) => !this.#isNews(entry));
    const from = rest.length > 0 ? (turn * MAX_CARRIED) % rest.length : 0;
    return [...news, ...rest.slice(from), ...rest.slice(0, from)].slice(0, MAX_CARRIED);
  }

  /** Whether somebody's message waits for a sign that I have it. */
  get owesReceipt(): boolean {
    return this.#frontier().some(this.#isNews);
  }

  /** SQNs of others that are known to exist, and not here, by place. */
  missing(): { of: MemberState; place: number; sqns: number[] }[] {
    const claimed = new Map<number, number>();
    for (const { frontier } of this.members)
      for (const { place, sqn } of frontier.values())
        if (sqn > (claimed.get(place) ?? 0)) claimed.set(place, sqn);
    return this.members.flatMap((of, place) => {
      if (of === this.me) return [];
      let last = Math.max(of.row.next_sqn - 1, this.#cut?.[place] ?? 0, claimed.get(place) ?? 0);
      if (this.#cut) last = Math.min(last, this.#cut[place] ?? 0);
      const sqns: number[] = [];
      for (let sqn = of.row.complete_sqn + 1; sqn <= last; sqn++) if (!of.accepted.has(sqn)) sqns.push(sqn);
      return sqns.length > 0 ? [{ of, place, sqns }] : [];
    });
  }

  /** Members a message of this place is meant for, and how many of them hold it. */
  receipts(sqn: number, place = this.row.place): { by: number; of: number } {
    const others = this.members.filter(({ row }, i) => i !== place && row.presence !== 'left');
    const holds = (member: MemberState) => {
      if (member === this.me) return (this.members[place]?.row.complete_sqn ?? 0) >= sqn;
      const said = member.frontier.get(place);
      return said !== undefined && said.sqn >= sqn && !this.#contradicts(said);
    };
    return { by: others.filter(holds).length, of: others.length };
  }

  /** Whether this member should have a message of mine and is not known to. */
  lacks(fingerprint: Uint8Array, sqn: number): boolean {
    const member = this.member(fingerprint);
    if (!member || member === this.me || member.row.presence === 'left') return false;
    return (member.frontier.get(this.row.place)?.sqn ?? 0) < sqn;
  }

  /** Deletes the chains once all that is due of an ended epoch is in. */
  #chainsOver(): Change[] {
    const { row, me } = this;
    if (row.closed === 0) return [];
    const due = this.members.some((member, place) => member !== me && !this.#isIn(member, place));
    return due ? [] : this.dropChains();
  }

  #isIn({ row }: MemberState, place: number): boolean {
    return row.complete_sqn >= (this.#cut?.[place] ?? 0);
  }

  /** Deletes every key that opens a message of this epoch. */
  dropChains(): Change[] {
    return this.members.flatMap((member) => {
      const { chat, epoch, place, chain } = member.row;
      const skipped = [...member.skipped.keys()];
      member.skipped.clear();
      return [
        ...(chain.length > 0 ? this.#update(member, { chain: NOTHING }) : []),
        ...skipped.map((sqn): Change => ({ drop: 'skipped', key: [chat, epoch, place, sqn] })),
      ];
    });
  }

  /** Drops every row of it. */
  forget(kept: readonly Tables['kept'][]): Change[] {
    const { chat, epoch } = this.row;
    return [
      { drop: 'epoch', key: [chat, epoch] },
      ...kept.map(({ place, sqn }): Change => ({ drop: 'kept', key: [chat, epoch, place, sqn] })),
      ...this.members.flatMap(({ row: { place }, accepted, skipped, frontier }): Change[] => [
        { drop: 'member', key: [chat, epoch, place] },
        ...[...accepted.keys()].map((sqn): Change => ({ drop: 'accepted', key: [chat, epoch, place, sqn] })),
        ...[...skipped.keys()].map((sqn): Change => ({ drop: 'skipped', key: [chat, epoch, place, sqn] })),
        ...[...frontier.keys()].map((of): Change => ({ drop: 'frontier', key: [chat, epoch, place, of] })),
      ]),
    ];
  }
}

const packCut = (cut: readonly number[]): Uint8Array =>
  Uint8Array.from(cut.flatMap((sqn) => [sqn >> 8, sqn & 0xff]));
const unpackCut = (packed: Uint8Array): number[] =>
  Array.from({ length: packed.length / 2 }, (_, i) => packed[2 * i]! * 256 + packed[2 * i + 1]!);

/** A payload whose every reference is in range, or undefined. */
function openPayload(padded: Uint8Array | undefined, members: number): Payload | undefined {
  try {
    const payload = padded && decodePayload(padded);
    return payload?.frontier.every(({ place }) => place < members) ? payload : undefined;
  } catch {
    return undefined;
  }
}
