import { decodePayload, encodePayload, type Payload } from '../protocol/payload.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import type { Chat } from './chat.js';
import { turn } from './turns.js';

/** A sender at this SQN renews, however few messages the others sent. */
const RENEW_SQN = 900;
/** In one epoch messages are sealed again up to this SQN; the rest waits for the next one. */
const MAX_AGAIN = 400;
/** Sealed again in one turn of the event loop: each is signed, which takes some milliseconds. */
const AT_ONCE = 8;

export type TextPayload = Omit<Payload, 'frontier'>;

/** Own messages of a group, on their way to the outbox. */
export class Sending {
  #sealing: Promise<void> | undefined;

  constructor(private readonly chat: Chat) {}

  /** Stores a payload as the next message, then lets it go. Resolves when it is stored. Throws UserError. */
  async send(payload: TextPayload): Promise<void> {
    const changes: Change[] = [];
    const entries: HistoryEntry[] = [];
    const rows = this.#seal(payload, 0, changes, entries);
    if (payload.kind === 'text') this.chat.row = { ...this.chat.row, count: this.chat.row.count + 1 };
    changes.push(...this.chat.committing.renewal(this.chat.epoch.me.row.next_sqn > RENEW_SQN));
    await this.chat.store(changes, entries);
    this.chat.session.outbox.release(...rows);
    this.chat.committing.look();
  }

  /** Seals a payload in the newest epoch; `shown` is its place in the history if it has one already. */
  #seal(payload: TextPayload, shown: number, changes: Change[], entries: HistoryEntry[]): Tables['outbox'][] {
    const { session, epoch } = this.chat;
    const sent = epoch.send(session.identity.signKey, payload, session.effects.random);
    const { sqn } = sent;
    changes.push(...sent.changes);
    if (payload.kind === 'text') {
      const text = new TextDecoder().decode(payload.content);
      const { fingerprint } = session.identity.card;
      const entry =
        shown > 0
          ? this.chat.timeline.again(fingerprint, { epoch: epoch.number, sqn }, payload, text, shown)
          : this.chat.timeline.text(fingerprint, { epoch: epoch.number, sqn }, payload, text);
      shown = entry.position;
      entries.push(entry);
    }
    const row = session.outbox.make({
      access: epoch.access,
      envelope: sent.envelope,
      chat: this.chat.row.id,
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
   * Resolves when that is done; what else is sent waits for it, so that all stays in order.
   */
  sealAgain(): Promise<void> {
    if (!this.#sealing) {
      const { behind, next } = this.#due();
      if (behind.length + next.length > 0) this.#sealing = this.#sealAll();
    }
    return this.#sealing ?? Promise.resolve();
  }

  async #sealAll(): Promise<void> {
    try {
      do {
        await turn();
        await this.#sealSome();
      } while (this.#due().next.length > 0);
    } finally {
      this.#sealing = undefined;
    }
  }

  async #sealSome(): Promise<void> {
    const { chat } = this;
    const { outbox } = chat.session;
    const { behind, next } = this.#due();
    const changes: Change[] = [];
    const entries: HistoryEntry[] = [];
    const rows: Tables['outbox'][] = [];
    for (const row of next) {
      const payload = decodePayload(row.payload);
      // Whoever counts by another cut may still ask for it; what never left must not leave for an epoch that is over.
      const kept = this.#within(row) || outbox.isRelayed(row.chat, row.epoch, row.sqn);
      changes.push(...(kept ? outbox.keepSealed(row) : outbox.discard(row)));
      if (payload.kind !== 'leave') rows.push(...this.#seal(payload, row.shown, changes, entries));
    }
    if (next.length === 0 && behind.length > 0) changes.push(...chat.committing.want('renew'));
    if (changes.length > 0) await chat.store(changes, entries);
    outbox.release(...rows);
  }

  #within({ epoch, sqn }: Tables['outbox']): boolean {
    const old = this.chat.epochs.get(epoch)!;
    return old.within(old.row.place, sqn);
  }

  /** What is above its epoch's cut, and what is to be sealed again next, in order. */
  #due(): { behind: Tables['outbox'][]; next: Tables['outbox'][] } {
    const { row, epoch: newest, epochs, session, succession } = this.chat;
    if (!this.chat.active || succession.decided) return { behind: [], next: [] };
    const ended = session.outbox
      .ofChat(row.id)
      .filter(({ epoch, payload }) => payload.length > 0 && epoch < newest.number && epochs.has(epoch));
    const back = newest.commit.changes.filter(({ type }) => type === 'rejoin');
    const behind = ended.filter((out) => !this.#within(out));
    const lacked = ended.filter(
      (out) =>
        this.#within(out) &&
        back.some(({ fingerprint }) => epochs.get(out.epoch)!.lacks(fingerprint, out.sqn)),
    );
    // Of what only who was brought back lacks, the newest count.
    const room = Math.max(0, MAX_AGAIN + 1 - newest.me.row.next_sqn);
    const due = [...behind, ...lacked.reverse()].slice(0, room).sort((a, b) => a.position - b.position);
    return { behind, next: due.slice(0, AT_ONCE) };
  }
}
