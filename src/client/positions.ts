import { equal, toHex } from '../crypto/bytes.js';
import type { Channel } from '../protocol/wire.js';
import type { Change, Tables } from '../store/schema.js';

/** How far each channel was read, under the relay's present store. */
export class Positions {
  readonly #seqs = new Map<string, number>();
  /** What came before something that it should have followed. */
  readonly #ahead = new Map<string, Set<number>>();
  #storeId: Uint8Array;

  constructor(rows: readonly Tables['position'][]) {
    this.#storeId = rows[0]?.store_id ?? new Uint8Array(32);
    for (const { channel, store_id, seq } of rows)
      if (equal(store_id, this.#storeId)) this.#seqs.set(toHex(channel), seq);
  }

  get storeId(): Uint8Array {
    return this.#storeId;
  }

  /** True if the relay has another store than before: every position starts again. */
  login(storeId: Uint8Array): boolean {
    if (equal(storeId, this.#storeId)) return false;
    this.#storeId = storeId;
    const known = this.#seqs.size > 0;
    this.#seqs.clear();
    this.#ahead.clear();
    return known;
  }

  next({ key }: Channel): number {
    return (this.#seqs.get(toHex(key)) ?? 0) + 1;
  }

  /** The relay goes on at `oldest`: it has nothing before, or nothing of what was asked for. */
  move({ key }: Channel, oldest: number): void {
    const id = toHex(key);
    this.#seqs.set(id, Math.max(0, oldest - 1));
    this.#ahead.delete(id);
  }

  /** The change that says what was dealt with: everything up to the first seq that was left out. */
  advance({ key }: Channel, seq: number): Change {
    const id = toHex(key);
    const ahead = this.#ahead.get(id) ?? new Set();
    let last = this.#seqs.get(id) ?? 0;
    if (seq > last) ahead.add(seq);
    while (ahead.delete(last + 1)) last++;
    this.#seqs.set(id, last);
    if (ahead.size > 0) this.#ahead.set(id, ahead);
    else this.#ahead.delete(id);
    return { put: 'position', row: { channel: key, store_id: this.#storeId, seq: last } };
  }
}
