import { equal, toHex } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { openEnvelope, sealEnvelope } from '../protocol/channel.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { parseFrontier } from '../protocol/frontier.js';
import { makeLeave, openLeave } from '../protocol/leave.js';
import { parseMessage, SALT_BYTES } from '../protocol/message.js';
import { decodePayload, encodePayload, MESSAGE_ID_BYTES, type Payload } from '../protocol/payload.js';
import { parseResend } from '../protocol/resend.js';
import type { LostReason } from '../protocol/rejoin.js';
import { IDEMPOTENCY_BYTES } from '../protocol/wire.js';
import { MAX_TEXT_BYTES } from '../shared/limits.js';
import type { GroupView, MessageView } from '../shared/view.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import { Committing } from './committing.js';
import type { ChannelAccess } from './connection.js';
import type { EpochState, MemberState, Received } from './epochState.js';
import { Rejoining } from './rejoining.js';
import { Repair } from './repair.js';
import type { Session } from './session.js';
import { Succession } from './succession.js';
import { Timeline } from './timeline.js';

/** A frontier goes out alone this long after a message came in, ms, so that several messages share one. */
const FRONTIER_DELAY = 100;
/** Above this many members receipts travel with messages only. */
const FRONTIER_MEMBERS = 50;
/** Ended epochs are kept this long, ms: late messages, receipts, and requests to send again. */
const KEPT = 14 * 24 * 60 * 60 * 1000;
/** Contradictions that are kept and told, of one group. */
const MAX_EVIDENCE = 100;
/** A sender at this SQN renews, however few messages the others sent. */
const RENEW_SQN = 900;

export type TextPayload = Omit<Payload, 'frontier'>;

/** One group in a session: its epochs, its messages in and out. */
export class Chat {
  readonly epochs = new Map<number, EpochState>();
  readonly timeline: Timeline;
  readonly succession: Succession;
  readonly committing: Committing;
  readonly rejoining: Rejoining;
  readonly #repair: Repair;
  /** Channels that were read to their end on this connection: only then may anything be sent there. */
  readonly #live = new Set<string>();
  #frontierDue = false;
  #announce = false;

  constructor(
    readonly session: Session,
    public row: Tables['chat'],
    epochs: readonly EpochState[],
  ) {
    for (const epoch of epochs) this.epochs.set(epoch.number, epoch);
    this.timeline = new Timeline(session, this);
    this.succession = new Succession(this);
    this.committing = new Committing(this);
    this.rejoining = new Rejoining(this);
    this.#repair = new Repair(this);
  }

  get id(): string {
    return toHex(this.row.id);
  }

  /** The newest epoch. */
  get epoch(): EpochState {
    const epoch = this.epochs.get(this.row.epoch);
    if (!epoch) throw new Error('a group without its epoch');
    return epoch;
  }

  /** Whether messages can be sent. */
  get active(): boolean {
    return this.row.state === 'active' && this.row.lost === '';
  }

  /** Whether this participant still takes part, or tries to. */
  get follows(): boolean {
    return this.row.state === 'active' || this.row.state === 'leaving';
  }

  /** Answered with Decline: kept until the others were told, shown nowhere. */
  get declined(): boolean {
    return this.row.state === 'declined';
  }

  get isAdmin(): boolean {
    return this.epoch.me.row.role === 'admin';
  }

  /** Why nothing can be sent, for people. */
  get stopped(): string | undefined {
    if (this.row.lost !== '' && this.follows) return LOST[this.row.lost];
    return STOPPED[this.row.state];
  }

  view(): GroupView {
    const { contacts } = this.session;
    const members = this.epoch.members.map(({ row, card }) => ({
      ...contacts.view(card),
      admin: row.role === 'admin',
      presence: row.presence,
    }));
    const { title, unread } = this.row;
    const { stopped } = this;
    const missing = this.#repair.view();
    return { id: this.id, title, members, unread, missing, ...(stopped === undefined ? {} : { stopped }) };
  }

  // Channels.

  /** Where this participant listens: the newest epoch's channel, and the one before for what comes late. */
  accesses(): ChannelAccess[] {
    if (!this.follows && !this.declined) return [];
    const epochs = [this.epochs.get(this.row.epoch - 1), this.epoch];
    return epochs.flatMap((epoch) => epoch?.access ?? []);
  }

  epochOf(channelKey: Uint8Array): EpochState | undefined {
    return [...this.epochs.values()].find(({ access }) => equal(access.channel.key, channelKey));
  }

  /** Whether an envelope may leave for this channel. */
  mayPublish(channelKey: Uint8Array): boolean {
    // After an older copy was put back, what is sealed for these epochs may use a key for the second time.
    if (this.row.lost === 'rolled-back' || this.row.lost === 'damaged') return false;
    return this.declined || this.#live.has(toHex(channelKey));
  }

  /** Whether the newest epoch's channel was read to its end on this connection. */
  get live(): boolean {
    return this.#live.has(toHex(this.epoch.access.channel.key));
  }

  offline(): void {
    this.#live.clear();
  }

  /** The channel was read to its end: receipts, or the first sign of life, are due. */
  caughtUp(channelKey: Uint8Array): void {
    this.#live.add(toHex(channelKey));
    if (!this.live) return;
    this.receiptSoon(true);
    this.#repair.look();
    this.committing.look();
    this.succession.resume().catch((error: unknown) => {
      this.session.effects.log(`not gone on: ${(error as Error).message}`);
    });
  }

  // Receiving.

  /** One envelope from a channel of this group. `position` is the change that says it was read. */
  async item(channel: EpochState, envelope: Uint8Array, position: Change): Promise<void> {
    let data: Uint8Array | undefined;
    try {
      const opened = openEnvelope(channel.row.seal_key, envelope);
      data = opened.data;
      if (opened.kind === 'commit') return await this.succession.commit(channel, data, position);
      if (opened.kind === 'message') return await this.#message(channel, data, position);
      if (opened.kind === 'frontier') return await this.#frontier(channel, data, position);
      const resend = parseResend(data);
      this.#repair.asked(this.#epoch(channel, resend.epoch), resend);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      await this.#refused(error, data, position);
    }
  }

  /** An ended epoch's messages may come again in a later one's channel, never the other way round. */
  #epoch(channel: EpochState, number: number): EpochState {
    const epoch = number <= channel.number ? this.epochs.get(number) : undefined;
    if (!epoch) throw new ProtocolError('wrong-group', 'Something of another epoch.');
    return epoch;
  }

  async #message(channel: EpochState, data: Uint8Array, position: Change): Promise<void> {
    const message = parseMessage(data);
    const epoch = this.#epoch(channel, message.epoch);
    const received = epoch.receive(message, data);
    this.#repair.came(epoch, message.place, message.sqn);
    if (received.kind !== 'message') return;
    const { sender, sqn, payload, changes } = received;
    const entries: HistoryEntry[] = this.#arrival(received);
    const { name, fingerprint } = sender.card;
    const judgement = payload ? this.timeline.judge(fingerprint, payload) : 'new';
    if (payload && judgement === 'new') changes.push(this.timeline.remember(fingerprint, payload));
    const text = payload?.kind === 'text' ? decodeText(payload.content) : undefined;
    if (payload?.kind === 'leave') {
      if (judgement === 'new')
        entries.push(
          this.timeline.notice(
            fingerprint,
            received.first ? `${name} declined the invitation.` : `${name} left.`,
          ),
        );
      changes.push(...this.#leaving(epoch, sender, payload.content));
    } else if (judgement === 'contradiction')
      entries.push(
        this.timeline.notice(fingerprint, `${name} sent two different messages as if they were one.`),
      );
    if (payload && text !== undefined && judgement === 'new') {
      entries.push(this.timeline.text(fingerprint, { epoch: epoch.number, sqn }, payload, text));
      this.row = { ...this.row, unread: this.row.unread + 1 };
    } else if (!payload || (payload.kind === 'text' && text === undefined))
      entries.push(this.timeline.notice(fingerprint, `A damaged message from ${name} could not be read.`));
    if (epoch === this.epoch) this.row = { ...this.row, count: this.row.count + 1 };
    changes.push(...this.committing.renewal());
    this.receiptSoon();
    await this.store([...changes, position], entries);
    this.committing.look();
    this.#repair.look();
    this.timeline.showDeliveries();
  }

  async #frontier(channel: EpochState, data: Uint8Array, position: Change): Promise<void> {
    const frontier = parseFrontier(data);
    const epoch = this.#epoch(channel, frontier.epoch);
    const received = epoch.receiveFrontier(frontier);
    if (epoch.owesReceipt) this.receiptSoon();
    const entries: HistoryEntry[] = [];
    const next = this.succession.after(epoch);
    const sender = epoch.members[frontier.place]!;
    const forked = frontier.next.length > 0 && next && !equal(frontier.next, next);
    if (forked) {
      const about = sha256(sender.card.fingerprint, epoch.commit.hash);
      if (await this.#evidence(about, data, next, position)) {
        entries.push(
          this.timeline.notice(
            sender.card.fingerprint,
            `${sender.card.name} follows another change of this group than you do: the relay shows its members different orders. An admin can mend it: “Renew group key”, “Start again for everyone”.`,
          ),
        );
        // So that they are told as well.
        await this.sendFrontier(epoch, channel);
      }
    }
    if (frontier.next.length > 0 && !next && epoch === this.epoch) this.succession.expectCommit();
    if (received.kind === 'duplicate' && entries.length === 0) return;
    const changes = received.kind === 'frontier' ? received.changes : [];
    if (received.kind === 'frontier') entries.push(...this.#arrival(received));
    await this.store([...changes, position], entries);
    this.#repair.look();
    this.timeline.showDeliveries();
  }

  /** What a sign of life tells: somebody joined, or two members hold different messages. */
  #arrival(received: Exclude<Received, { kind: 'duplicate' }>): HistoryEntry[] {
    const { sender, first, conflict, changes } = received;
    const entries: HistoryEntry[] = [];
    if (first || sender.row.presence === 'left') {
      const { chat, fingerprint } = sender.row;
      if (this.session.store.all('invited', { chat, fingerprint }).length > 0)
        changes.push({ drop: 'invited', key: [chat, fingerprint] });
    }
    if (first && sender.row.presence === 'present')
      entries.push(this.timeline.notice(sender.card.fingerprint, `${sender.card.name} joined.`));
    if (conflict)
      entries.push(
        this.timeline.notice(
          conflict.card.fingerprint,
          `${sender.card.name} holds another message of ${conflict.card.name} than you do, under the same number: one of the two shows different people different things.`,
        ),
      );
    return entries;
  }

  #leaving(epoch: EpochState, { card }: MemberState, content: Uint8Array): Change[] {
    try {
      const leave = openLeave(content, card.fingerprint, card.signKey);
      if (epoch !== this.epoch || !equal(leave.parent, epoch.commit.hash)) return [];
      const heir = equal(leave.successor, this.session.identity.card.fingerprint);
      return this.committing.want('leave', card.fingerprint, content, heir ? 0 : undefined);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.session.effects.log(`leave statement refused: ${error.code}`);
      return [];
    }
  }

  async #refused(error: ProtocolError, data: Uint8Array | undefined, position: Change): Promise<void> {
    this.session.effects.log(`group envelope refused: ${error.code}`);
    if (!data) return this.rejoining.suspect();
    if (error.code === 'unknown-own') return this.rejoining.lost('rolled-back', [position]);
    if (error.code !== 'equivocation') return;
    const message = parseMessage(data);
    const [kept] = this.session.store.all('kept', {
      chat: this.row.id,
      epoch: message.epoch,
      place: message.place,
      sqn: message.sqn,
    });
    const isNew = await this.#evidence(sha256(data), data, kept?.message ?? new Uint8Array(0), position);
    const sender = this.epochs.get(message.epoch)?.members[message.place];
    if (isNew && sender) await this.store([], [this.timeline.notice(sender.card.fingerprint, error.message)]);
  }

  /** Keeps what proves a contradiction, once under this hash; false if it is known. */
  async #evidence(hash: Uint8Array, one: Uint8Array, other: Uint8Array, position: Change): Promise<boolean> {
    const { store, effects } = this.session;
    const known = store.all('evidence', { chat: this.row.id });
    if (known.length >= MAX_EVIDENCE || known.some((row) => equal(row.hash, hash))) return false;
    const row = { chat: this.row.id, hash, at: effects.clock.now(), one, other };
    await this.session.record([{ put: 'evidence', row }, position]);
    return true;
  }

  // Sending.

  /** Stores a payload as the next message, then lets it go. Resolves when it is stored. Throws UserError. */
  async send(payload: TextPayload): Promise<void> {
    const changes: Change[] = [];
    const entries: HistoryEntry[] = [];
    const rows = this.#seal(payload, 0, changes, entries);
    if (payload.kind === 'text') this.row = { ...this.row, count: this.row.count + 1 };
    changes.push(...this.committing.renewal(this.epoch.me.row.next_sqn > RENEW_SQN));
    await this.store(changes, entries);
    this.session.outbox.release(...rows);
    this.committing.look();
  }

  /** Seals a payload in the newest epoch; `shown` is its place in the history if it has one already. */
  #seal(payload: TextPayload, shown: number, changes: Change[], entries: HistoryEntry[]): Tables['outbox'][] {
    const { session, epoch } = this;
    const sent = epoch.send(session.identity.signKey, payload, session.effects.random);
    const { sqn } = sent;
    changes.push(...sent.changes);
    if (payload.kind === 'text') {
      const text = new TextDecoder().decode(payload.content);
      const { fingerprint } = session.identity.card;
      const entry =
        shown > 0
          ? this.timeline.again(fingerprint, { epoch: epoch.number, sqn }, payload, text, shown)
          : this.timeline.text(fingerprint, { epoch: epoch.number, sqn }, payload, text);
      shown = entry.position;
      entries.push(entry);
    }
    const row = session.outbox.make({
      access: epoch.access,
      envelope: sent.envelope,
      chat: this.row.id,
      epoch: epoch.number,
      sqn,
      payload: encodePayload({ ...payload, frontier: [] }),
      shown,
    });
    changes.push({ put: 'outbox', row });
    return [row];
  }

  /**
   * Messages of mine that fell behind a cut go out again in the newest epoch, and those that somebody lacks who was
   * brought back, perhaps without the epoch they were sent in: within the cut they stay due to who has that epoch.
   */
  sealAgain(back: readonly Uint8Array[], changes: Change[], entries: HistoryEntry[]): Tables['outbox'][] {
    const { outbox } = this.session;
    const behind = outbox.ofChat(this.row.id).filter(({ epoch, sqn, payload }) => {
      const old = this.epochs.get(epoch);
      if (payload.length === 0 || !old || old === this.epoch) return false;
      return !old.within(old.row.place, sqn) || back.some((who) => old.lacks(who, sqn));
    });
    const rows: Tables['outbox'][] = [];
    for (const row of behind) {
      const payload = decodePayload(row.payload);
      const old = this.epochs.get(row.epoch)!;
      changes.push(...(old.within(old.row.place, row.sqn) ? outbox.keepSealed(row) : outbox.discard(row)));
      if (payload.kind !== 'leave') rows.push(...this.#seal(payload, row.shown, changes, entries));
    }
    return rows;
  }

  /** The relay has stored an envelope of this group. */
  relayed(): Change[] {
    this.timeline.showDeliveries();
    return this.epoch.present();
  }

  // Receipts.

  /** `announce`: also what I sent and not everyone is known to have. */
  receiptSoon(announce = false): void {
    const { me, members } = this.epoch;
    const invited = me.row.presence === 'invited';
    if (!this.active || (members.length > FRONTIER_MEMBERS && !invited)) return;
    this.#announce ||= announce;
    if (this.#frontierDue) return;
    this.#frontierDue = true;
    this.session.effects.clock.after(FRONTIER_DELAY, () => void this.#sendReceipts());
  }

  async #sendReceipts(): Promise<void> {
    this.#frontierDue = false;
    if (!this.live || !this.active) return;
    const announce = this.#announce;
    this.#announce = false;
    const invited = this.epoch.me.row.presence === 'invited';
    for (const epoch of this.epochs.values()) {
      const own = announce && epoch.unheard;
      if (own || epoch.owesReceipt || (invited && epoch === this.epoch))
        await this.sendFrontier(epoch, this.epoch, own);
    }
  }

  /** It may be lost; what it says that I have is on disk before it leaves. */
  async sendFrontier(epoch: EpochState, channel = this.epoch, own = false): Promise<void> {
    const { identity, effects, store } = this.session;
    const { data, entries } = epoch.makeFrontier(identity.signKey, this.succession.after(epoch), own);
    const stored = await store.settled().then(
      () => true,
      () => false,
    );
    if (!stored || !(await this.publish('frontier', data, channel))) return;
    epoch.told(entries);
    const changes = this.epoch.present();
    if (changes.length === 0) return;
    await this.session.record(changes).catch(() => effects.log('receipt not noted'));
    this.session.events.emit('changed');
  }

  /** Publishes what needs no outbox. False if it did not go through. */
  async publish(
    kind: 'frontier' | 'resend' | 'message' | 'commit',
    data: Uint8Array,
    channel = this.epoch,
  ): Promise<boolean> {
    const { connection, effects } = this.session;
    const envelope = sealEnvelope(channel.row.seal_key, kind, data, effects.random(SALT_BYTES));
    try {
      await connection.publish(channel.access, effects.random(IDEMPOTENCY_BYTES), envelope);
      return true;
    } catch (error) {
      effects.log(`${kind} not published: ${(error as Error).message}`);
      return false;
    }
  }

  receipts(epoch: number, sqn: number): { by: number; of: number } {
    return this.epochs.get(epoch)?.receipts(sqn) ?? { by: 0, of: 0 };
  }

  // What people do.

  async markRead(upTo: number): Promise<void> {
    const { position, unread, read_position } = this.row;
    if (upTo <= read_position) return;
    const left = Math.min(unread, Math.max(0, position - upTo));
    this.row = { ...this.row, read_position: Math.min(upTo, position), unread: left };
    await this.session.record([{ put: 'chat', row: this.row }]);
    this.session.events.emit('changed');
  }

  /**
   * Tells the others that I leave; a commit of one of them ends it. The only admin names a successor (fingerprint).
   * Throws UserError.
   */
  async leave(successor: Uint8Array = new Uint8Array(0)): Promise<void> {
    const { epoch } = this;
    const others = epoch.members.filter((member) => member !== epoch.me);
    const admins = epoch.members.filter(({ row }) => row.role === 'admin');
    const onlyAdmin = admins.length === 1 && admins[0] === epoch.me;
    if (others.length > 0 && onlyAdmin && !this.declined) {
      const next = epoch.member(successor);
      if (!next || next === epoch.me)
        throw new UserError(
          'last-admin',
          'You are the only admin of this group. Pick who is to be admin after you.',
        );
    }
    if (!this.declined) this.row = { ...this.row, state: others.length > 0 ? 'leaving' : 'left' };
    if (others.length === 0) return this.store([{ put: 'chat', row: this.row }], []);
    await this.#sendLeave(onlyAdmin ? successor : new Uint8Array(0));
  }

  /** My statement holds for one epoch: it is made again in the next if that did not remove me. */
  async leaveStill(): Promise<void> {
    if (this.epoch.members.length === 1) await this.leave();
    else await this.#sendLeave(this.committing.successor(this.epoch, this.#heir()));
  }

  /** Whom my last leave statement named; empty if nobody. */
  #heir(): Uint8Array {
    const { outbox, identity } = this.session;
    const { fingerprint, signKey } = identity.card;
    const leaves = outbox.ofChat(this.row.id).flatMap(({ payload }) => {
      const said = payload.length > 0 ? decodePayload(payload) : undefined;
      return said?.kind === 'leave' ? [openLeave(said.content, fingerprint, signKey)] : [];
    });
    return leaves.at(-1)?.successor ?? new Uint8Array(0);
  }

  async #sendLeave(successor: Uint8Array): Promise<void> {
    const { identity, effects } = this.session;
    const { epoch } = this;
    const content = makeLeave(identity.signKey, {
      group: this.row.id,
      epoch: epoch.number,
      parent: epoch.commit.hash,
      member: identity.card.fingerprint,
      successor,
    });
    await this.send({
      kind: 'leave',
      id: effects.random(MESSAGE_ID_BYTES),
      time: effects.clock.now(),
      content,
    });
  }

  /** An entry of the history as people see it. */
  message(entry: HistoryEntry): MessageView {
    return this.timeline.view(entry);
  }

  /** A record of this group: its row goes along, entries are shown after it. */
  async store(changes: readonly Change[], entries: readonly HistoryEntry[]): Promise<void> {
    await this.session.record([
      ...changes,
      { put: 'chat', row: this.row },
      ...entries.map((history) => ({ history })),
    ]);
    for (const entry of entries)
      if (entry.kind === 'text' && equal(entry.sender, this.session.identity.card.fingerprint))
        this.timeline.follow(entry);
    this.timeline.show(entries);
    this.session.events.emit('changed');
  }

  /** What has outlived its time. */
  tidy(now: number): Change[] {
    const { store } = this.session;
    const changes = this.timeline.tidy(now);
    for (const epoch of this.epochs.values()) {
      const kept = store.all('kept', { chat: this.row.id, epoch: epoch.number });
      const { closed } = epoch.row;
      if (closed > 0 && now - closed > KEPT) {
        this.epochs.delete(epoch.number);
        changes.push(...epoch.forget(kept));
      } else
        for (const { place, sqn } of kept) {
          const { by, of } = epoch.receipts(sqn, place);
          if (by === of) changes.push({ drop: 'kept', key: [this.row.id, epoch.number, place, sqn] });
        }
    }
    return [...changes, ...this.committing.renewal(now - this.epoch.row.opened > RENEW_AGE)];
  }

  /** Drops all that is kept of it. */
  forget(): Change[] {
    const { store } = this.session;
    const { id: chat } = this.row;
    return [
      { drop: 'chat', key: [chat] },
      ...[...this.epochs.values()].flatMap((epoch) =>
        epoch.forget(store.all('kept', { chat, epoch: epoch.number })),
      ),
      ...store.all('intent', { chat }).map(({ kind, fingerprint }): Change => ({
        drop: 'intent',
        key: [chat, kind, fingerprint],
      })),
      ...store
        .all('shown', { chat })
        .map(({ sender, id }): Change => ({ drop: 'shown', key: [chat, sender, id] })),
      ...this.succession.forget(),
    ];
  }

  stop(): void {
    this.#repair.stop();
    this.committing.stop();
    this.succession.stop();
    this.rejoining.stop();
  }
}

/** An epoch is renewed at this age, ms. */
const RENEW_AGE = 7 * 24 * 60 * 60 * 1000;

const STOPPED: Record<Tables['chat']['state'], string | undefined> = {
  active: undefined,
  declined: undefined,
  leaving: 'You are leaving this group. Another member has to confirm it.',
  left: 'You left this group. You can still read what was written until then.',
  removed: 'You were removed from this group. You can still read what was written until then.',
};

const LOST: Record<LostReason, string> = {
  'no-token': 'A change of the group’s key did not reach you.',
  'bad-secret': 'A change of the group’s key was not genuine.',
  gap: 'The relay no longer has a change of this group that you need.',
  away: 'You were away for longer than the relay keeps messages.',
  'rolled-back':
    'The data of this participant on this machine is older than what was sent with its key (an old copy was put back, or the key is used elsewhere).',
  damaged: 'A part of this participant’s data on this machine could not be read.',
};
for (const reason of Object.keys(LOST) as LostReason[])
  LOST[reason] +=
    ' The other members are asked to bring you back; that happens by itself as soon as one of them is there.';

/** Strict UTF-8 within the bound, else undefined. */
function decodeText(content: Uint8Array): string | undefined {
  if (content.length > MAX_TEXT_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}
