import { equal, toHex } from '../crypto/bytes.js';
import { openCard, type Card } from '../protocol/card.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { inboxKey } from '../protocol/identity.js';
import { makePrekeyGone, sealInboxItem, type InboxItem } from '../protocol/inbox.js';
import {
  checkTokenTime,
  MAX_FUTURE,
  openToken,
  parseToken,
  verifyToken,
  type Token,
} from '../protocol/invitation.js';
import { welcomeSecrets } from '../protocol/schedule.js';
import { MAX_WELCOME_BYTES, openWelcome, WelcomeCollector, type Welcome } from '../protocol/welcome.js';
import { MAX_INVITE_LIFETIME } from '../shared/limits.js';
import type { InvitationView } from '../shared/view.js';
import type { Change, Tables } from '../store/schema.js';
import { groupChannel, type ChannelAccess } from './connection.js';
import type { Session } from './session.js';
import { takeSecret } from './secrets.js';
import { inTurns } from './turns.js';

const DAY = 24 * 60 * 60 * 1000;
/** What was seen is remembered this long, ms, since the lifetime may be raised meanwhile. */
const SEEN = MAX_INVITE_LIFETIME + DAY;
/** A welcome is waited for this long, ms. */
const FETCHED_WITHIN = 3 * DAY;
/**
 * Invitations that wait at once, and answers under way to those whose prekey is gone, of one sender and of all who are known equally well, and the bytes of their welcomes.
 * What is above is refused: nobody pushes out who is known better.
 */
const ROOM = {
  stranger: { one: 3, all: 16 },
  unverified: { one: 8, all: 32 },
  verified: { one: 8, all: 32 },
} as const;
const WELCOMES_OF_EQUALS = 2 * MAX_WELCOME_BYTES;
/** Not above so many items that are held: more of contacts than of strangers, and than of unknown keys (inbox.ts). */
const HELD = 256;
const HELD_OF_STRANGERS = 32;
const NOTHING = new Uint8Array(0);

/** An invitation from its token on: first its welcome is fetched, then it waits for a person. */
interface Pending {
  row: Tables['invitation'];
  readonly token: Token;
  readonly from: Card;
  readonly access: ChannelAccess;
  readonly collector: WelcomeCollector;
  welcome: Welcome | undefined;
  /** People were told that it waits. */
  announced: boolean;
}

/** Invitations to me: PROTOCOL.md's checks in their order, consent last. */
export class Invitations {
  readonly #pending = new Map<string, Pending>();
  readonly #seen: Set<string>;

  constructor(
    private readonly session: Session,
    seen: readonly Tables['token'][],
  ) {
    this.#seen = new Set(seen.map(({ hash }) => toHex(hash)));
    session.events.on('changed', () => this.#announce());
  }

  /** Takes what is stored. */
  async load(rows: readonly Tables['invitation'][]): Promise<void> {
    const { card } = this.session.identity;
    for (const row of rows) {
      const token = parseToken(row.token, 'join', card.fingerprint);
      const opened =
        row.welcome.length > 0 ? await inTurns(openWelcome(row.welcome, row.joiner, token, card)) : undefined;
      this.#wait(row, token, opened);
    }
  }

  /** Everything from the inbox goes through here. `changes` come along in the record. Throws ProtocolError. */
  async join(item: InboxItem & { type: 'join' }, envelope: Uint8Array, changes: Change[]): Promise<void> {
    const { identity, effects, settings, prekeys } = this.session;
    const token = parseToken(item.token, 'join', identity.card.fingerprint);
    const from = openCard(item.card);
    const verified = verifyToken(token, from);
    const now = effects.clock.now();
    if (token.time > now && token.time - now <= MAX_FUTURE) return this.#hold(token, from, envelope, changes);
    checkTokenTime(token, now, settings.inviteLifetime);
    if (this.#seen.has(toHex(token.hash)))
      throw new ProtocolError('replayed', 'An invitation came a second time.');
    this.#checkRoom(from);
    const seed = prekeys.seed(token.prekeyId);
    if (!seed) return this.#prekeyGone(token, from, changes);
    const joiner = openToken(verified, identity, seed);
    const row = {
      id: token.hash,
      token: item.token,
      card: item.card,
      joiner,
      welcome: NOTHING,
      sent: token.time,
      expires: now + FETCHED_WITHIN,
    };
    this.#seen.add(toHex(token.hash));
    const pending = this.#wait(row, token);
    changes.push(
      { put: 'token', row: { hash: token.hash, expires: now + SEEN } },
      { put: 'invitation', row },
      { drop: 'held', key: [token.hash] },
      ...prekeys.markUsed(token.prekeyId, now),
      ...prekeys.tend(now),
    );
    await this.session.record(changes);
    this.session.connection.putPrekey(prekeys.newest());
    this.session.connection.subscribe(pending.access, new Uint8Array(32), 1);
  }

  #standing({ fingerprint }: Card): keyof typeof ROOM {
    const trust = this.session.contacts.find(toHex(fingerprint))?.trust;
    return trust === 'verified' || trust === 'unverified' ? trust : 'stranger';
  }

  /** Those that wait whose senders are known as well as this one. */
  #equals(from: Card): Pending[] {
    const standing = this.#standing(from);
    return [...this.#pending.values()].filter((each) => this.#standing(each.from) === standing);
  }

  #checkRoom(from: Card): void {
    const { one, all } = ROOM[this.#standing(from)];
    const equals = this.#equals(from);
    const own = equals.filter((each) => equal(each.from.fingerprint, from.fingerprint));
    if (own.length >= one || equals.length >= all)
      throw new ProtocolError('too-many', 'More invitations than are kept at once.');
  }

  /** Dated in the future: looked at again when its time has come. */
  async #hold(token: Token, from: Card, envelope: Uint8Array, changes: Change[]): Promise<void> {
    const held = this.session.store.all('held').length;
    if (held >= (this.#standing(from) === 'stranger' ? HELD_OF_STRANGERS : HELD))
      throw new ProtocolError('too-many', 'More invitations from the future than are held at once.');
    changes.push({ put: 'held', row: { hash: token.hash, envelope, until: token.time } });
    await this.session.record(changes);
    this.session.events.emit(
      'notice',
      'An invitation is dated in the future: one of the two clocks is wrong. It is kept until its time.',
    );
  }

  /** Tells the inviter which prekey to use instead. */
  async #prekeyGone(token: Token, from: Card, changes: Change[]): Promise<void> {
    const { identity, effects, outbox, prekeys } = this.session;
    const { one, all } = ROOM[this.#standing(from)];
    const answers = outbox.unsent().filter(({ chat }) => !this.session.chat(chat));
    const toOne = answers.filter((row) => equal(row.channel_key, from.fingerprint));
    if (toOne.length >= one || answers.length >= all)
      throw new ProtocolError('too-many', 'More answers to invitations wait than are kept at once.');
    const item = makePrekeyGone(identity.signKey, identity.card.fingerprint, token.hash, prekeys.newest());
    const row = outbox.make({
      access: { channel: { kind: 'inbox', key: from.fingerprint } },
      envelope: sealInboxItem(inboxKey(from), item, effects.random(16)),
      chat: token.group,
      epoch: token.epoch,
      sqn: 0,
    });
    this.#seen.add(toHex(token.hash));
    changes.push(
      { put: 'token', row: { hash: token.hash, expires: effects.clock.now() + SEEN } },
      { drop: 'held', key: [token.hash] },
      { put: 'outbox', row },
    );
    await this.session.record(changes);
    outbox.release(row);
  }

  /** Channels of welcomes still to be fetched. */
  fetching(): ChannelAccess[] {
    return [...this.#pending.values()].filter(({ welcome }) => !welcome).map(({ access }) => access);
  }

  /** One envelope of a welcome channel; false if it is none of these channels. Throws ProtocolError. */
  async chunk(channelKey: Uint8Array, envelope: Uint8Array): Promise<boolean> {
    const pending = [...this.#pending.values()].find(
      ({ access, row }) => row.welcome.length === 0 && toHex(access.channel.key) === toHex(channelKey),
    );
    if (!pending) return false;
    const box = pending.collector.add(envelope, pending.token.welcomeHash);
    if (!box) return true;
    const { identity, settings } = this.session;
    const { row, token, from } = pending;
    try {
      const size = this.#equals(from).reduce((sum, each) => sum + each.row.welcome.length, box.length);
      if (size > WELCOMES_OF_EQUALS)
        throw new ProtocolError('too-many', 'More of invitations than is kept at once.');
      pending.row = { ...row, welcome: box, expires: token.time + settings.inviteLifetime };
      pending.welcome = await inTurns(openWelcome(box, row.joiner, token, identity.card));
    } catch (error) {
      await this.session.record(this.drop(pending));
      throw error;
    }
    this.session.connection.unsubscribe(pending.access.channel);
    if (this.#pending.get(toHex(row.id)) !== pending) return true;
    await this.session.record([{ put: 'invitation', row: pending.row }]);
    this.session.events.emit('changed');
    await this.session.retryHeld();
    return true;
  }

  /** What can be answered: not while I am in the group, since whoever knows its id could put another one in its place. */
  #answerable(): (Pending & { welcome: Welcome })[] {
    return [...this.#pending.values()].filter(
      (pending): pending is Pending & { welcome: Welcome } =>
        pending.welcome !== undefined && !this.session.chat(pending.token.group)?.follows,
    );
  }

  #announce(): void {
    for (const pending of this.#answerable()) {
      if (pending.announced) continue;
      pending.announced = true;
      const { row, from, welcome } = pending;
      this.session.events.emit('invited', toHex(row.id), from.name, welcome.commit.title);
    }
  }

  /** Invitations to this group. */
  #to(group: Uint8Array): Pending[] {
    return [...this.#pending.values()].filter(({ token }) => equal(token.group, group));
  }

  /** Whether an answer to an invitation to this group is awaited. */
  waits(group: Uint8Array): boolean {
    return this.#to(group).length > 0;
  }

  /**
   * A group moves on before I answered: the secret of its next epoch is kept. False if its sender is not known yet: it
   * is to be tried again once the welcome is here. Throws ProtocolError.
   */
  async rekey(data: Uint8Array, changes: Change[]): Promise<boolean> {
    const token = parseToken(data, 'rekey', this.session.identity.card.fingerprint);
    const before = this.#to(token.group).filter((pending) => pending.token.epoch < token.epoch);
    if (before.length === 0) throw new ProtocolError('not-for-me', 'A key for a group that is not mine.');
    const cards = before.flatMap(({ welcome }) => welcome?.cards ?? []);
    const sender = cards.find((card) => equal(card.fingerprint, token.from));
    if (!sender) return false;
    await takeSecret(this.session, token, sender, changes, true);
    return true;
  }

  /** What waits for an answer. */
  view(): InvitationView[] {
    const { contacts } = this.session;
    return this.#answerable().map(({ row, from, welcome }) => ({
      id: toHex(row.id),
      from: contacts.view(from),
      title: welcome.commit.title,
      members: welcome.cards.map((card) => contacts.view(card)),
      sent: row.sent,
      expires: row.expires,
    }));
  }

  /** An invitation that can be answered now. Throws UserError. */
  answerable(id: string): Pending & { welcome: Welcome } {
    const pending = this.#answerable().find(({ row }) => toHex(row.id) === id);
    if (!pending) throw new UserError('no-invitation', 'This invitation was answered already.');
    return pending;
  }

  /** The age counts again at Accept: what to tell a person who is too late. */
  expired({ token }: Pending): UserError | undefined {
    try {
      checkTokenTime(token, this.session.effects.clock.now(), this.session.settings.inviteLifetime);
      return undefined;
    } catch (error) {
      return new UserError('expired', (error as Error).message);
    }
  }

  /** It was answered: no second answer counts. */
  answered({ row }: Pending): void {
    this.#pending.delete(toHex(row.id));
  }

  /** It is not waited for any more, nor are keys for its group. */
  drop(pending: Pending): Change[] {
    const { connection, store } = this.session;
    const { group } = pending.token;
    this.answered(pending);
    const changes: Change[] = [{ drop: 'invitation', key: [pending.row.id] }];
    if (!pending.welcome && connection.state.name === 'online')
      connection.unsubscribe(pending.access.channel);
    if (this.waits(group) || this.session.chat(group)) return changes;
    const keys = store.all('rekey', { chat: group });
    return [
      ...changes,
      ...keys.map(({ epoch, commit_hash, sender }): Change => ({
        drop: 'rekey',
        key: [group, epoch, commit_hash, sender],
      })),
    ];
  }

  /** Drops what did not come, what expired a day ago, and what was seen long enough. */
  tidy(tokens: readonly Tables['token'][], now: number): Change[] {
    const changes: Change[] = [];
    for (const { hash, expires } of tokens) {
      if (expires > now) continue;
      this.#seen.delete(toHex(hash));
      changes.push({ drop: 'token', key: [hash] });
    }
    for (const pending of [...this.#pending.values()])
      if (pending.row.expires + (pending.welcome ? DAY : 0) <= now) changes.push(...this.drop(pending));
    return changes;
  }

  #wait(row: Tables['invitation'], token: Token, welcome?: Welcome): Pending {
    const pending = {
      row,
      token,
      from: openCard(row.card),
      access: groupChannel(welcomeSecrets(row.joiner).channelSeed),
      collector: new WelcomeCollector(),
      welcome,
      announced: welcome !== undefined,
    };
    this.#pending.set(toHex(row.id), pending);
    return pending;
  }
}
