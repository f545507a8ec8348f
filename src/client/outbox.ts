import { equal, toHex } from '../crypto/bytes.js';
import { IDEMPOTENCY_BYTES } from '../protocol/wire.js';
import type { Work } from '../protocol/work.js';
import type { Change, Tables } from '../store/schema.js';
import { TokenBucket } from '../shared/tokenBucket.js';
import { PublishError, type ChannelAccess, type Connection } from './connection.js';
import type { Effects } from './effects.js';

type Row = Tables['outbox'];

/** Publications under way at once: below the relay's burst, so that order holds and nothing is refused. */
const WINDOW = 16;
/** What the relay refused goes again after this long, ms, doubled each time. */
const RETRY = 1_000;
const RETRY_AT_MOST = 5 * 60 * 1000;
/** Of the relay's rate and burst; the rest is for receipts. Order holds because nothing is refused. */
const SHARE = 0.75;
/** Rows that are read before something else may be done. */
const LOADED_AT_ONCE = 128;
/** Envelopes are kept at most this long, ms. */
const KEPT = 14 * 24 * 60 * 60 * 1000;

/**
 * What an envelope waits for. `earlier`: all earlier ones of its chat are at the relay. `trusted`: nothing speaks against
 * the key of who gets it. `won`: that, and the commit it belongs to is the chat's newest epoch or one before.
 */
export const BARRIER = { none: 0, earlier: 1, won: 2, trusted: 3 } as const;

/** What one envelope is for: a message by its SQN, or 0. */
export interface OutboxItem {
  readonly access: ChannelAccess;
  readonly envelope: Uint8Array;
  readonly chat: Uint8Array;
  readonly epoch: number;
  readonly sqn: number;
  /** Of a message: its payload, and its place in the history. */
  readonly payload?: Uint8Array;
  readonly shown?: number;
  /** What has to be so first: BARRIER. */
  readonly barrier?: number;
}

/**
 * Envelopes that were stored before their first byte leaves. Retries and restarts send the same bytes in the same
 * order; they are kept until everyone has them, for a relay that loses its store.
 */
export class Outbox {
  /** In order of position; so are those of them that the relay does not have. */
  #rows: Row[] = [];
  #waiting = new Set<Row>();
  readonly #relayed = new Set<string>();
  readonly #inFlight = new Set<string>();
  /** Made, and not yet in the store. */
  readonly #unstored = new Set<string>();
  /** How often a row was refused, and when it may go again, ms. */
  readonly #refused = new Map<string, { readonly times: number; readonly until: number }>();
  /** Channels where the relay refused the last one: what is for these waits until nothing else does. */
  readonly #refusing = new Set<string>();
  #nextPump = Infinity;
  #bucket: TokenBucket | undefined;
  #lastPosition = 0;
  #cancelRetry: () => void = () => undefined;

  constructor(
    private readonly effects: Effects,
    private readonly connection: Connection,
    private readonly hooks: {
      /** Whether this envelope's channel was read to its end on this connection, and what else it waits for is so. */
      mayPublish(row: Row): boolean;
      relayed(row: Row, change: Change): void;
      refused(row: Row, error: PublishError): void;
    },
  ) {}

  /** Takes what is stored, before anything else is done. */
  *load(rows: Iterable<Row>, relayed: Iterable<Tables['relayed']>): Work<void> {
    for (const { id } of relayed) if (this.#relayed.add(toHex(id)).size % LOADED_AT_ONCE === 0) yield;
    for (const row of rows) if (this.#rows.push(row) % LOADED_AT_ONCE === 0) yield;
    this.#rows.sort((a, b) => a.position - b.position);
    this.#lastPosition = this.#rows.at(-1)?.position ?? 0;
    this.#waiting = this.#unrelayed();
  }

  #unrelayed(): Set<Row> {
    return new Set(this.#rows.filter(({ id }) => !this.#relayed.has(toHex(id))));
  }

  /** The row of a new envelope, to be stored; release() follows once it is, or discard(). */
  make({ access, envelope, chat, epoch, sqn, payload, shown = 0, barrier = 0 }: OutboxItem): Row {
    const row = {
      id: this.effects.random(IDEMPOTENCY_BYTES),
      position: ++this.#lastPosition,
      channel_kind: access.channel.kind,
      channel_key: access.channel.key,
      channel_seed: access.seed ?? new Uint8Array(0),
      envelope,
      chat,
      epoch,
      sqn,
      payload: payload ?? new Uint8Array(0),
      shown,
      barrier,
      created: this.effects.clock.now(),
    };
    this.#rows.push(row);
    this.#waiting.add(row);
    this.#unstored.add(toHex(row.id));
    return row;
  }

  /** These rows are stored: their bytes may leave. */
  release(...rows: readonly Row[]): void {
    for (const { id } of rows) this.#unstored.delete(toHex(id));
    this.pump();
  }

  /** What the relay does not have. */
  unsent(): Row[] {
    return [...this.#waiting];
  }

  ofChat(chat: Uint8Array): Row[] {
    return this.#rows.filter((row) => equal(row.chat, chat));
  }

  /** This message was sealed again: what is kept is for those who ask for this envelope. */
  keepSealed(row: Row): Change[] {
    row.payload = new Uint8Array(0);
    return [{ put: 'outbox', row }];
  }

  /** Forgets an envelope, sent or not. */
  discard(row: Row): Change[] {
    const id = toHex(row.id);
    this.#rows = this.#rows.filter((each) => each !== row);
    this.#waiting.delete(row);
    this.#refused.delete(id);
    this.#unstored.delete(id);
    return [
      { drop: 'outbox', key: [row.id] },
      ...(this.#relayed.delete(id) ? [{ drop: 'relayed', key: [row.id] } as const] : []),
    ];
  }

  /** Whether the relay has this message, or for 0 this commit; what is no longer kept here was relayed. */
  isRelayed(chat: Uint8Array, epoch: number, sqn: number): boolean {
    const rows = this.#rows.filter((row) => row.epoch === epoch && row.sqn === sqn && equal(row.chat, chat));
    return rows.every((row) => this.#relayed.has(toHex(row.id)) || row.barrier >= BARRIER.won);
  }

  /** The relay has another store than it had: what somebody still needs goes out again. */
  requeue(needed: (row: Row) => boolean): void {
    for (const row of this.#rows) if (needed(row)) this.#relayed.delete(toHex(row.id));
    this.#waiting = this.#unrelayed();
  }

  /** The relay's limits on publications: frames a second and at once. */
  pace(rate: number, burst: number): void {
    this.#bucket = new TokenBucket(rate * SHARE, Math.max(1, Math.floor(burst * SHARE)), () =>
      this.effects.clock.now(),
    );
  }

  /** Publishes what waits, in order, a window at a time; what is for channels where the relay refuses goes last. */
  pump(): void {
    if (this.connection.state.name !== 'online') return;
    const now = this.effects.clock.now();
    for (const refusing of this.#refusing.size > 0 ? [false, true] : [false])
      for (const row of this.#waiting) {
        if (this.#inFlight.size >= WINDOW) return;
        const id = toHex(row.id);
        if (this.#inFlight.has(id) || this.#unstored.has(id)) continue;
        if (this.#refusing.has(toHex(row.channel_key)) !== refusing) continue;
        const until = this.#refused.get(id)?.until ?? 0;
        if (until > now) {
          this.#pumpAfter(until - now);
          continue;
        }
        if (!this.hooks.mayPublish(row)) continue;
        if (row.barrier === BARRIER.earlier && this.#isBehind(row)) continue;
        const wait = this.#bucket?.take() ?? 0;
        if (wait > 0) return this.#pumpAfter(wait);
        this.#inFlight.add(id);
        void this.#publish(row, id);
      }
  }

  /** Whether something of this chat has to go first; what the relay refused, or what can't go, does not count. */
  #isBehind(row: Row): boolean {
    return [...this.#waiting].some(
      (each) =>
        each.position < row.position &&
        equal(each.chat, row.chat) &&
        !this.#refused.has(toHex(each.id)) &&
        this.hooks.mayPublish(each),
    );
  }

  async #publish(row: Row, id: string): Promise<void> {
    const channel = { kind: row.channel_kind, key: row.channel_key };
    const access = row.channel_seed.length > 0 ? { channel, seed: row.channel_seed } : { channel };
    const to = toHex(row.channel_key);
    try {
      await this.connection.publish(access, row.id, row.envelope);
      this.#inFlight.delete(id);
      this.#taken(to);
      this.confirm(row);
      this.pump();
    } catch (error) {
      this.#inFlight.delete(id);
      if (!(error instanceof PublishError) || error.code === 'offline') return;
      this.hooks.refused(row, error);
      this.#refusing.add(to);
      const { times } = this.#refused.get(id) ?? { times: 0 };
      const delay = Math.min(RETRY_AT_MOST, Math.max(RETRY * 2 ** times, error.retryAfter));
      this.#refused.set(id, { times: times + 1, until: this.effects.clock.now() + delay });
      this.pump();
    }
  }

  /** The relay takes something in this channel: all that it refused there may go again. */
  #taken(channel: string): void {
    if (!this.#refusing.delete(channel)) return;
    for (const { id, channel_key } of this.#waiting)
      if (toHex(channel_key) === channel) this.#refused.delete(toHex(id));
  }

  /** The earliest time counts. */
  #pumpAfter(delay: number): void {
    const { clock } = this.effects;
    if (this.#nextPump <= clock.now() + delay) return;
    this.#cancelRetry();
    this.#nextPump = clock.now() + delay;
    this.#cancelRetry = clock.after(delay, () => {
      this.#nextPump = Infinity;
      this.pump();
    });
  }

  /** The relay has stored this one: by ACK, or seen in its channel. */
  confirm(row: Row): void {
    if (!this.#waiting.delete(row)) return;
    this.#relayed.add(toHex(row.id));
    this.hooks.relayed(row, { put: 'relayed', row: { id: row.id, at: this.effects.clock.now() } });
  }

  find(chat: Uint8Array, epoch: number, sqn: number): Row | undefined {
    return this.#rows.find((r) => r.sqn === sqn && r.epoch === epoch && equal(r.chat, chat));
  }

  /** Forgets relayed envelopes that nobody needs any more, and all that are too old. */
  tidy(needed: (row: Row) => boolean): Change[] {
    const changes: Change[] = [];
    const oldest = this.effects.clock.now() - KEPT;
    this.#rows = this.#rows.filter((row) => {
      const id = toHex(row.id);
      if (row.created > oldest && (!this.#relayed.has(id) || needed(row))) return true;
      this.#relayed.delete(id);
      this.#waiting.delete(row);
      this.#refused.delete(id);
      changes.push({ drop: 'outbox', key: [row.id] }, { drop: 'relayed', key: [row.id] });
      return false;
    });
    return changes;
  }

  stop(): void {
    this.#cancelRetry();
  }
}
