import { uintBytes } from '../../src/crypto/bytes.js';
import type { ParticipantStore } from '../../src/store/participantStore.js';
import type { Change, HistoryEntry } from '../../src/store/schema.js';

export const storageKey = new Uint8Array(32).fill(7);
export const chat = new Uint8Array(16).fill(1);

export const entry = (n: number): HistoryEntry => ({
  chat,
  position: n,
  id: uintBytes(n, 8),
  sender: new Uint8Array(32).fill(2),
  epoch: 1,
  sqn: n,
  kind: 'text',
  time: 1_700_000_000_000 + n,
  received: 1_700_000_000_500 + n,
  text: `message ${n}`,
});

/** What the arrival of message n changes: one row more, one row changed, one entry of history. */
export const message = (n: number): Change[] => [
  { put: 'token', row: { hash: uintBytes(n, 2), expires: n } },
  { put: 'meta', row: { key: 'last', value: uintBytes(n, 2) } },
  { history: entry(n) },
];

/** The messages that the store and its history hold, each in order; throws if the tables contradict each other. */
export async function messagesIn(store: ParticipantStore): Promise<{ replay: number[]; history: number[] }> {
  const replay = store.all('token').map(({ expires }) => expires);
  const [last] = store.all('meta', { key: 'last' });
  const newest = last ? Buffer.from(last.value).readUInt16BE() : 0;
  if (newest !== (replay.at(-1) ?? 0)) throw new Error(`the last message is ${newest} of ${replay.join()}`);
  const { entries } = await store.history.page(chat, undefined, 10_000);
  return { replay, history: entries.map(({ position }) => position) };
}

export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
