import type { GoawayReason } from '../protocol/wire.js';
import type { ChannelKey } from './keys.js';
import type { Subscription } from './subscription.js';

/** A connection as the rest of the relay sees it. */
export interface Peer {
  /** Says why and closes. */
  goAway(reason: GoawayReason): void;
  /** Looks after deadlines; to be called about once a second. */
  tick(): void;
}

/** Where a subscription's items go. */
export interface Reader {
  /** There may be items for it. */
  wake(subscription: Subscription): void;
}

/** Who is connected, who is logged in, and who reads which channel. */
export class Hub {
  readonly peers = new Set<Peer>();
  readonly #logins = new Map<string, Peer>();
  readonly #readers = new Map<ChannelKey, Map<Subscription, Reader>>();

  /** Sends away the peer that had this login. */
  login(fingerprint: string, peer: Peer): void {
    this.#logins.get(fingerprint)?.goAway('logged-in-elsewhere');
    this.#logins.set(fingerprint, peer);
  }

  logout(fingerprint: string, peer: Peer): void {
    if (this.#logins.get(fingerprint) === peer) this.#logins.delete(fingerprint);
  }

  subscribe(subscription: Subscription, reader: Reader): void {
    const readers = this.#readers.get(subscription.key) ?? new Map<Subscription, Reader>();
    this.#readers.set(subscription.key, readers.set(subscription, reader));
    reader.wake(subscription);
  }

  unsubscribe(subscription: Subscription): void {
    const readers = this.#readers.get(subscription.key);
    readers?.delete(subscription);
    if (readers?.size === 0) this.#readers.delete(subscription.key);
  }

  /** The channel has something new. */
  wake(key: ChannelKey): void {
    this.#readers.get(key)?.forEach((reader, subscription) => reader.wake(subscription));
  }
}
