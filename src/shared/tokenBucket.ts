/** Milliseconds, of any origin. */
export type Clock = () => number;

/** Lets through `burst` at once and `rate` a second on average; a rate of 0 lets everything through. */
export class TokenBucket {
  readonly #interval: number;
  /** When it is full again. */
  #fullAt = 0;

  constructor(
    rate: number,
    private readonly burst: number,
    private readonly clock: Clock,
  ) {
    this.#interval = rate === 0 ? 0 : 1000 / rate;
  }

  /** Takes a token: 0, or without one the milliseconds until there is one. */
  take(): number {
    const now = this.clock();
    // Bounded above too: a clock that was set back doesn't lock anyone out.
    this.#fullAt = Math.min(Math.max(this.#fullAt, now), now + this.burst * this.#interval);
    const wait = this.#fullAt - now - (this.burst - 1) * this.#interval;
    if (wait > 0) return Math.ceil(wait);
    this.#fullAt += this.#interval;
    return 0;
  }

  /** Whether forgetting it would change nothing. */
  get full(): boolean {
    return this.#fullAt <= this.clock();
  }
}
