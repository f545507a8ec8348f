const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

interface Limit {
  readonly option: string;
  /** In the option's unit; `unit` of them are bytes, milliseconds or a plain number. */
  readonly default: number;
  readonly unit: number;
  readonly help: string;
  readonly min: number;
}
const limit = (option: string, value: number, unit: number, help: string, min = 1): Limit => ({
  option,
  default: value,
  unit,
  help,
  min,
});

/** What bounds the relay, each with its command line option. */
export const LIMITS = {
  storeBytes: limit('store-limit', 1024, MIB, 'MiB kept in all, bookkeeping included; more is refused'),
  retention: limit('retention-days', 14, DAY, 'days that an envelope is kept'),
  retainedItems: limit('retention-items', 10_000, 1, 'envelopes kept in a group channel'),
  unread: limit('inbox-unread', 100, 1, 'unread envelopes of one sender in one inbox; more are refused'),
  remember: limit('idempotency-minutes', 10, MINUTE, 'minutes in which publishing again stores nothing'),
  channels: limit('channels', 128, 1, 'channels of one connection'),
  rate: limit('rate', 20, 1, 'PUB or MPUB frames a second and connection, on average; 0 = no limit', 0),
  burst: limit('burst', 100, 1, 'PUB or MPUB frames of a connection at once'),
  connections: limit(
    'connections',
    100,
    1,
    'new connections a minute and address; 0 = no limit; loopback is exempt',
    0,
  ),
  login: limit('login-seconds', 10, SECOND, 'seconds a connection has to log in'),
  ping: limit('ping-seconds', 25, SECOND, 'seconds of silence before a ping'),
  pong: limit('pong-seconds', 8, SECOND, 'seconds to answer it'),
  credit: limit('credit', 1024, 1, 'items a subscription may be ahead of RECEIVED'),
  queuePause: limit('queue-pause', 1024, KIB, 'KiB queued for a reader at which delivery to it pauses'),
  queueLimit: limit('queue-limit', 8192, KIB, 'KiB queued for a reader at which it is too slow'),
  stall: limit('stall-seconds', 30, SECOND, 'seconds without a byte taken after which a reader is too slow'),
} as const satisfies Record<string, Limit>;

/** Sizes in bytes, times in ms. */
export type Limits = { readonly [K in keyof typeof LIMITS]: number };

export const limitsFrom = (value: (limit: Limit) => number): Limits =>
  Object.fromEntries(
    Object.entries(LIMITS).map(([name, limit]) => [name, value(limit) * limit.unit]),
  ) as Limits;

export const DEFAULT_LIMITS = limitsFrom((limit) => limit.default);
