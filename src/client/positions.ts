import { equal, toHex } from '../crypto/bytes.js';
import type { Channel } from '../protocol/wire.js';
import type { Change, Tables } from '../store/schema.js';

/** How far each channel was read, under the relay's present store. */
export class Positions {
  readonly #seqs = new Map<string, number>();
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
    return known;
  }

  next({ key }: Channel): number {
    return (this.#seqs.get(toHex(key)) ?? 0) + 1;
  }

  /** The change that says everything up to seq was dealt with. */
  advance({ key }: Channel, seq: number): Change {
    const highest = Math.max(seq, this.#seqs.get(toHex(key)) ?? 0);
    this.#seqs.set(toHex(key), highest);
    return { put: 'position', row: { channel: key, store_id: this.#storeId, seq: highest } };
  }
}
