import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { workerHistory } from '../../../src/store/historyPort.js';
import { ParticipantStore, type StoreOptions } from '../../../src/store/participantStore.js';
import {
  chat,
  entry,
  message,
  messagesIn,
  newFolder,
  openStore,
  storageKey,
  upTo,
} from '../../helpers/stores.js';

/** A page of this size makes the worker end. */
const DEADLY = 666;
const banner = `require('worker_threads').parentPort.on('message', ({ values }) => values[2] === ${DEADLY} && process.exit(3));`;

let built: string;
beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'worker-'));
  await build({
    entryPoints: ['src/store/historyWorker.ts'],
    outdir: built,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    banner: { js: banner },
  });
});
afterAll(() => rm(built, { recursive: true }));

const open = (dir: string, options: Partial<StoreOptions> = {}) =>
  openStore(dir, { startHistory: workerHistory(join(built, 'historyWorker.js')), ...options });

async function newParticipant(): Promise<string> {
  const dir = await newFolder();
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1));
  return dir;
}

describe('history worker', () => {
  it('keeps the history and writes both images', async () => {
    const dir = await newParticipant();
    const store = await open(dir, { checkpointEvery: 20 });
    for (let n = 2; n <= 90; n++) await store.commit(message(n));
    expect(await messagesIn(store)).toEqual({ replay: upTo(90), history: upTo(90) });
    expect(await store.history.page(chat, 50, 2)).toEqual({ entries: [entry(48), entry(49)], older: true });
    await store.close();
    const again = await open(dir);
    expect(await messagesIn(again)).toEqual({ replay: upTo(90), history: upTo(90) });
    await again.close();
  });

  it('that dies says so, and nothing is lost', async () => {
    const dir = await newParticipant();
    const store = await open(dir, { checkpointEvery: 5 });
    await store.commit(message(2));
    await expect(store.history.page(chat, undefined, DEADLY)).rejects.toMatchObject({
      code: 'history-stopped',
    });
    for (let n = 3; n <= 30; n++) await store.commit(message(n));
    await expect(store.checkpoint()).rejects.toMatchObject({ code: 'history-stopped' });
    await expect(store.history.page(chat, undefined, 10)).rejects.toMatchObject({ code: 'history-stopped' });
    expect((await readdir(dir)).filter((name) => name.endsWith('.db'))).toEqual([]);
    await store.close();
    const again = await open(dir);
    expect(again.condition).toBe('clean');
    expect(await messagesIn(again)).toEqual({ replay: upTo(30), history: upTo(30) });
    await again.close();
  });

  it('that is not there is an error of opening', async () => {
    const dir = await newParticipant();
    const startHistory = workerHistory(join(built, 'missing.js'));
    await expect(openStore(dir, { startHistory })).rejects.toMatchObject({ code: 'history-stopped' });
    const again = await open(dir);
    expect(await messagesIn(again)).toEqual({ replay: [1], history: [1] });
    await again.close();
  });

  it("passes the disk's errors on", async () => {
    const dir = await newParticipant();
    const store = await open(dir);
    await rm(dir, { recursive: true });
    await expect(store.checkpoint()).rejects.toThrow(/ENOENT/);
    await store.close();
  });
});
