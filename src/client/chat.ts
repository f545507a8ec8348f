import { equal, toHex } from '../crypto/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { MESSAGE_ID_BYTES, type Payload } from '../protocol/payload.js';
import type { Delivery, GroupView, MessageView } from '../shared/view.js';
import { MAX_TEXT_BYTES } from '../shared/limits.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import type { EpochState, MemberState } from './epochState.js';
import type { Session } from './session.js';

/** A frontier goes out alone this long after a message came in, ms, so that several messages share one. */
const FRONTIER_DELAY = 100;
/** Above this many members receipts travel with messages only. */
const FRONTIER_MEMBERS = 50;

type TextPayload = Omit<Payload, 'frontier'>;

/** One group in a session: its state, its messages in and out. */
export class Chat {
  /** Read to its end on this connection: only then may anything be sent. */
  live = false;
  /** Own messages that not everyone has yet, by SQN, with the delivery last shown. */
  readonly #underway = new Map<number, { entry: HistoryEntry; shown: string }>();
  #frontierDue = false;

  constructor(
    private readonly session: Session,
    public row: Tables['chat'],
    readonly epoch: EpochState,
  ) {}

  get id(): string {
    return toHex(this.row.id);
  }

  get active(): boolean {
    return this.row.state === 'active';
  }

  /** Answered with Decline: kept until the others were told, shown nowhere. */
  get declined(): boolean {
    return this.row.state === 'declined';
  }

  /** Drops all that is kept of it. */
  forget(): Change[] {
    const { id: chat } = this.row;
    const { epoch } = this.epoch.row;
    return [
      { drop: 'chat', key: [chat] },
      { drop: 'epoch', key: [chat, epoch] },
      ...this.epoch.members.flatMap(({ row: { place }, accepted }): Change[] => [
        { drop: 'member', key: [chat, epoch, place] },
        ...[...accepted.keys()].map((sqn): Change => ({ drop: 'accepted', key: [chat, epoch, place, sqn] })),
      ]),
    ];
  }

  /** The store is an older copy: reading goes on, sending would use keys twice. */
  outdated(): void {
    if (this.active) this.row = { ...this.row, state: OUTDATED };
  }

  view(): GroupView {
    const { contacts } = this.session;
    const members = this.epoch.members.map(({ row, card }) => ({
      ...contacts.view(card),
      admin: row.role === 'admin',
      presence: row.presence,
    }));
    const { title, unread, state } = this.row;
    return { id: this.id, title, members, unread, ...(this.active ? {} : { stopped: state }) };
  }

  /** One envelope from the group's channel. `position` is the change that says it was read. */
  async item(envelope: Uint8Array, position: Change): Promise<void> {
    let received;
    try {
      received = this.epoch.receive(envelope);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#refused(error, position);
    }
    if (received.kind === 'duplicate') return;
    const entries: HistoryEntry[] = [];
    const { sender, changes } = received;
    const { name } = sender.card;
    if (received.first && sender.row.presence === 'present')
      entries.push(this.#notice(sender, `${name} joined.`));
    if (received.kind === 'message') {
      const { payload, sqn } = received;
      const text = payload?.kind === 'text' ? decodeText(payload.content) : undefined;
      if (payload?.kind === 'leave')
        entries.push(
          this.#notice(sender, received.first ? `${name} declined the invitation.` : `${name} left.`),
        );
      else if (payload && text !== undefined) entries.push(this.#entry(sender, sqn, 'text', payload, text));
      else entries.push(this.#notice(sender, `A damaged message from ${name} could not be read.`));
      if (text !== undefined) this.row = { ...this.row, unread: this.row.unread + 1 };
      this.#frontierSoon();
    }
    if (received.first || sender.row.presence === 'left') changes.push(...this.#answered(sender));
    await this.#store([...changes, position], entries);
    this.#deliveries();
  }

  async #refused(error: ProtocolError, position: Change): Promise<void> {
    this.session.effects.log(`group envelope refused: ${error.code}`);
    if (error.code === 'unknown-own') await this.#stop(OUTDATED, position);
    else if (error.code === 'equivocation')
      await this.#store([position], [this.#notice(this.epoch.me, error.message)]);
  }

  async #stop(why: string, position: Change): Promise<void> {
    if (!this.active) return;
    this.row = { ...this.row, state: why };
    await this.#store([position], [this.#notice(this.epoch.me, why)]);
  }

  /** What an invited person needs no longer, once they answered. */
  #answered({ row: { chat, fingerprint } }: MemberState): Change[] {
    return this.session.store.all('invited', { chat, fingerprint }).length > 0
      ? [{ drop: 'invited', key: [chat, fingerprint] }]
      : [];
  }

  /** Stores a text as the next message, then lets it go. Resolves when it is stored. */
  async send(payload: TextPayload): Promise<void> {
    const { session, epoch } = this;
    const { envelope, sqn, changes } = epoch.send(session.identity.signKey, payload, session.effects.random);
    const row = session.outbox.make({
      access: epoch.access,
      envelope,
      chat: this.row.id,
      epoch: epoch.row.epoch,
      sqn,
    });
    const entries: HistoryEntry[] = [];
    if (payload.kind === 'text')
      entries.push(this.#entry(epoch.me, sqn, 'text', payload, new TextDecoder().decode(payload.content)));
    this.#frontierDue = false;
    for (const entry of entries) this.#underway.set(sqn, { entry, shown: '' });
    await this.#store([...changes, { put: 'outbox', row }], entries);
    session.outbox.release(row);
  }

  /** The relay has stored an envelope of this group. */
  relayed(): Change[] {
    this.#deliveries();
    return this.#present();
  }

  #present(): Change[] {
    const { me } = this.epoch;
    if (me.row.presence !== 'invited') return [];
    me.row = { ...me.row, presence: 'present' };
    return [{ put: 'member', row: me.row }];
  }

  /** The channel was read to its end: receipts, or the first sign of life, are due. */
  caughtUp(): void {
    this.live = true;
    if (this.active) this.#frontierSoon();
  }

  #frontierSoon(): void {
    if (
      this.#frontierDue ||
      (this.epoch.members.length > FRONTIER_MEMBERS && this.epoch.me.row.presence === 'present')
    )
      return;
    this.#frontierDue = true;
    this.session.effects.clock.after(FRONTIER_DELAY, () => void this.#sendFrontier());
  }

  /** Nothing to store before it: a frontier uses up no key and may be lost. */
  async #sendFrontier(): Promise<void> {
    const { session, epoch } = this;
    if (!this.#frontierDue || !this.live || !this.active || session.connection.state.name !== 'online')
      return;
    this.#frontierDue = false;
    const envelope = epoch.sealFrontier(session.identity.signKey, session.effects.random);
    try {
      await session.connection.publish(epoch.access, session.effects.random(16), envelope);
      const changes = this.#present();
      if (changes.length === 0) return;
      await session.record(changes);
      session.events.emit('changed');
    } catch (error) {
      session.effects.log(`receipt not published: ${(error as Error).message}`);
    }
  }

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
    const member = this.epoch.members.find(({ row }) => equal(row.fingerprint, entry.sender));
    const sender = member
      ? this.session.contacts.view(member.card)
      : { fingerprint: toHex(entry.sender), name: '?', trust: 'unverified' as const, me: false };
    const { position, kind, time, text } = entry;
    const message = { id: toHex(entry.id), group: this.id, position, kind, sender, time, text };
    return sender.me && kind === 'text' ? { ...message, delivery: this.#delivery(entry) } : message;
  }

  #delivery({ epoch, sqn }: HistoryEntry): Delivery {
    const { by, of } = this.epoch.receipts(sqn);
    if (by > 0) return { state: 'received', by, of };
    return { state: this.session.outbox.isRelayed(this.row.id, epoch, sqn) ? 'relayed' : 'queued' };
  }

  /** Shows own messages whose delivery went on. */
  #deliveries(): void {
    const moved: MessageView[] = [];
    for (const [sqn, underway] of this.#underway) {
      const view = this.message(underway.entry);
      const shown = JSON.stringify(view.delivery);
      if (shown === underway.shown) continue;
      underway.shown = shown;
      moved.push(view);
      if (view.delivery?.state === 'received' && view.delivery.by === view.delivery.of)
        this.#underway.delete(sqn);
    }
    if (moved.length > 0) this.session.events.emit('messages', this.id, moved);
  }

  async #store(changes: Change[], entries: HistoryEntry[]): Promise<void> {
    await this.session.record([
      ...changes,
      { put: 'chat', row: this.row },
      ...entries.map((history) => ({ history })),
    ]);
    if (entries.length > 0)
      this.session.events.emit(
        'messages',
        this.id,
        entries.map((entry) => this.message(entry)),
      );
    this.session.events.emit('changed');
  }

  #notice(sender: MemberState, text: string): HistoryEntry {
    const { clock, random } = this.session.effects;
    return this.#entry(sender, 0, 'notice', { id: random(MESSAGE_ID_BYTES), time: clock.now() }, text);
  }

  #entry(
    sender: MemberState,
    sqn: number,
    kind: HistoryEntry['kind'],
    { id, time }: { id: Uint8Array; time: number },
    text: string,
  ): HistoryEntry {
    this.row = { ...this.row, position: this.row.position + 1 };
    const { id: chat, position } = this.row;
    const received = this.session.effects.clock.now();
    const { fingerprint } = sender.card;
    return {
      chat,
      position,
      id,
      sender: fingerprint,
      epoch: this.epoch.row.epoch,
      sqn,
      kind,
      time,
      received,
      text,
    };
  }
}

const OUTDATED =
  'The data of this participant on this machine is older than what was sent with its key (an old copy was put back, or the key is used elsewhere). To keep your messages safe, nothing more is sent in this group.';

/** Strict UTF-8 within the bound, else undefined. */
function decodeText(content: Uint8Array): string | undefined {
  if (content.length > MAX_TEXT_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}
