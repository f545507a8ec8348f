/** The connection to the relay as a pure reducer: what happened gives the next state. */
export type ConnectionState =
  | { readonly name: 'idle' }
  | { readonly name: 'dialling'; readonly url: string; readonly failures: number }
  | { readonly name: 'logging-in'; readonly url: string; readonly failures: number }
  | { readonly name: 'online'; readonly url: string }
  /** The next attempt is due in `delay` ms. */
  | { readonly name: 'waiting'; readonly reason: string; readonly failures: number; readonly delay: number }
  /** For good: the session is over. */
  | { readonly name: 'stopped' }
  /** Another login of this participant took over: it does not dial by itself again. */
  | { readonly name: 'displaced' };

export type ConnectionEvent =
  | { readonly type: 'dial'; readonly url: string }
  | { readonly type: 'opened' }
  | { readonly type: 'ready' }
  /** `random` in [0, 1) spreads the attempts of many. */
  | { readonly type: 'failed'; readonly reason: string; readonly random: number }
  | { readonly type: 'displaced' }
  | { readonly type: 'stop' };

const FIRST_DELAY = 250;
const MAX_DELAY = 10_000;

/** Delay before attempt `failures` + 1, ms: doubling from 250 ms to 10 s, then 50 to 100 % of it. */
export const retryDelay = (failures: number, random: number): number =>
  Math.round(Math.min(MAX_DELAY, FIRST_DELAY * 2 ** Math.min(failures, 16)) * (0.5 + random / 2));

export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const failures = 'failures' in state ? state.failures : 0;
  switch (event.type) {
    case 'stop':
      return { name: 'stopped' };
    case 'displaced':
      return { name: 'displaced' };
    case 'dial':
      return { name: 'dialling', url: event.url, failures };
    case 'opened':
      return state.name === 'dialling' ? { ...state, name: 'logging-in' } : state;
    case 'ready':
      return state.name === 'logging-in' ? { name: 'online', url: state.url } : state;
    case 'failed':
      if (state.name === 'stopped' || state.name === 'displaced') return state;
      return {
        name: 'waiting',
        reason: event.reason,
        failures: failures + 1,
        delay: retryDelay(failures, event.random),
      };
  }
}
