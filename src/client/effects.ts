import type { Random } from '../crypto/random.js';
import { wrap, type WrapJob, type Wrapped } from '../protocol/invitation.js';

/** Everything a session does to the world comes in through here, so that tests can replay it. */

export interface Clock {
  /** ms since 1970, UTC. */
  now(): number;
  /** Runs `task` once after `ms`; the result cancels it. */
  after(ms: number, task: () => void): () => void;
}

/** One WebSocket, opened by a Dial. Handlers are set before anything arrives. */
export interface Socket {
  onMessage: (data: Uint8Array) => void;
  onClose: (reason: string) => void;
  /** The clock of what answered, ms UTC, if it told: to be compared, not to be trusted. */
  readonly date?: number;
  send(data: Uint8Array): void;
  close(): void;
}

/** Opens a binary WebSocket with the relay's subprotocol. Rejects with an Error whose message people can read. */
export type Dial = (url: string) => Promise<Socket>;

/** The public-key work of many tokens, in their order; in threads of its own where there are some. */
export type Wrap = (jobs: readonly WrapJob[]) => Promise<readonly (Wrapped | undefined)[]>;

/** In this thread, with a turn of the event loop after each. */
export const wrapHere =
  (random: Random): Wrap =>
  async (jobs) => {
    const wrapped: (Wrapped | undefined)[] = [];
    for (const job of jobs) {
      wrapped.push(wrap(job, random));
      await new Promise(setImmediate);
    }
    return wrapped;
  };

/** One line an event; never a secret, name or content. */
export type Log = (event: string) => void;

export interface Effects {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly wrap: Wrap;
  /** Where the relay is dialled, ws:// or wss://; undefined while none is known. Asked before each attempt. */
  readonly relayAddress: () => Promise<string | undefined>;
  readonly log: Log;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
