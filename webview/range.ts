/** The part of the history that is in the document: [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Messages in the document at most: layout stays cheap however much has been loaded. */
export const RANGE_LIMIT = 240;
const STEP = 60;

export const rangeAtEnd = (length: number): Range => ({
  start: Math.max(0, length - RANGE_LIMIT / 2),
  end: length,
});

/** A range with room on both sides of `index`. */
export function rangeAround(index: number, length: number): Range {
  const start = Math.max(0, Math.min(index - RANGE_LIMIT / 4, length - RANGE_LIMIT / 2));
  return { start, end: Math.min(length, start + RANGE_LIMIT) };
}

/** Lets the end follow new messages as far as there is room: what is in sight stays in the document. */
export const widen = ({ start, end }: Range, length: number): Range => ({
  start,
  end: Math.max(end, Math.min(length, start + RANGE_LIMIT)),
});

export function growUp({ start, end }: Range): Range {
  const from = Math.max(0, start - STEP);
  return { start: from, end: Math.min(end, from + RANGE_LIMIT) };
}

export function growDown({ start, end }: Range, length: number): Range {
  const to = Math.min(length, end + STEP);
  return { start: Math.max(start, to - RANGE_LIMIT), end: to };
}
