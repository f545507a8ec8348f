import { randomBytes } from 'node:crypto';

/** A source of cryptographically secure random bytes; a parameter everywhere, so that tests can replay a run. */
export type Random = (length: number) => Uint8Array;

/** The operating system's generator. */
export const systemRandom: Random = (length) => new Uint8Array(randomBytes(length));
