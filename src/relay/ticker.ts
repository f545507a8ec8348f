import type { Batches } from './subscription.js';

export interface Flushable {
  flush(batches: Batches): void;
}

/** Runs what waits once a tick, after the messages that came in with it: so a burst becomes one write a reader. */
export class Ticker {
  #waiting = new Set<Flushable>();

  add(reader: Flushable): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#run());
    this.#waiting.add(reader);
  }

  #run(): void {
    const readers = this.#waiting;
    this.#waiting = new Set();
    const batches: Batches = new Map();
    for (const reader of readers) reader.flush(batches);
  }
}
