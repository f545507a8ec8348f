/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly result: string;
  readonly against?: string;
  readonly ratio?: number;
  /** The ratio, or what `holds` says in words, that is aimed at. */
  readonly target?: string;
  readonly met?: boolean;
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Milliseconds of a clock that all processes of a machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Runs it; gives the milliseconds it took. */
export function time(work: () => unknown): number {
  const from = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - from) / 1e6;
}

export const ms = (value: number): string =>
  value < 1 ? `${(value * 1000).toFixed(0)} µs` : `${value.toFixed(value < 10 ? 2 : 0)} ms`;

/** Hands the figures to run.mjs. */
export function report(...figures: readonly Figure[]): void {
  if (process.send) process.send(figures);
  else console.table(figures);
}
