/** Milliseconds, of any origin. */
export type Clock = () => number;

/** Lets through `burst` at once and `rate` a second on average; a rate of 0 lets everything through. */
export class TokenBucket {
  #tokens: number;
  #at: number;

  constructor(
    private readonly rate: number,
    private readonly burst: number,
    private readonly clock: Clock,
  ) {
    this.#tokens = burst;
    this.#at = clock();
  }

  /** Takes a token: 0, or without one the milliseconds until there is one. */
  take(): number {
    if (this.rate === 0) return 0;
    this.#refill();
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.rate) * 1000);
    this.#tokens--;
    return 0;
  }

  /** Whether forgetting it would change nothing. */
  get full(): boolean {
    this.#refill();
    return this.#tokens === this.burst;
  }

  #refill(): void {
    const now = this.clock();
    this.#tokens = Math.min(this.burst, this.#tokens + (Math.max(0, now - this.#at) / 1000) * this.rate);
    this.#at = now;
  }
}
