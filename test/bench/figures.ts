/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly result: string;
  /** What was measured beside it, and its figure. */
  readonly against?: string;
  readonly ratio?: number;
  readonly target?: string;
  readonly met?: boolean;
}

/** Hands figures to run.mjs, or prints them. */
export function report(...figures: readonly Figure[]): void {
  if (process.send) process.send(figures);
  else console.table(figures);
}

export const atMost = (value: number, limit: number, unit = '×'): Pick<Figure, 'target' | 'met'> => ({
  target: `≤ ${limit}${unit}`,
  met: value <= limit,
});

/** The value that this share of all values lies below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Milliseconds on a clock that all processes of a machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Milliseconds that the work takes. */
export function timed(work: () => void): number {
  const from = now();
  work();
  return now() - from;
}

export async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const from = now();
  await work();
  return now() - from;
}

/** Milliseconds of processor time, of all threads of this process. A busy machine disturbs it less than a clock. */
export async function processorTime(work: () => Promise<unknown>): Promise<number> {
  const from = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

/** Three digits and a unit. */
export function time(ms: number): string {
  const [value, unit] = ms < 1 ? [ms * 1000, 'µs'] : ms < 1000 ? [ms, 'ms'] : [ms / 1000, 's'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}
