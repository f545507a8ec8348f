import type { MessageView } from '../src/shared/view.js';

/** A sender may use an id again, elsewhere. */
export const keyOf = ({ sender, id, position }: MessageView): string =>
  `${sender.fingerprint}/${id}/${position}`;

/** A message that a person can have missed. */
export const isIncoming = (message: MessageView): boolean => message.kind === 'text' && !message.sender.me;

/** What the page holds of one group, by position. */
export class History {
  private list: MessageView[] = [];
  private readonly keys = new Set<string>();
  /** The host has more in front of the first one. */
  older = false;

  get messages(): readonly MessageView[] {
    return this.list;
  }

  get first(): MessageView | undefined {
    return this.list[0];
  }

  get last(): MessageView | undefined {
    return this.list.at(-1);
  }

  clear(): void {
    this.list = [];
    this.keys.clear();
    this.older = false;
  }

  has(message: MessageView): boolean {
    return this.keys.has(keyOf(message));
  }

  /** Index of the first message at or after `position`. */
  indexFrom(position: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts in what is new and replaces what is known. Returns what was new. */
  merge(messages: readonly MessageView[]): MessageView[] {
    return messages.filter((message) => this.put(message));
  }

  private put(message: MessageView): boolean {
    const key = keyOf(message);
    const at = this.indexFrom(message.position);
    if (this.keys.has(key)) {
      this.list[this.find(key, at)] = message;
      return false;
    }
    this.list.splice(at, 0, message);
    this.keys.add(key);
    return true;
  }

  private find(key: string, from: number): number {
    let index = from;
    while (keyOf(this.list[index]!) !== key) index += 1;
    return index;
  }
}
