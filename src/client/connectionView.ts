import type { ConnectionView } from '../shared/view.js';
import type { ConnectionState } from './connectionState.js';

/** The connection in words. */
export function connectionView(state: ConnectionState): ConnectionView {
  switch (state.name) {
    case 'online':
      return { state: 'online', detail: `Connected to ${state.url}.` };
    case 'dialling':
    case 'logging-in':
      return { state: 'connecting', detail: `Connecting to ${state.url}…` };
    case 'waiting':
      return {
        state: 'offline',
        detail: `${state.reason} Messages are kept and sent when the relay is there.`,
      };
    case 'displaced':
      return { state: 'offline', detail: 'This participant is connected from another place.' };
    case 'idle':
    case 'stopped':
      return { state: 'offline', detail: 'Not connected.' };
  }
}
