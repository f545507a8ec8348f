import type { WebSocket } from 'ws';
import type { RelayFrame } from '../protocol/wire.js';
import { BATCH_BYTES } from './channelLog.js';
import type { Context } from './context.js';
import { pack } from './frames.js';
import type { Reader } from './hub.js';
import type { Batches, Subscription } from './subscription.js';

/**
 * What goes out on one connection: one WebSocket message a tick, answers first, then items. Items wait in the store,
 * not here: a reader that doesn't take what was written gets no more until it does.
 */
export class Delivery implements Reader {
  readonly #answers: Uint8Array[] = [];
  #answerBytes = 0;
  readonly #ready = new Set<Subscription>();
  #unwritten = 0;
  #takenAt = 0;

  constructor(
    private readonly socket: WebSocket,
    private readonly context: Context,
    private readonly onTooSlow: () => void,
  ) {}

  answer(frame: RelayFrame): void {
    const packed = pack(frame);
    this.#answers.push(packed);
    this.#answerBytes += packed.length;
    this.context.ticker.add(this);
  }

  wake(subscription: Subscription): void {
    this.#ready.add(subscription);
    this.context.ticker.add(this);
  }

  forget(subscription: Subscription): void {
    this.#ready.delete(subscription);
  }

  /** More is queued than a reader may leave, or none of it was taken for too long. */
  get tooSlow(): boolean {
    const { limits, clock } = this.context;
    return (
      this.socket.bufferedAmount + this.#answerBytes >= limits.queueLimit ||
      (!this.written && clock() - this.#takenAt >= limits.stall)
    );
  }

  /** All that was sent is out of this process. */
  get written(): boolean {
    return this.#unwritten === 0;
  }

  /** Sends the answers that wait, then `last`, and no items any more. */
  finish(last: RelayFrame): void {
    for (const packed of [...this.#answers.splice(0), pack(last)]) this.socket.send(packed);
    this.#ready.clear();
  }

  flush(batches: Batches): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.tooSlow) return this.onTooSlow();
    const parts: Uint8Array[] = [];
    let size = 0;
    const add = (packed: Uint8Array) => {
      parts.push(packed);
      size += packed.length;
    };
    while (size < BATCH_BYTES && this.#answers.length > 0) add(this.#answers.shift() as Uint8Array);
    this.#answerBytes -= size;
    if (!this.#paused)
      for (const subscription of this.#ready) {
        if (size >= BATCH_BYTES) break;
        this.#ready.delete(subscription);
        const more = subscription.take(this.context.store.log(subscription.key), batches, add);
        if (more) this.#ready.add(subscription);
      }
    if (parts.length > 0)
      this.#send(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, size));
    if (this.#answers.length > 0 || (this.#ready.size > 0 && !this.#paused)) this.context.ticker.add(this);
  }

  get #paused(): boolean {
    return this.socket.bufferedAmount >= this.context.limits.queuePause;
  }

  #send(message: Uint8Array): void {
    if (this.#unwritten++ === 0) this.#takenAt = this.context.clock();
    this.socket.send(message, this.#written);
  }

  readonly #written = (): void => {
    this.#unwritten--;
    this.#takenAt = this.context.clock();
    if (this.#ready.size > 0) this.context.ticker.add(this);
  };
}
