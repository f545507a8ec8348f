import { equal } from '../crypto/bytes.js';
import { openEnvelope } from '../protocol/channel.js';
import { ProtocolError } from '../protocol/errors.js';
import { parseFrontier } from '../protocol/frontier.js';
import { openLeave } from '../protocol/leave.js';
import { parseMessage } from '../protocol/message.js';
import { parseResend } from '../protocol/resend.js';
import { MAX_TEXT_BYTES } from '../shared/limits.js';
import type { Change, HistoryEntry } from '../store/schema.js';
import type { Chat } from './chat.js';
import { evidenceOf } from './evidence.js';
import type { EpochState, MemberState, Received } from './epochState.js';
import { splitAt } from './leaving.js';

/** What comes out of a group's channels, each kind to what it changes; contradictions are kept as evidence. */
export class Receiving {
  constructor(private readonly chat: Chat) {}

  /** One envelope from a channel of this group. `position` is the change that says it was read. */
  async item(channel: EpochState, envelope: Uint8Array, position: Change): Promise<void> {
    let data: Uint8Array | undefined;
    try {
      const opened = openEnvelope(channel.row.seal_key, envelope);
      data = opened.data;
      if (opened.kind === 'commit') return await this.chat.succession.commit(channel, data, position);
      if (opened.kind === 'message') return await this.#message(channel, data, position);
      if (opened.kind === 'frontier') return await this.#frontier(channel, data, position);
      const resend = parseResend(data);
      this.chat.repair.asked(this.#epoch(channel, resend.epoch), resend);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      await this.#refused(error, data, position);
    }
  }

  /** An ended epoch's messages may come again in a later one's channel, never the other way round. */
  #epoch(channel: EpochState, number: number): EpochState {
    const epoch = number <= channel.number ? this.chat.epochs.get(number) : undefined;
    if (!epoch) throw new ProtocolError('wrong-group', 'Something of another epoch.');
    return epoch;
  }

  async #message(channel: EpochState, data: Uint8Array, position: Change): Promise<void> {
    const message = parseMessage(data);
    const epoch = this.#epoch(channel, message.epoch);
    const received = epoch.receive(message, data);
    this.chat.repair.came(epoch, message.place, message.sqn);
    if (received.kind !== 'message') return;
    const { sender, sqn, payload, changes } = received;
    const entries: HistoryEntry[] = this.#arrival(received);
    const { name, fingerprint } = sender.card;
    const judgement = payload ? this.chat.timeline.judge(fingerprint, payload) : 'new';
    if (payload && judgement === 'new') changes.push(this.chat.timeline.remember(fingerprint, payload));
    const text = payload?.kind === 'text' ? decodeText(payload.content) : undefined;
    if (payload?.kind === 'leave') {
      if (judgement === 'new')
        entries.push(
          this.chat.timeline.notice(
            fingerprint,
            received.first ? `${name} declined the invitation.` : `${name} left.`,
          ),
        );
      changes.push(...this.#leaving(epoch, sender, payload.content));
    } else if (judgement === 'contradiction')
      entries.push(
        this.chat.timeline.notice(fingerprint, `${name} sent two different messages as if they were one.`),
      );
    if (payload && text !== undefined && judgement === 'new') {
      entries.push(this.chat.timeline.text(fingerprint, { epoch: epoch.number, sqn }, payload, text));
      this.chat.row = { ...this.chat.row, unread: this.chat.row.unread + 1 };
    } else if (!payload || (payload.kind === 'text' && text === undefined))
      entries.push(
        this.chat.timeline.notice(fingerprint, `A damaged message from ${name} could not be read.`),
      );
    if (epoch === this.chat.epoch) this.chat.row = { ...this.chat.row, count: this.chat.row.count + 1 };
    changes.push(...this.chat.committing.renewal());
    this.chat.frontiers.soon();
    await this.chat.store([...changes, position], entries);
    this.chat.committing.look();
    this.chat.repair.look();
    this.chat.timeline.showDeliveries();
  }

  async #frontier(channel: EpochState, data: Uint8Array, position: Change): Promise<void> {
    const frontier = parseFrontier(data);
    const epoch = this.#epoch(channel, frontier.epoch);
    const received = epoch.receiveFrontier(frontier);
    if (epoch.owesReceipt) this.chat.frontiers.soon();
    const entries: HistoryEntry[] = [];
    const next = this.chat.succession.after(epoch);
    const sender = epoch.members[frontier.place]!;
    const forked = frontier.next.length > 0 && next && !equal(frontier.next, next);
    const split = forked ? this.chat.evidence.keep(splitAt(epoch, sender), data, next) : undefined;
    if (split) {
      entries.push(
        this.chat.timeline.notice(
          sender.card.fingerprint,
          `${sender.card.name} follows another change of this group than you do: the relay shows its members different orders. An admin can mend it: “Renew group key”, “Start again for everyone”.`,
        ),
      );
    }
    if (frontier.next.length > 0 && !next && epoch === this.chat.epoch) this.chat.succession.expectCommit();
    if (received.kind === 'duplicate' && !split)
      return this.chat.rejoining.stray(epoch, sender.card.fingerprint);
    const changes = received.kind === 'frontier' ? received.changes : [];
    if (received.kind === 'frontier') entries.push(...this.#arrival(received));
    await this.chat.store([...(split ? [split] : []), ...changes, position], entries);
    // Who follows another change is told as well.
    if (split) await this.chat.frontiers.send(epoch, channel);
    this.chat.repair.look();
    this.chat.timeline.showDeliveries();
    await this.chat.rejoining.stray(epoch, sender.card.fingerprint);
  }

  /** What a sign of life tells: somebody joined, or two members hold different messages. */
  #arrival(received: Exclude<Received, { kind: 'duplicate' }>): HistoryEntry[] {
    const { sender, first, conflicts, changes } = received;
    const entries: HistoryEntry[] = [];
    if (first || sender.row.presence === 'left') {
      const { chat, fingerprint } = sender.row;
      if (this.chat.session.store.all('invited', { chat, fingerprint }).length > 0)
        changes.push({ drop: 'invited', key: [chat, fingerprint] });
    }
    if (first && sender.row.presence === 'present')
      entries.push(this.chat.timeline.notice(sender.card.fingerprint, `${sender.card.name} joined.`));
    for (const { by, of } of conflicts)
      entries.push(
        this.chat.timeline.notice(
          of.card.fingerprint,
          `${by.card.name} holds another message of ${of.card.name} than you do, under the same number: one of the two shows different people different things.`,
        ),
      );
    return entries;
  }

  #leaving(epoch: EpochState, { card }: MemberState, content: Uint8Array): Change[] {
    try {
      const leave = openLeave(content, card.fingerprint, card.signKey);
      if (epoch !== this.chat.epoch || !equal(leave.parent, epoch.commit.hash)) return [];
      const heir = equal(leave.successor, this.chat.session.identity.card.fingerprint);
      return this.chat.committing.want('leave', card.fingerprint, content, heir ? 0 : undefined);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.chat.session.effects.log(`leave statement refused: ${error.code}`);
      return [];
    }
  }

  async #refused(error: ProtocolError, data: Uint8Array | undefined, position: Change): Promise<void> {
    this.chat.session.effects.log(`group envelope refused: ${error.code}`);
    if (!data) return this.chat.rejoining.suspect();
    if (error.code === 'unknown-own') return this.chat.rejoining.lost('rolled-back', [position]);
    if (error.code !== 'equivocation' && error.code !== 'behind-the-cut') return;
    const message = parseMessage(data);
    const epoch = this.chat.epochs.get(message.epoch);
    const sender = epoch?.members[message.place];
    if (!epoch || !sender) return;
    if (error.code === 'behind-the-cut') return this.chat.rejoining.stray(epoch, sender.card.fingerprint);
    const [kept] = this.chat.session.store.all('kept', {
      chat: this.chat.row.id,
      epoch: message.epoch,
      place: message.place,
      sqn: message.sqn,
    });
    const { fingerprint } = sender.card;
    const other = kept?.message ?? new Uint8Array(0);
    const evidence = this.chat.evidence.keep(evidenceOf(fingerprint, data), data, other);
    if (evidence)
      await this.chat.store([evidence, position], [this.chat.timeline.notice(fingerprint, error.message)]);
  }
}

/** Strict UTF-8 within the bound, else undefined. */
function decodeText(content: Uint8Array): string | undefined {
  if (content.length > MAX_TEXT_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}
