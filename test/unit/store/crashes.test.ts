import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import type { Files } from '../../../src/store/files.js';
import { ParticipantStore } from '../../../src/store/participantStore.js';
import { inlineHistory, type StartHistory } from '../../../src/store/historyPort.js';
import { crashingFiles, faultyFiles } from '../../helpers/faultyFiles.js';
import { MemoryDisk } from '../../helpers/memoryDisk.js';
import { message, messagesIn, openStore, storageKey, upTo } from '../../helpers/stores.js';

const dir = '/participant';

/** A participant with messages 1 to 5, the first four of them in images. */
async function prepared(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1), disk.files);
  const store = await openStore(dir, { files: disk.files });
  for (let n = 2; n <= 4; n++) await store.commit(message(n));
  await store.checkpoint();
  await store.commit(message(5));
  // Not closed: its process died.
  return disk;
}
const preparing = prepared();
const fresh = async () => (await preparing).copy();

/** Commits messages one after the other as far as it goes, and counts those that were acknowledged. */
async function commitFrom(store: ParticipantStore, first: number, last: number): Promise<number> {
  for (let n = first; n <= last; n++)
    try {
      await store.commit(message(n));
    } catch {
      return n - 1;
    }
  return last;
}

/** Opens what a crash left: everything acknowledged is there, nothing that was never sent, no hole; and it goes on from there. */
async function checkSurvivor(files: Files, acknowledged: number, sent: number): Promise<void> {
  const store = await openStore(dir, { files, takeOver: true });
  expect(store.condition).toBe('clean');
  const { replay, history } = await messagesIn(store);
  expect(replay.length).toBeGreaterThanOrEqual(acknowledged);
  expect(replay.length).toBeLessThanOrEqual(sent);
  expect(replay).toEqual(upTo(replay.length));
  expect(history).toEqual(replay);
  await store.commit(message(replay.length + 1));
  await store.close();
  const again = await openStore(dir, { files });
  expect(await messagesIn(again)).toEqual({
    replay: upTo(replay.length + 1),
    history: upTo(replay.length + 1),
  });
  await again.close();
}

const failures = {
  'a kill': (disk: MemoryDisk) => [disk],
  // Nothing or a part of what was not synced is there.
  'a power failure': (disk: MemoryDisk) => [0, 0.6].map((part) => disk.afterPowerFailure(() => part)),
};

describe.each(Object.entries(failures))('%s', { timeout: 120_000 }, (_name, leftBy) => {
  /** Runs `work` once for each operation on files that it makes, and lets it die there. */
  async function atEveryOperation(work: (disk: MemoryDisk, files: Files) => Promise<[number, number]>) {
    for (let at = 1; ; at++) {
      const disk = await fresh();
      const dying = crashingFiles(disk.files);
      dying.dieAt(at);
      const [acknowledged, sent] = await work(disk, dying.files);
      for (const left of leftBy(disk)) await checkSurvivor(left.files, acknowledged, sent);
      if (dying.calls.length < at) return at;
    }
  }

  it('at any operation of opening, committing, checkpoints and closing loses nothing', async () => {
    const operations = await atEveryOperation(async (_disk, files) => {
      const store = await openStore(dir, { files, takeOver: true }).catch(() => undefined);
      if (!store) return [5, 5];
      const checkpoint = store.checkpoint().catch(() => {});
      const reached = await commitFrom(store, 6, 9);
      await checkpoint;
      await store.checkpoint().catch(() => {});
      const acknowledged = reached === 9 ? await commitFrom(store, 10, 11) : reached;
      await store.close();
      return [acknowledged, Math.min(acknowledged + 1, 11)];
    });
    expect(operations).toBeGreaterThan(100);
  });

  it('of who takes over, at any operation, while the former owner goes on, loses nothing', async () => {
    const operations = await atEveryOperation(async (disk, files) => {
      const former = await openStore(dir, { files: disk.files, takeOver: true, checkpointEvery: 2 });
      const [reached, taken] = await Promise.all([
        commitFrom(former, 6, 12),
        openStore(dir, { files, takeOver: true }).catch(() => undefined),
      ]);
      const { replay = [] } = taken ? await messagesIn(taken) : {};
      let acknowledged = Math.max(reached, replay.length);
      if (taken) acknowledged = await commitFrom(taken, acknowledged + 1, acknowledged + 2);
      await Promise.all([former.close(), taken?.close()]);
      return [acknowledged, acknowledged + 1];
    });
    expect(operations).toBeGreaterThan(20);
  });

  it('at any operation of opening a damaged participant leaves it damaged, and what came before', async () => {
    for (let at = 1; ; at++) {
      const disk = await fresh();
      const store = await openStore(dir, { files: disk.files, takeOver: true });
      for (let n = 6; n <= 8; n++) await store.commit(message(n));
      // The record of message 6: behind the head and in front of two more.
      disk.damage(`${dir}/journal-00000004`, 200);
      const dying = crashingFiles(disk.files);
      dying.dieAt(at);
      await openStore(dir, { files: dying.files, takeOver: true }).catch(() => {});
      for (const left of leftBy(disk))
        for (let round = 0; round < 2; round++) {
          const again = await openStore(dir, { files: left.files, takeOver: true });
          expect(again.condition).toBe('damaged');
          expect(await messagesIn(again)).toEqual({ replay: upTo(5), history: upTo(5) });
          await again.close();
          expect((await left.files.readdir(dir)).filter((name) => name.endsWith('.damaged'))).not.toEqual([]);
        }
      if (dying.calls.length < at) return expect(at).toBeGreaterThan(20);
    }
  });
});

describe('taking over', () => {
  it('finds everything acknowledged, at whatever moment of the former owner', async () => {
    for (let at = 1; ; at++) {
      const disk = await fresh();
      const open = (files: Files) => openStore(dir, { files, takeOver: true });
      let calls = -Infinity;
      let taken: ParticipantStore | undefined;
      const files = faultyFiles(disk.files, async () => {
        if (++calls === at) taken = await open(disk.files);
        return undefined;
      });
      const former = await open(files);
      calls = 0;
      let acknowledged = await commitFrom(former, 6, 6);
      await former.checkpoint().catch(() => {});
      if (acknowledged === 6) acknowledged = await commitFrom(former, 7, 7);
      if (!taken) return expect(at).toBeGreaterThan(20);
      const { replay, history } = await messagesIn(taken);
      expect(replay).toEqual(upTo(Math.max(acknowledged, replay.length)));
      expect(history).toEqual(replay);
      await taken.commit(message(replay.length + 1));
      await checkSurvivor(disk.copy().files, replay.length + 1, replay.length + 1);
      await Promise.all([former.close(), taken.close()]);
    }
  });

  it('finds everything, at whatever moment the former owner completes a checkpoint', async () => {
    for (let at = 1; ; at++) {
      const disk = await fresh();
      const { startHistory, saving, goOn } = heldHistory();
      const former = await openStore(dir, { files: disk.files, takeOver: true, startHistory });
      await former.commit(message(6));
      const checkpoint = former.checkpoint();
      await saving;

      let calls = 0;
      const files = faultyFiles(disk.files, async () => {
        if (++calls !== at) return undefined;
        goOn();
        await checkpoint;
        return undefined;
      });
      const taken = await openStore(dir, { files, takeOver: true });
      expect(taken.condition).toBe('clean');
      expect(await messagesIn(taken)).toEqual({ replay: upTo(6), history: upTo(6) });
      await checkSurvivor(disk.copy().files, 6, 6);
      if (calls < at) return expect(at).toBeGreaterThan(20);
      await Promise.all([former.close(), taken.close()]);
    }
  });
});

/** A history that waits before it saves images. */
function heldHistory() {
  let goOn = () => {};
  let start = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const saving = new Promise<void>((resolve) => (start = resolve));
  const startHistory: StartHistory = async (options) => {
    const history = await inlineHistory(options);
    const save = history.save.bind(history);
    history.save = async (...values) => {
      start();
      await held;
      await save(...values);
    };
    return history;
  };
  return { startHistory, saving, goOn };
}
