import type { MessageView } from '../src/shared/view.js';

/** Ids are unique per sender only. */
export const keyOf = (message: MessageView): string => `${message.sender.fingerprint}/${message.id}`;

/** A message that a person can have missed. */
export const isIncoming = (message: MessageView): boolean => message.kind === 'text' && !message.sender.me;

/** What the page holds of one group, by position. */
export class History {
  private list: MessageView[] = [];
  private readonly positions = new Map<string, number>();
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
    this.positions.clear();
    this.older = false;
  }

  has(message: MessageView): boolean {
    return this.positions.has(keyOf(message));
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
    const known = this.positions.get(key);
    if (known === message.position) {
      this.list[this.find(key, known)] = message;
      return false;
    }
    if (known !== undefined) this.list.splice(this.find(key, known), 1);
    this.list.splice(this.indexFrom(message.position), 0, message);
    this.positions.set(key, message.position);
    return known === undefined;
  }

  private find(key: string, position: number): number {
    let index = this.indexFrom(position);
    while (keyOf(this.list[index]!) !== key) index += 1;
    return index;
  }
}
