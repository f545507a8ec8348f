import type { Random } from '../crypto/random.js';
import type { Hub } from './hub.js';
import type { Limits } from './limits.js';
import type { Log } from './log.js';
import type { Store } from './store.js';
import type { Ticker } from './ticker.js';
import type { Clock } from '../shared/tokenBucket.js';

/** What all connections of a relay share. */
export interface Context {
  readonly store: Store;
  readonly hub: Hub;
  readonly ticker: Ticker;
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
