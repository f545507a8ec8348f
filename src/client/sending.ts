import { decodePayload, encodePayload, type Payload } from '../protocol/payload.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import type { Chat } from './chat.js';

/** A sender at this SQN renews, however few messages the others sent. */
const RENEW_SQN = 900;
/** With one commit at most so many messages are sealed again, of so many bytes: an epoch's SQNs and a record end. */
const MAX_AGAIN = 400;
const MAX_AGAIN_BYTES = 2 * 1024 * 1024;

export type TextPayload = Omit<Payload, 'frontier'>;

/** Own messages of a group, on their way to the outbox. */
export class Sending {
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
   * Of the former, what is too much waits for the next commit; of the latter, the newest count.
   */
  sealAgain(back: readonly Uint8Array[], changes: Change[], entries: HistoryEntry[]): Tables['outbox'][] {
    const { chat } = this;
    const { outbox } = chat.session;
    const within = ({ epoch, sqn }: Tables['outbox']) => {
      const old = chat.epochs.get(epoch)!;
      return old.within(old.row.place, sqn);
    };
    const ended = outbox
      .ofChat(chat.row.id)
      .filter(
        ({ epoch, payload }) => payload.length > 0 && chat.epochs.has(epoch) && epoch < chat.epoch.number,
      );
    const behind = ended.filter((row) => !within(row));
    const lacked = ended.filter(
      (row) => within(row) && back.some((who) => chat.epochs.get(row.epoch)!.lacks(who, row.sqn)),
    );
    const again = fitting([...behind, ...lacked.reverse()]);
    if (again.length < behind.length) changes.push(...chat.committing.want('renew'));
    const rows: Tables['outbox'][] = [];
    for (const row of again.sort((a, b) => a.position - b.position)) {
      const payload = decodePayload(row.payload);
      // Whoever counts by another cut may still ask for it; what never left must not leave for an epoch that is over.
      const kept = within(row) || outbox.isRelayed(row.chat, row.epoch, row.sqn);
      changes.push(...(kept ? outbox.keepSealed(row) : outbox.discard(row)));
      if (payload.kind !== 'leave') rows.push(...this.#seal(payload, row.shown, changes, entries));
    }
    return rows;
  }
}

/** The first of these, as many as are sealed again at once. */
function fitting(rows: readonly Tables['outbox'][]): Tables['outbox'][] {
  let bytes = 0;
  return rows.filter(({ envelope }, i) => i < MAX_AGAIN && (bytes += envelope.length) <= MAX_AGAIN_BYTES);
}
