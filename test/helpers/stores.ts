import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { inlineHistory } from '../../src/store/historyPort.js';
import { ParticipantStore, type StoreOptions } from '../../src/store/participantStore.js';
import { storageKey } from './messages.js';

export * from './messages.js';

export const wasmPath = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');
const wasm = readFile(wasmPath).then((bytes) => new Uint8Array(bytes));

/** A folder that is gone when the test has ended. */
export async function newFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'store-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export const openStore = async (
  dir: string,
  options: Partial<StoreOptions> = {},
): Promise<ParticipantStore> =>
  ParticipantStore.open({
    dir,
    storageKey,
    wasm: await wasm,
    random: systemRandom,
    startHistory: inlineHistory,
    ...options,
  });
