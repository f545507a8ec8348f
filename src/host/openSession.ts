import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChatClient } from '../client/chatClient.js';
import { systemClock, type Effects, type Log } from '../client/effects.js';
import type { ClientSettings } from '../client/session.js';
import { dialWebSocket } from '../client/webSocket.js';
import { systemRandom } from '../crypto/random.js';
import type { Card } from '../protocol/card.js';
import type { Identity } from '../protocol/identity.js';
import { ParticipantStore, type StoreOptions } from '../store/participantStore.js';
import { workerHistory } from '../store/historyPort.js';
import { keyProgress } from './keyProgress.js';
import type { LocalParticipant } from './participants.js';
import { wrapInThreads } from './tokenThreads.js';

export interface OpenSession {
  readonly participant: LocalParticipant;
  readonly identity: Identity;
  readonly takeOver: boolean;
  readonly distFolder: string;
  readonly localCards: readonly Card[];
  readonly relayAddress: Effects['relayAddress'];
  readonly settings: ClientSettings;
  readonly guard: NonNullable<StoreOptions['guard']>;
  readonly log: Log;
}

/** Wires a session to this process: files, worker, sockets, clock. Loaded when first needed. */
export async function openSession(options: OpenSession): Promise<ChatClient> {
  const { participant, identity, takeOver, distFolder, localCards, relayAddress, settings, guard, log } =
    options;
  let client: ChatClient | undefined;
  const store = await ParticipantStore.open({
    dir: participant.dir,
    storageKey: identity.storageKey,
    wasm: new Uint8Array(await readFile(join(distFolder, 'sql-wasm.wasm'))),
    random: systemRandom,
    takeOver,
    onReplaced: () => client?.replaced(),
    startHistory: workerHistory(join(distFolder, 'historyWorker.js')),
    guard,
  });
  const effects = {
    clock: systemClock,
    random: systemRandom,
    dial: dialWebSocket,
    wrap: wrapInThreads(join(distFolder, 'tokenWorker.js'), keyProgress),
    relayAddress,
    log,
  };
  try {
    client = await ChatClient.open({ identity, store, effects, settings, localCards });
    return client;
  } catch (error) {
    await store.close();
    throw error;
  }
}
