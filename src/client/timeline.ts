import { equal, toHex, uintBytes, utf8 } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { MESSAGE_ID_BYTES, type Payload } from '../protocol/payload.js';
import type { Delivery, MessageView } from '../shared/view.js';
import type { Change, HistoryEntry, Tables } from '../store/schema.js';
import type { Session } from './session.js';

type Said = Pick<Payload, 'kind' | 'id' | 'time' | 'content'>;

/** A message that was shown is remembered this long, ms: longer than a sender keeps it to seal it again. */
export const REMEMBERED = 15 * 24 * 60 * 60 * 1000;

/** What a group's history shows, in order, and how far own messages got. */
export class Timeline {
  /** Own messages that not everyone has yet, by history position, with the delivery last shown. */
  readonly #underway = new Map<number, { entry: HistoryEntry; shown: string }>();
  /** Digests of messages that were shown, by sender and id. */
  readonly #shown: Map<string, Tables['shown']>;

  constructor(
    private readonly session: Session,
    private readonly chat: {
      row: Tables['chat'];
      receipts(epoch: number, sqn: number): { by: number; of: number };
    },
  ) {
    const rows = session.store.all('shown', { chat: chat.row.id });
    this.#shown = new Map(rows.map((row) => [keyOf(row.sender, row.id), row]));
  }

  /**
   * Whether a message is new, was shown before (sealed again in another epoch), or is another one under the id of one
   * that was shown.
   */
  judge(sender: Uint8Array, said: Said): 'new' | 'known' | 'contradiction' {
    const shown = this.#shown.get(keyOf(sender, said.id));
    if (!shown) return 'new';
    return equal(shown.digest, digestOf(said)) ? 'known' : 'contradiction';
  }

  remember(sender: Uint8Array, said: Said): Change {
    const { row } = this.chat;
    const shown = {
      chat: row.id,
      sender,
      id: said.id,
      digest: digestOf(said),
      at: this.session.effects.clock.now(),
    };
    this.#shown.set(keyOf(sender, said.id), shown);
    return { put: 'shown', row: shown };
  }

  tidy(now: number): Change[] {
    return [...this.#shown].flatMap(([key, { chat, sender, id, at }]): Change[] => {
      if (at + REMEMBERED > now) return [];
      this.#shown.delete(key);
      return [{ drop: 'shown', key: [chat, sender, id] }];
    });
  }

  /** A message as a new entry of the history. */
  text(
    sender: Uint8Array,
    { epoch, sqn }: { epoch: number; sqn: number },
    said: Said,
    text: string,
  ): HistoryEntry {
    return this.#entry({ sender, epoch, sqn, kind: 'text', id: said.id, time: said.time, text });
  }

  /** A message that was sealed again keeps its place in the history. */
  again(sender: Uint8Array, at: { epoch: number; sqn: number }, said: Said, text: string, position: number) {
    const before = this.chat.row;
    const entry = this.text(sender, at, said, text);
    this.chat.row = before;
    return { ...entry, position };
  }

  /** Something that happened, said by the program. */
  notice(about: Uint8Array, text: string): HistoryEntry {
    const { clock, random } = this.session.effects;
    const id = random(MESSAGE_ID_BYTES);
    return this.#entry({
      sender: about,
      epoch: this.chat.row.epoch,
      sqn: 0,
      kind: 'notice',
      id,
      time: clock.now(),
      text,
    });
  }

  #entry(entry: Omit<HistoryEntry, 'chat' | 'position' | 'received'>): HistoryEntry {
    const row = (this.chat.row = { ...this.chat.row, position: this.chat.row.position + 1 });
    return { ...entry, chat: row.id, position: row.position, received: this.session.effects.clock.now() };
  }

  /** An own message is on its way: what it shows follows its receipts. */
  follow(entry: HistoryEntry): void {
    this.#underway.set(entry.position, { entry, shown: '' });
  }

  /** An entry as people see it. */
  view(entry: HistoryEntry): MessageView {
    const { contacts } = this.session;
    const sender = contacts.viewOf(entry.sender);
    const { position, kind, time, text } = entry;
    const message = { id: toHex(entry.id), group: toHex(entry.chat), position, kind, sender, time, text };
    return sender.me && kind === 'text' ? { ...message, delivery: this.#delivery(entry) } : message;
  }

  #delivery({ chat, epoch, sqn }: HistoryEntry): Delivery {
    const { by, of } = this.chat.receipts(epoch, sqn);
    if (by > 0) return { state: 'received', by, of };
    return { state: this.session.outbox.isRelayed(chat, epoch, sqn) ? 'relayed' : 'queued' };
  }

  /** Shows new entries. */
  show(entries: readonly HistoryEntry[]): void {
    if (entries.length === 0) return;
    const id = toHex(this.chat.row.id);
    this.session.events.emit(
      'messages',
      id,
      entries.map((entry) => this.view(entry)),
    );
  }

  /** Shows own messages whose delivery went on. */
  showDeliveries(): void {
    const moved: HistoryEntry[] = [];
    for (const [position, underway] of this.#underway) {
      const { delivery } = this.view(underway.entry);
      const shown = JSON.stringify(delivery);
      if (shown === underway.shown) continue;
      underway.shown = shown;
      moved.push(underway.entry);
      if (delivery?.state === 'received' && delivery.by === delivery.of) this.#underway.delete(position);
    }
    this.show(moved);
  }
}

const keyOf = (sender: Uint8Array, id: Uint8Array): string => toHex(sender) + toHex(id);
const digestOf = ({ kind, time, content }: Said): Uint8Array =>
  sha256(utf8(`${kind}\0`), uintBytes(time, 8), content);
