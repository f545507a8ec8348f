import type { Head } from './records.js';
import type { Change } from './schema.js';

/** A record behind the head. */
export interface FoundRecord {
  readonly data: Uint8Array;
  readonly changes: readonly Change[];
}

/** A journal as it was read. */
export interface FoundJournal {
  /** Undefined if there is no whole record. */
  readonly head: Head | undefined;
  readonly records: readonly FoundRecord[];
  /** There was more that can't be read. */
  readonly damaged: boolean;
}

export interface JournalPart {
  readonly number: number;
  readonly head: Head;
  readonly records: readonly FoundRecord[];
}

/**
 * The parts of the journals that count, ascending, from the image of a number (0: from the start) to the newest or
 * to the first damage; `whole` if nothing is missing. A map in ascending order.
 */
export function chainFrom(
  image: number,
  journals: ReadonlyMap<number, FoundJournal>,
): { parts: JournalPart[]; whole: boolean } {
  // One without a whole record was never used: its owner crashed while creating it.
  const used = [...journals].flatMap(([number, { head, damaged }]) => (head || damaged ? [number] : []));
  const chain: { number: number; limit: number }[] = [];
  // Back from the newest: each head names the journal before it, and how many of its records count.
  let number = used.at(-1) ?? 0;
  let limit = Infinity;
  while (number > 0) {
    chain.unshift({ number, limit });
    if (number <= image) break;
    const before = used.findLast((other) => other < number) ?? 0;
    ({ previous: number, count: limit } = journals.get(number)?.head ?? {
      previous: before,
      count: Infinity,
    });
  }
  const parts: JournalPart[] = [];
  if (number !== image || chain.length === 0) return { parts, whole: false };
  for (const { number, limit } of chain) {
    const { head, records = [], damaged } = journals.get(number) ?? {};
    if (!head) return { parts, whole: false };
    parts.push({ number, head, records: records.slice(0, limit - 1) });
    if (limit === Infinity ? damaged : records.length < limit - 1) return { parts, whole: false };
  }
  return { parts, whole: true };
}
