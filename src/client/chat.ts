import { equal, toHex } from '../crypto/bytes.js';
import { sealEnvelope } from '../protocol/channel.js';
import { SALT_BYTES } from '../protocol/message.js';
import type { LostReason } from '../protocol/rejoin.js';
import { IDEMPOTENCY_BYTES } from '../protocol/wire.js';
import type { GroupView, MessageView } from '../shared/view.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import { Committing } from './committing.js';
import type { ChannelAccess } from './connection.js';
import type { EpochState } from './epochState.js';
import { Evidence } from './evidence.js';
import { Frontiers } from './frontiers.js';
import { Leaving } from './leaving.js';
import { Receiving } from './receiving.js';
import { Rejoining } from './rejoining.js';
import { Repair } from './repair.js';
import { Sending } from './sending.js';
import type { Session } from './session.js';
import { Succession } from './succession.js';
import { Timeline } from './timeline.js';

/** Ended epochs are kept this long, ms: late messages, receipts, and requests to send again. */
const KEPT = 14 * 24 * 60 * 60 * 1000;

/** One group in a session: its epochs, its messages in and out. */
export class Chat {
  readonly epochs = new Map<number, EpochState>();
  readonly timeline: Timeline;
  readonly succession: Succession;
  readonly committing: Committing;
  readonly rejoining: Rejoining;
  readonly repair: Repair;
  readonly evidence: Evidence;
  readonly receiving: Receiving;
  readonly sending: Sending;
  readonly frontiers: Frontiers;
  readonly leaving: Leaving;
  /** Channels that were read to their end on this connection: only then may anything be sent there. */
  readonly #live = new Set<string>();

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
    this.repair = new Repair(this);
    this.evidence = new Evidence(this);
    this.receiving = new Receiving(this);
    this.sending = new Sending(this);
    this.frontiers = new Frontiers(this);
    this.leaving = new Leaving(this);
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

  /** Whether receipts are given and gaps are seen to: also by who is leaving, until it is out. */
  get present(): boolean {
    return this.follows && this.row.lost === '';
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
    const missing = this.repair.view();
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

  /** Whether an envelope may leave for a channel of this group. */
  mayPublish({ channel_key, epoch, sqn, payload }: Tables['outbox']): boolean {
    // After an older copy was put back, what is sealed for these epochs may use a key for the second time.
    if (this.row.lost === 'rolled-back' || this.row.lost === 'damaged') return false;
    const of = payload.length > 0 ? this.epochs.get(epoch) : undefined;
    // Behind its epoch's cut it is to be sealed again.
    if (of && !of.within(of.row.place, sqn)) return false;
    return this.declined || this.#live.has(toHex(channel_key));
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
    this.frontiers.soon(true);
    this.repair.look();
    this.committing.look();
    Promise.all([this.succession.resume(), this.sending.sealAgain()]).catch((error: unknown) => {
      this.session.effects.log(`not gone on: ${(error as Error).message}`);
    });
  }

  /** The relay has stored an envelope of this group. */
  relayed(): Change[] {
    this.timeline.showDeliveries();
    return this.epoch.present();
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
      const isOver = closed > 0 && now - closed > KEPT;
      // Who takes part no more keeps the newest one: it names the members.
      if (isOver && epoch !== this.epoch) {
        this.epochs.delete(epoch.number);
        changes.push(...epoch.forget(kept));
      } else
        for (const { place, sqn } of kept) {
          const { by, of } = epoch.receipts(sqn, place);
          if (isOver || by === of)
            changes.push({ drop: 'kept', key: [this.row.id, epoch.number, place, sqn] });
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
    this.repair.stop();
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
