import { systemClock, wrapHere, type Effects } from '../../src/client/effects.js';
import { dialWebSocket } from '../../src/client/webSocket.js';
import { systemRandom } from '../../src/crypto/random.js';

/** The world as it is, with the relay at this address and nothing logged. */
export const realEffects = (url: string): Effects => ({
  clock: systemClock,
  random: systemRandom,
  dial: dialWebSocket,
  wrap: wrapHere(systemRandom),
  relayAddress: () => Promise.resolve(url),
  log: () => undefined,
});
