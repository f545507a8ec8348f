import { encodeRelayFrame, packFrames, type Channel } from '../protocol/wire.js';
import { ChannelLog, itemCost, type Item } from './channelLog.js';
import { asKey, channelKey, fromKey, kindOf, type ChannelKey } from './keys.js';
import type { Limits } from './limits.js';
import type { StoreRecord } from './records.js';
import type { Clock } from '../shared/tokenBucket.js';

/** Made with a store, kept with it; 32 bytes each. */
export interface StoreIds {
  readonly relayId: Uint8Array;
  readonly storeId: Uint8Array;
}

/** Keeps what a store must not lose. */
export interface Keeper {
  /** Resolves when the record would survive a crash, in the order of the calls; never rejects. */
  append(record: StoreRecord): Promise<void>;
  /** Makes room if it holds much more than the `used` bytes that `snapshot`, read as it changes, would rebuild. */
  tidy(used: number, snapshot: Iterable<StoreRecord>): void;
}

/** Keeps nothing: the store ends with its process. */
export const memoryOnly: Keeper = { append: () => Promise.resolve(), tidy: () => undefined };

export interface Publication {
  readonly channel: Channel;
  /** The login's fingerprint, as a key. */
  readonly sender: string;
  readonly idempotencyKey: Uint8Array;
  readonly envelope: Uint8Array;
}

export interface Receipt {
  readonly seq: number;
  readonly duplicate: 0 | 1;
}
export interface Refusal {
  readonly refused: 'inbox-full' | 'store-full';
}

/** What a prekey takes beside its bytes, roughly. */
const PREKEY_OVERHEAD = 256;

/** Channels and prekeys, bounded. All of it is in memory; the keeper makes it last. */
export class Store {
  readonly #channels = new Map<ChannelKey, ChannelLog>();
  readonly #prekeys = new Map<string, Uint8Array>();
  readonly #usage = { bytes: 0 };
  #settled: Promise<void> = Promise.resolve();

  constructor(
    readonly ids: StoreIds,
    private readonly limits: Limits,
    private readonly clock: Clock,
    private readonly keeper: Keeper,
  ) {}

  /** Bytes held, bookkeeping included. */
  get used(): number {
    return this.#usage.bytes;
  }

  log(key: ChannelKey): ChannelLog | undefined {
    return this.#channels.get(key);
  }

  /** Resolves once the envelope is stored and may be handed out. */
  async put({ channel, sender, idempotencyKey, envelope }: Publication): Promise<Receipt | Refusal> {
    const key = channelKey(channel);
    const id = sender + asKey(idempotencyKey);
    const time = this.clock();
    let log = this.#channels.get(key);
    log?.forget(time - this.limits.remember);
    const known = log?.remembered(id);
    if (log !== undefined && known !== undefined) {
      if (known > log.last) await this.#settled;
      return { seq: known, duplicate: 1 };
    }
    if (channel.kind === 'inbox' && (log?.unread(sender) ?? 0) >= this.limits.unread)
      return { refused: 'inbox-full' };
    const seq = log?.next ?? 1;
    const packed = packFrames([encodeRelayFrame({ type: 'item', channel, seq, envelope })]);
    if (this.used + itemCost(packed) > this.limits.storeBytes) return { refused: 'store-full' };

    if (log === undefined) this.#channels.set(key, (log = new ChannelLog(channel.kind, this.#usage)));
    log.add({ packed, id, time });
    await this.#commit({ type: 'item', channel: fromKey(key), seq, id: fromKey(id), time, packed });
    log.last = Math.max(log.last, seq);
    if (log.next - log.first > this.limits.retainedItems * 1.1) this.#trim(log);
    return { seq, duplicate: 0 };
  }

  /** The reader has stored everything up to `seq`. */
  drop(key: ChannelKey, seq: number): void {
    const log = this.#channels.get(key);
    if (log !== undefined && log.drop(seq) > 0)
      void this.#commit({ type: 'dropped', channel: fromKey(key), upTo: log.first - 1 });
  }

  prekey(fingerprint: string): Uint8Array | undefined {
    return this.#prekeys.get(fingerprint);
  }

  /** Replaces the prekey of this fingerprint. False if the store is full. */
  putPrekey(fingerprint: string, prekey: Uint8Array): boolean {
    const more = prekey.length - (this.#prekeys.get(fingerprint)?.length ?? -PREKEY_OVERHEAD);
    if (more > 0 && this.used + more > this.limits.storeBytes) return false;
    this.#usage.bytes += more;
    this.#prekeys.set(fingerprint, prekey.slice());
    void this.#commit({ type: 'prekey', fingerprint: fromKey(fingerprint), prekey });
    return true;
  }

  /** Drops what is past its retention. To be called now and then. */
  sweep(): void {
    for (const log of this.#channels.values()) {
      log.forget(this.clock() - this.limits.remember);
      this.#trim(log);
    }
    this.keeper.tidy(this.used, this.snapshot());
  }

  restorePrekey(fingerprint: string, prekey: Uint8Array): void {
    this.#usage.bytes += prekey.length + PREKEY_OVERHEAD;
    this.#prekeys.set(fingerprint, prekey);
  }

  /** Takes over a channel: `gone` with their seqs up to `dropped`, and `items` from dropped + 1 on, all in order. */
  restore(
    key: ChannelKey,
    dropped: number,
    gone: readonly (readonly [seq: number, item: Item])[],
    items: readonly Item[],
  ): void {
    const log = new ChannelLog(kindOf(key), this.#usage, dropped);
    for (const [seq, { id, time }] of gone) log.remember(id, seq, time);
    for (const item of items) log.add(item);
    log.last = log.next - 1;
    this.#channels.set(key, log);
  }

  /**
   * Records that rebuild the store. May be consumed while it changes, if these changes are committed to where the
   * snapshot goes: replay takes records of one channel in any order.
   */
  *snapshot(): Generator<StoreRecord> {
    for (const [fingerprint, prekey] of this.#prekeys)
      yield { type: 'prekey', fingerprint: fromKey(fingerprint), prekey };
    for (const [key, log] of this.#channels) {
      const channel = fromKey(key);
      for (let seq = log.first; seq < log.next; seq = Math.max(seq + 1, log.first)) {
        const { packed, id, time } = log.item(seq) as Item;
        yield { type: 'item', channel, seq, id: fromKey(id), time, packed };
      }
      for (const { id, seq, time } of log.rememberedOnly())
        yield { type: 'item', channel, seq, id: fromKey(id), time, packed: new Uint8Array(0) };
      yield { type: 'dropped', channel, upTo: log.first - 1 };
    }
  }

  /** Resolves when all that was put is stored. */
  async flush(): Promise<void> {
    await this.#settled;
  }

  #commit(record: StoreRecord): Promise<void> {
    return (this.#settled = this.keeper.append(record));
  }

  #trim(log: ChannelLog): void {
    const count = log.kind === 'group' ? this.limits.retainedItems : Infinity;
    log.trim(this.clock() - this.limits.retention, count);
  }
}
