/** An envelope as every reader gets it: one ITEM frame, packed. */
export interface Item {
  readonly packed: Uint8Array;
  /** Sender's fingerprint ‖ idempotency key, one character a byte. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Items `from` to `to`, packed one after another. */
export interface Batch {
  readonly from: number;
  readonly to: number;
  readonly packed: Uint8Array;
}

/** Bytes of packed items at which a batch ends; a single item may be longer. */
export const BATCH_BYTES = 60 * 1024;
/** What an item, a remembered idempotency key and a channel take beside their bytes, roughly. */
const ITEM_OVERHEAD = 256;
const KEY_OVERHEAD = 192;
const CHANNEL_OVERHEAD = 512;

export const itemCost = (packed: Uint8Array): number => packed.length + ITEM_OVERHEAD + KEY_OVERHEAD;
export const senderOf = (item: Item): string => item.id.slice(0, 32);

/** What is retained of one channel: seq `first` to `last`, and after `last` what is not yet safe on disk. */
export class ChannelLog {
  #first: number;
  #items: Item[] = [];
  /** seq and time of what was published lately, also of what is no longer retained; oldest first. */
  readonly #remembered = new Map<string, { readonly seq: number; readonly time: number }>();
  readonly #unread = new Map<string, number>();
  /** Newest seq that may be handed out; `first - 1` if nothing is retained. */
  last: number;

  /** `usage.bytes` is kept up to date; `dropped` is the newest seq that is no longer retained. */
  constructor(
    readonly kind: 'inbox' | 'group',
    private readonly usage: { bytes: number },
    dropped = 0,
  ) {
    this.#first = dropped + 1;
    this.last = dropped;
    usage.bytes += CHANNEL_OVERHEAD;
  }

  get first(): number {
    return this.#first;
  }

  /** The seq that the next item gets. */
  get next(): number {
    return this.#first + this.#items.length;
  }

  item(seq: number): Item | undefined {
    return this.#items[seq - this.#first];
  }

  /** Retained items of a sender in an inbox. */
  unread(sender: string): number {
    return this.#unread.get(sender) ?? 0;
  }

  add(item: Item): void {
    this.remember(item.id, this.next, item.time);
    this.#items.push(item);
    this.usage.bytes += item.packed.length + ITEM_OVERHEAD;
    this.#count(item, 1);
  }

  /** Drops what is up to `seq`, at most to `last`. Returns how many there were. */
  drop(seq: number): number {
    const dropped = this.#items.splice(0, Math.max(0, Math.min(seq, this.last) + 1 - this.#first));
    this.#first += dropped.length;
    for (const item of dropped) {
      this.usage.bytes -= item.packed.length + ITEM_OVERHEAD;
      this.#count(item, -1);
    }
    return dropped.length;
  }

  /** Drops what is older than `time`, and all but the newest `count`. */
  trim(time: number, count: number): void {
    let seq = Math.max(this.#first, this.next - count);
    while ((this.item(seq)?.time ?? Infinity) < time) seq++;
    this.drop(seq - 1);
  }

  remember(id: string, seq: number, time: number): void {
    this.#remembered.set(id, { seq, time });
    this.usage.bytes += KEY_OVERHEAD;
  }

  /** The seq under which it was published before. */
  remembered(id: string): number | undefined {
    return this.#remembered.get(id)?.seq;
  }

  /** What is remembered of items that are no longer retained. */
  *rememberedOnly(): Generator<{ id: string; seq: number; time: number }> {
    for (const [id, { seq, time }] of this.#remembered) if (seq < this.#first) yield { id, seq, time };
  }

  forget(before: number): void {
    for (const [id, { time }] of this.#remembered) {
      if (time >= before) return;
      this.#remembered.delete(id);
      this.usage.bytes -= KEY_OVERHEAD;
    }
  }

  /** From `from`, which is retained and not after `last`: about BATCH_BYTES, at most `count` items. */
  batch(from: number, count: number): Batch {
    const end = Math.min(this.last, from + count - 1) - this.#first;
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let i = from - this.#first; i <= end; i++) {
      const { packed } = this.#items[i] as Item;
      if (size > 0 && size + packed.length > BATCH_BYTES) break;
      parts.push(packed);
      size += packed.length;
    }
    const packed = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, size);
    return { from, to: from + parts.length - 1, packed };
  }

  #count(item: Item, change: 1 | -1): void {
    if (this.kind === 'group') return;
    const sender = senderOf(item);
    const count = this.unread(sender) + change;
    if (count === 0) this.#unread.delete(sender);
    else this.#unread.set(sender, count);
  }
}
