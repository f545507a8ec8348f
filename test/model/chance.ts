import type { Random } from '../../src/crypto/random.js';

/** Everything that a run leaves to chance, from one seed (sfc32). */
export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e3779b9;
    this.#c = 0x243f6a88;
    for (let i = 0; i < 12; i++) this.#next();
  }

  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** In [0, 1). */
  share(): number {
    return this.#next() / 2 ** 32;
  }

  /** An integer from 0 to `below` − 1. */
  upTo(below: number): number {
    return Math.floor(this.share() * below);
  }

  /** True with this probability. */
  once(probability: number): boolean {
    return this.share() < probability;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.upTo(items.length)];
  }

  readonly bytes: Random = (length) => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.#next();
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  };
}
