import type { MessageView } from '../src/shared/view.js';
import { History, isIncoming } from './history.js';

/** Where what is unread begins. `missing` unread messages are in front of everything in `messages`. */
export interface Unread {
  readonly after: number;
  readonly missing: number;
}

/** Counts `unread` incoming messages back from the end. */
export function locateUnread(messages: readonly MessageView[], unread: number): Unread | undefined {
  if (unread <= 0) return undefined;
  let left = unread;
  for (let i = messages.length - 1; i >= 0; i -= 1) {
    const message = messages[i]!;
    if (isIncoming(message)) left -= 1;
    if (left === 0) return { after: message.position - 1, missing: 0 };
  }
  return { after: -1, missing: left };
}

/** One group's history and how much of it a person has seen. */
export class Thread {
  readonly history = new History();
  /** The newest page is here. */
  loaded = false;
  /** Highest position that has been in sight. */
  seen = -1;
  private unread: Unread | undefined;

  get messages(): readonly MessageView[] {
    return this.history.messages;
  }

  /** The line "New" goes behind this position. */
  get newAfter(): number | undefined {
    return this.unread?.after;
  }

  clear(): void {
    this.history.clear();
    this.loaded = false;
    this.seen = -1;
    this.unread = undefined;
  }

  /** The newest page. Where "New" stands is settled by the first one. */
  replace(messages: readonly MessageView[], older: boolean, unread: number): void {
    this.history.clear();
    this.history.merge(messages);
    this.history.older = older;
    if (!this.loaded) this.unread = locateUnread(this.messages, unread);
    this.loaded = true;
  }

  /** Returns how many were put in front. */
  prepend(messages: readonly MessageView[], older: boolean): number {
    const added = this.history.merge(messages).length;
    this.history.older = older && added > 0;
    if (this.unread !== undefined && this.unread.missing > 0) {
      this.unread = locateUnread(this.messages.slice(0, added), this.unread.missing);
    }
    return added;
  }

  /** Returns those that are new. What lies in front of the loaded pages is left to come with them. */
  add(messages: readonly MessageView[], isAttentive: boolean): readonly MessageView[] {
    const { first, last, older } = this.history;
    const from = older ? (first?.position ?? 0) : 0;
    const added = this.history.merge(messages.filter((message) => message.position >= from));
    if (added.some((message) => message.kind === 'text' && message.sender.me)) this.unread = undefined;
    else if (added.some(isIncoming) && !isAttentive) {
      const isPast = this.unread === undefined || this.seen > this.unread.after;
      if (isPast) this.unread = { after: last?.position ?? -1, missing: 0 };
    }
    return added;
  }

  /** Incoming messages below what has been in sight. */
  get unseen(): number {
    return this.messages.slice(this.history.indexFrom(this.seen + 1)).filter(isIncoming).length;
  }
}
