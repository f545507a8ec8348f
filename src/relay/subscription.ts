import type { Channel } from '../protocol/wire.js';
import type { Batch, ChannelLog } from './channelLog.js';
import { pack } from './frames.js';
import type { ChannelKey } from './keys.js';

/** Batches built in one tick: readers at the same place share one. */
export type Batches = Map<ChannelLog, Batch>;

/** A reader's place in a channel. Live and catching up are the same: items from the cursor on, while there is credit. */
export class Subscription {
  #cursor: number;
  #received: number;
  #live = false;

  /** `from` is the first seq wanted. */
  constructor(
    readonly channel: Channel,
    readonly key: ChannelKey,
    from: number,
    private readonly credit: number,
  ) {
    this.#cursor = Math.max(1, from);
    this.#received = this.#cursor - 1;
  }

  /** Everything up to `seq` is stored by the reader. */
  received(seq: number): void {
    this.#received = Math.max(this.#received, Math.min(seq, this.#cursor - 1));
  }

  /** Hands at most one batch, and what belongs before and after it, to `send`. True if more could follow at once. */
  take(log: ChannelLog | undefined, batches: Batches, send: (packed: Uint8Array) => void): boolean {
    const { first, last } = log ?? { first: 1, last: 0 };
    const from = Math.min(Math.max(this.#cursor, first), last + 1);
    if (this.#cursor !== from) {
      send(pack({ type: 'gap', channel: this.channel, oldest: from }));
      this.#moveTo(from);
    }
    if (log !== undefined && this.#ready(last)) {
      const batch = this.#batch(log, batches);
      send(batch.packed);
      this.#cursor = batch.to + 1;
    }
    if (!this.#live && this.#cursor > last) {
      this.#live = true;
      send(pack({ type: 'live', channel: this.channel, seq: last }));
    }
    return this.#ready(last);
  }

  #moveTo(cursor: number): void {
    this.#cursor = cursor;
    this.#received = cursor - 1;
  }

  get #allowed(): number {
    return this.credit - (this.#cursor - 1 - this.#received);
  }

  #ready(last: number): boolean {
    return this.#cursor <= last && this.#allowed > 0;
  }

  #batch(log: ChannelLog, batches: Batches): Batch {
    const shared = batches.get(log);
    if (shared?.from === this.#cursor && shared.to < this.#cursor + this.#allowed) return shared;
    const batch = log.batch(this.#cursor, this.#allowed);
    batches.set(log, batch);
    return batch;
  }
}
