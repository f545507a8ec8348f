import { equal, toHex } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { openCard, openPrekey, type Card } from '../protocol/card.js';
import { checkCommit, makeCommit } from '../protocol/commit.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { inboxKey } from '../protocol/identity.js';
import { sealInboxItem, type InboxItem } from '../protocol/inbox.js';
import { openToken, parseToken, verifyToken, type Token } from '../protocol/invitation.js';
import {
  makeRejoinRequest,
  openRejoinRequest,
  type LostReason,
  type RejoinRequest,
} from '../protocol/rejoin.js';
import { placeOf, rosterHash } from '../protocol/roster.js';
import {
  epochSecrets,
  joinerHash,
  joinerSecret,
  SECRET_BYTES,
  welcomeSecrets,
} from '../protocol/schedule.js';
import { openWelcome, WelcomeCollector } from '../protocol/welcome.js';
import type { Change, Tables } from '../store/schema.js';
import type { Chat } from './chat.js';
import type { EpochState } from './epochState.js';
import type { Recipient } from './committing.js';
import { groupChannel, type ChannelAccess } from './connection.js';
import { forEachOf, inTurns } from './turns.js';

const HOUR = 60 * 60 * 1000;
/** Nobody is asked more often, ms: with each look of the session, which is hourly. */
const ASK_EVERY = 0.9 * HOUR;
/** Members who are no admins are asked when no admin has answered for this long, ms. */
const OTHERS_AFTER = 60_000;
/** A welcome that did not come is asked for again after this long, ms. */
const FETCH_WAIT = 60_000;
/** A suspicion is looked into after this long, ms: what was under way has arrived by then. */
const SETTLED = 10_000;
/** So many members of each role are asked by who only suspects to have missed something. */
const SUSPECTS_ASK = 3;
/** One member is brought back from one epoch at most this often, ms. */
const ANSWER_EVERY = HOUR / 2;
/** So often at most in that time, whatever it asks for: each is a commit. */
const ANSWERS = 3;
/** Who is no admin brings me at most so many epochs ahead. */
const MAX_AHEAD = 10_000;
/** A reset goes this far ahead, beyond the epochs of whoever went on without the admin, or was led astray. */
const RESET_STEP = 1000 * MAX_AHEAD;
/** Senders of one group whose welcomes are fetched at once. */
const MAX_COMING = 4;
/** Not above so many items that are held: keys of unknown senders leave some room (inbox.ts). */
const MAX_HELD = 192;

/** What becomes of a member that is brought back. */
const AGAIN = {
  active: 'active',
  declined: 'declined',
  leaving: 'leaving',
  left: 'leaving',
  removed: 'active',
} as const;

/** A welcome that is to bring me back. */
interface Coming {
  readonly token: Token;
  readonly joiner: Uint8Array;
  readonly access: ChannelAccess;
  readonly since: number;
  readonly collector: WelcomeCollector;
}

/** The one way back from every lost state: a request to members, and a commit that brings me back. */
export class Rejoining {
  #cancel: () => void = () => undefined;
  #cancelSuspicion: () => void = () => undefined;
  #suspicious = false;
  /** When each member was last brought back from which epoch and for what reason, ms. */
  readonly #answered = new Map<string, number>();
  /** When the commit after an epoch was last shown in its channel, ms. */
  readonly #shown = new Map<number, number>();
  /** When each person was brought back or invited anew, ms. */
  readonly #brought = new Map<string, readonly number[]>();
  /** By sender. */
  readonly #coming = new Map<string, Coming>();

  constructor(private readonly chat: Chat) {}

  /** This participant can't follow the group any more. `changes` come along in the record. */
  async lost(reason: LostReason, changes: Change[]): Promise<void> {
    const { chat } = this;
    if (!chat.follows || chat.row.lost !== '') return;
    chat.session.effects.log(`lost in a group: ${reason}`);
    chat.row = { ...chat.row, lost: reason, asked: 0 };
    await chat.store(changes, []);
    await this.ask();
  }

  /** Asks the admins, then everyone, at most hourly. */
  async ask(): Promise<void> {
    if (this.chat.row.lost !== '') await this.#ask(Infinity);
  }

  /** I may have missed a change: some members are asked, and whoever is further on brings me along. */
  suspect(): void {
    if (this.#suspicious) return;
    this.#suspicious = true;
    const { clock, log } = this.chat.session.effects;
    const wait = Math.max(SETTLED, this.chat.row.asked + ASK_EVERY - clock.now());
    this.#cancelSuspicion = clock.after(wait, () => {
      this.#suspicious = false;
      if (this.chat.row.lost !== '') return;
      this.#ask(SUSPECTS_ASK).catch((error: unknown) => log(`not asked: ${(error as Error).message}`));
    });
  }

  async #ask(atMost: number): Promise<void> {
    const { chat } = this;
    const { epoch } = chat;
    const { clock } = chat.session.effects;
    const now = clock.now();
    if (!chat.follows || now - chat.row.asked < ASK_EVERY) return;
    chat.row = { ...chat.row, asked: now };
    const all = epoch.members.filter((member) => member !== epoch.me);
    const staying = all.filter(({ row }) => row.presence !== 'left');
    // Who is leaving is there until somebody confirms it.
    const others = this.#shuffled(staying.length > 0 ? staying : all);
    const admins = others.filter(({ row }) => row.role === 'admin');
    const rest = others.filter(({ row }) => row.role !== 'admin');
    const [first, then] = admins.length > 0 ? [admins, rest] : [rest, []];
    await this.#request(first.slice(0, atMost).map(({ card }) => card));
    if (then.length === 0) return;
    this.#cancel();
    this.#cancel = clock.after(OTHERS_AFTER, () => {
      if (chat.row.asked !== now) return;
      void this.#request(then.slice(0, atMost).map(({ card }) => card)).catch(() => undefined);
    });
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const { random } = this.chat.session.effects;
    const weighted = items.map((item) => ({ item, weight: Buffer.from(random(4)).readUInt32BE() }));
    return weighted.sort((a, b) => a.weight - b.weight).map(({ item }) => item);
  }

  async #request(cards: readonly Card[]): Promise<void> {
    const { session, row, epoch } = this.chat;
    const { identity, effects, outbox, prekeys } = session;
    const request = makeRejoinRequest(identity.signKey, {
      group: row.id,
      from: identity.card.fingerprint,
      epoch: epoch.number,
      commitHash: epoch.commit.hash,
      prekey: prekeys.newest(),
      reason: row.lost === '' ? 'gap' : row.lost,
      time: effects.clock.now(),
    });
    const rows = cards.map((card) =>
      outbox.make({
        access: { channel: { kind: 'inbox', key: card.fingerprint } },
        envelope: sealInboxItem(inboxKey(card), { type: 'rejoin-request', request }, effects.random(16)),
        chat: row.id,
        epoch: epoch.number,
        sqn: 0,
      }),
    );
    await this.chat.store(
      rows.map((out): Change => ({ put: 'outbox', row: out })),
      [],
    );
    outbox.release(...rows);
  }

  /** A member asks to be brought back. Throws ProtocolError. */
  async requested(data: Uint8Array, changes: Change[]): Promise<void> {
    const { chat } = this;
    const { session, epoch } = chat;
    // Whoever was a member: where it thinks it is one may be another branch's epoch of the same number.
    const known = [epoch, ...chat.epochs.values()];
    const request = openRejoinRequest(data, ({ from }) =>
      known.map((each) => each.keyOf(from)).find((each) => each !== undefined),
    );
    const key = epoch.keyOf(request.from);
    if (key) openPrekey(request.prekey, key);
    const now = session.effects.clock.now();
    const hash = sha256(data);
    // Epochs that nobody here knows count as one: there is no end of them.
    const where = chat.epochs.has(request.epoch) ? request.epoch : 'elsewhere';
    const who = `${toHex(request.from)} ${where} ${request.reason}`;
    if (this.#isHere(request)) return session.record(changes);
    if (
      this.#isOver(request) ||
      session.store.all('token', { hash }).length > 0 ||
      now - (this.#answered.get(who) ?? -Infinity) < ANSWER_EVERY
    )
      throw new ProtocolError('replayed', 'A request to rejoin came a second time.');
    if (!chat.follows || chat.row.lost !== '')
      throw new ProtocolError('wrong-group', 'A request to rejoin a group I can’t follow myself.');
    if (!this.mayBring(request.from)) throw new ProtocolError('too-many', 'A member asks too often.');
    this.#answered.set(who, now);
    changes.push({ put: 'token', row: { hash, expires: now + 30 * 24 * HOUR } });
    if (key) changes.push(...chat.committing.want('rejoin', request.from, request.prekey));
    await session.record(changes);
    if (key) chat.committing.look();
    else await this.#showNext(request.epoch, request.commitHash);
  }

  /** Whether this person may be brought back, or invited anew, once more; that counts. */
  mayBring(who: Uint8Array): boolean {
    const now = this.chat.session.effects.clock.now();
    const recent = (this.#brought.get(toHex(who)) ?? []).filter((at) => now - at < ANSWER_EVERY);
    if (recent.length >= ANSWERS) return false;
    this.#brought.set(toHex(who), [...recent, now]);
    return true;
  }

  /** Who is in the group no more is shown the commit that it missed, or that others than its own count here. */
  async #showNext(number: number, hash: Uint8Array): Promise<void> {
    const { epochs, frontiers } = this.chat;
    const [before, epoch, next] = [-1, 0, 1].map((step) => epochs.get(number + step));
    if (epoch && next && equal(next.commit.parent, hash))
      await this.chat.publish('commit', next.commit.bytes, epoch);
    else if (before && epoch && !equal(epoch.commit.hash, hash)) await frontiers.send(before, before);
    else if (epoch && !next && epoch !== this.chat.epoch)
      await this.chat.publish('commit', this.chat.epoch.commit.bytes, epoch);
  }

  /** Something of this sender came in an epoch that is over. Who goes on there was removed and does not know it. */
  async stray(epoch: EpochState, from: Uint8Array): Promise<void> {
    const { clock } = this.chat.session.effects;
    const shown = this.#shown.get(epoch.number) ?? -Infinity;
    if (epoch === this.chat.epoch || this.chat.epoch.member(from) || clock.now() - shown < HOUR) return;
    this.#shown.set(epoch.number, clock.now());
    await this.#showNext(epoch.number, epoch.commit.hash);
  }

  /** Whoever asked before my newest epoch began, and was heard in it, found the way by itself. */
  #isOver({ from, time }: RejoinRequest): boolean {
    const { epoch } = this.chat;
    return (
      time < Math.min(epoch.commit.time, epoch.row.opened) && (epoch.member(from)?.frontier.size ?? 0) > 0
    );
  }

  /** Who only suspects to have missed something is where I am, or I am the one who missed it. */
  #isHere({ reason, epoch: number, commitHash }: RejoinRequest): boolean {
    const { epoch } = this.chat;
    if (reason !== 'gap' && reason !== 'away') return false;
    if (number > epoch.number) this.suspect();
    return number > epoch.number || equal(commitHash, epoch.commit.hash);
  }

  /** Whether an answer would be one to a question of mine: of the last hour, or still open. */
  get #isWaiting(): boolean {
    const { chat } = this;
    const { asked, lost } = chat.row;
    return asked > 0 && (lost !== '' || chat.session.effects.clock.now() - asked < HOUR);
  }

  /** A rejoin token: an answer, or an admin's reset. Throws ProtocolError. */
  async token(item: InboxItem & { type: 'rejoin' }, envelope: Uint8Array, changes: Change[]): Promise<void> {
    const { chat } = this;
    const { session, row, epoch } = chat;
    const { identity, prekeys } = session;
    const token = parseToken(item.token, 'rejoin', identity.card.fingerprint);
    const from = openCard(item.card);
    const sender = epoch.member(token.from);
    if (!sender || !equal(sender.card.fingerprint, from.fingerprint))
      throw new ProtocolError('not-for-me', 'An answer from somebody who was no member.');
    for (const each of this.#coming.values()) if (each.token.epoch <= row.epoch) this.#leaveOut(each);
    const now = session.effects.clock.now();
    const former = this.#coming.get(toHex(token.from));
    if (former && equal(former.token.hash, token.hash) && now - former.since < FETCH_WAIT)
      throw new ProtocolError('replayed', 'An answer came a second time.');
    const verified = verifyToken(token, sender.card);
    if (token.epoch <= row.epoch) throw new ProtocolError('replayed', 'An answer for an epoch that is over.');
    if (!this.#isWaiting && sender.row.role !== 'admin')
      throw new ProtocolError('wrong-type', 'An answer that nobody asked for.');
    if (token.epoch > row.epoch + MAX_AHEAD && sender.row.role !== 'admin')
      throw new ProtocolError('bad-commit', 'An answer from who is no admin leads too far ahead.');
    const held = heldAs(token);
    const others = session.store.all('held').filter(({ hash }) => !equal(hash, held));
    if (others.length >= MAX_HELD) throw new ProtocolError('too-many', 'More answers than are held at once.');
    const seed = prekeys.seed(token.prekeyId);
    if (!seed) throw new ProtocolError('prekey-gone', 'An answer for a prekey that is gone.');
    const joiner = openToken(verified, identity, seed);
    const access = groupChannel(welcomeSecrets(joiner).channelSeed);
    this.#leaveOut(former ?? (this.#coming.size < MAX_COMING ? undefined : [...this.#coming.values()][0]));
    this.#coming.set(toHex(token.from), {
      token,
      joiner,
      access,
      since: now,
      collector: new WelcomeCollector(),
    });
    await session.record([
      ...changes,
      { put: 'held', row: { hash: held, envelope, until: now + FETCH_WAIT } },
      ...prekeys.markUsed(token.prekeyId, now),
    ]);
    session.subscribe(access);
  }

  /** This welcome is waited for no more. */
  #leaveOut(coming: Coming | undefined): void {
    if (!coming) return;
    this.#coming.delete(toHex(coming.token.from));
    this.chat.session.connection.unsubscribe(coming.access.channel);
  }

  /** The channels of welcomes that are being fetched. */
  get fetching(): ChannelAccess[] {
    return [...this.#coming.values()].map(({ access }) => access);
  }

  /** One piece of a welcome from this channel. Throws ProtocolError. */
  async chunk(key: Uint8Array, envelope: Uint8Array): Promise<void> {
    const coming = [...this.#coming.values()].find(({ access }) => equal(access.channel.key, key));
    const box = coming?.collector.add(envelope, coming.token.welcomeHash);
    if (!coming || !box) return;
    this.#leaveOut(coming);
    try {
      await this.#goOn(coming, box);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      await this.chat.session.record([{ drop: 'held', key: [heldAs(coming.token)] }]);
      throw error;
    }
  }

  /** Goes on where this welcome begins. Throws ProtocolError. */
  async #goOn({ joiner, token }: Coming, box: Uint8Array): Promise<void> {
    const { chat } = this;
    const { session } = chat;
    const welcome = await inTurns(openWelcome(box, joiner, token, session.identity.card));
    const { commit, roster, place, cards } = welcome;
    const secrets = await inTurns(epochSecrets(joiner, commit.hash, roster.length));
    const { epoch } = chat;
    const isAdmin = epoch.member(commit.committer)?.row.role === 'admin';
    const me = session.identity.card.fingerprint;
    const brings = commit.changes.some((change) => change.type === 'rejoin' && equal(change.fingerprint, me));
    if (commit.reason === 'reset' ? !isAdmin : !brings || !this.#isWaiting)
      throw new ProtocolError('bad-commit', 'A group’s new start was not asked for, or is no admin’s.');
    const follows = equal(commit.parent, epoch.commit.hash);
    if (follows && commit.reason !== 'reset') checkCommit(commit, epoch);
    if (commit.epoch <= chat.row.epoch)
      throw new ProtocolError('replayed', 'An answer for an epoch that is over.');
    const now = session.effects.clock.now();
    const changes: Change[] = cards.flatMap((card) => session.contacts.add(card, now));
    const cut = epoch.acknowledged();
    if (!follows) for (const each of chat.epochs.values()) changes.push(...each.distrustCut());
    else commit.cut.forEach((sqn, i) => i !== epoch.row.place && (cut[i] = sqn));
    changes.push({ drop: 'held', key: [heldAs(token)] }, ...epoch.setCut(cut), ...session.prekeys.tend(now));
    // In this branch of the group I am a member: who wanted to leave says so again.
    chat.row = { ...chat.row, state: AGAIN[chat.row.state], lost: '', asked: 0 };
    this.#cancel();
    await chat.succession.switchTo(commit, roster, place, secrets, cards, changes);
    session.connection.putPrekey(session.prekeys.newest());
    // Whoever is where I come from, and no member where I am, learns of it there.
    if (!follows && epoch.roster.some(({ fingerprint }) => !chat.epoch.member(fingerprint)))
      await chat.publish('commit', commit.bytes, epoch);
  }

  /** Starts the group again from my roster, for everyone, wherever they got to. Throws UserError. */
  async reset(): Promise<void> {
    const { chat } = this;
    const { session, epoch } = chat;
    const { identity, effects, outbox } = session;
    if (chat.row.state !== 'active' || !chat.isAdmin)
      throw new UserError('no-admin', 'Only an admin can reset a group.');
    const secret = effects.random(SECRET_BYTES);
    const joiner = joinerSecret(undefined, secret);
    const { roster } = epoch;
    const commit = makeCommit(identity.signKey, {
      group: chat.row.id,
      epoch: epoch.number + RESET_STEP,
      parent: epoch.commit.hash,
      title: epoch.commit.title,
      changes: [],
      rosterHash: rosterHash(roster),
      committer: identity.card.fingerprint,
      reason: 'reset',
      joinerHash: joinerHash(joiner),
      cut: [],
      time: effects.clock.now(),
    });
    const others = epoch.members.filter((member) => member !== epoch.me);
    const recipients = await forEachOf(others, async ({ card }): Promise<Recipient> => ({
      card,
      type: 'rejoin',
      prekey: session.contacts.maySend(card.fingerprint) ? await session.inviting.prekey(card) : undefined,
    }));
    const made = await session.inviting.tokens(commit, roster, joiner, joiner, recipients);
    const secrets = await inTurns(epochSecrets(joiner, commit.hash, roster.length));
    if (chat.epoch !== epoch) made.rows.forEach((row) => outbox.discard(row));
    if (chat.epoch !== epoch) throw new UserError('changed', 'The group changed meanwhile. Look again.');
    const changes: Change[] = [
      ...made.changes,
      ...made.rows.map((row: Tables['outbox']): Change => ({ put: 'outbox', row })),
      ...[...chat.epochs.values()].flatMap((each) => each.distrustCut()),
      ...epoch.setCut(epoch.acknowledged()),
    ];
    chat.row = { ...chat.row, lost: '', asked: 0 };
    const place = placeOf(roster, identity.card.fingerprint);
    const cards = epoch.members.map(({ card }) => card);
    await chat.succession.switchTo(commit, roster, place, secrets, cards, changes);
    outbox.release(...made.rows);
  }

  stop(): void {
    this.#cancel();
    this.#cancelSuspicion();
  }
}

/** Under what hash an answer is held until its welcome is here: one of each sender in a group. */
const heldAs = ({ group, from }: Token): Uint8Array => sha256(group, from);
