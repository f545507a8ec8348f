import { toHex } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import type { KeyObject } from '../crypto/rsa.js';
import { newPrekey, type OwnPrekey } from '../protocol/identity.js';
import type { Change, Tables } from '../store/schema.js';

const DAY = 24 * 60 * 60 * 1000;
/** A private half is deleted this long after its use, or after a newer prekey took its place. */
const KEPT_AFTER_USE = DAY;
const KEPT_AFTER_REPLACEMENT = 7 * DAY;

type Row = Tables['prekey'];

/** A new prekey as it is kept. */
export const prekeyRow = ({ seed, signed, prekey: { id, time } }: OwnPrekey): Row => ({
  id,
  seed,
  signed,
  created: time,
  used: 0,
  replaced: 0,
});

/** My prekeys: renewed daily and after each use, old private halves deleted. */
export class Prekeys {
  readonly #rows: Map<string, Row>;

  constructor(
    private readonly signKey: KeyObject,
    private readonly random: Random,
    rows: readonly Row[],
  ) {
    this.#rows = new Map(rows.map((row) => [toHex(row.id), row]));
  }

  /** The secret seed, if it is mine and still kept. */
  seed(id: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(toHex(id))?.seed;
  }

  /** The signed prekey to publish. */
  newest(): Uint8Array {
    const newest = [...this.#rows.values()].reduce((a, b) => (b.created >= a.created ? b : a));
    return newest.signed;
  }

  markUsed(id: Uint8Array, now: number): Change[] {
    const row = this.#rows.get(toHex(id));
    return row ? this.#put({ ...row, used: row.used || now }) : [];
  }

  /** Makes a new one if the newest was used or is a day old, and deletes what has outlived its time. */
  tend(now: number): Change[] {
    const changes: Change[] = [];
    const rows = [...this.#rows.values()];
    if (!rows.some((row) => row.used === 0 && row.replaced === 0 && now - row.created < DAY)) {
      for (const row of rows) if (row.replaced === 0) changes.push(...this.#put({ ...row, replaced: now }));
      changes.push(...this.#put(prekeyRow(newPrekey(this.signKey, this.random, now))));
    }
    for (const row of rows) {
      const over =
        (row.used > 0 && now - row.used > KEPT_AFTER_USE) ||
        (row.replaced > 0 && now - row.replaced > KEPT_AFTER_REPLACEMENT);
      if (!over) continue;
      this.#rows.delete(toHex(row.id));
      changes.push({ drop: 'prekey', key: [row.id] });
    }
    return changes;
  }

  #put(row: Row): Change[] {
    this.#rows.set(toHex(row.id), row);
    return [{ put: 'prekey', row }];
  }
}
