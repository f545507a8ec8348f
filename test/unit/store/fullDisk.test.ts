import { execFileSync } from 'node:child_process';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { nodeFiles, type Files } from '../../../src/store/files.js';
import { ParticipantStore } from '../../../src/store/participantStore.js';
import type { Change } from '../../../src/store/schema.js';
import { faultyFiles } from '../../helpers/faultyFiles.js';
import { message, messagesIn, newFolder, openStore, storageKey, upTo } from '../../helpers/stores.js';

/** A file system of 1 MiB, or undefined where that isn't allowed. */
async function tinyDisk(): Promise<string | undefined> {
  const dir = await newFolder();
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('/bin/umount', ['--lazy', dir]));
  return dir;
}

const large = (n: number): Change[] => [
  ...message(n),
  { put: 'meta', row: { key: `${n % 3}`, value: new Uint8Array(40_000) } },
];

async function newParticipant(dir: string): Promise<string> {
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1));
  return dir;
}

describe('a disk', () => {
  it('that is full ends the store with everything acknowledged in it', async (context) => {
    const disk = await tinyDisk();
    if (disk === undefined) return context.skip();
    const dir = await newParticipant(disk);
    const store = await openStore(dir, { checkpointEvery: 7 });
    const other = join(dir, 'other');
    let n = 1;
    try {
      for (;;) {
        await store.commit(large(n + 1));
        n++;
        // Others fill the disk too.
        await appendFile(other, new Uint8Array(20_000)).catch(() => undefined);
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'disk-full' });
    }
    expect(n).toBeGreaterThan(5);
    expect(await messagesIn(store)).toEqual({ replay: upTo(n), history: upTo(n) });
    await expect(store.commit(message(99))).rejects.toMatchObject({ code: 'disk-full' });
    await store.close();

    await expect(appendFile(other, new Uint8Array(1 << 20))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'disk-full' });
    await rm(other);
    const again = await openStore(dir);
    expect(again.condition).toBe('clean');
    // The message that failed may be there: nobody was told that it isn't.
    const { replay } = await messagesIn(again);
    expect([n, n + 1]).toContain(replay.length);
    expect(replay).toEqual(upTo(replay.length));
    await again.commit(message(replay.length + 1));
    await again.close();
  });

  const failing = (
    code: string,
    when: (name: string, path: string) => boolean,
  ): { files: Files; on: boolean } => {
    const fault = { on: false, files: nodeFiles };
    fault.files = faultyFiles(nodeFiles, (name, [path]) =>
      fault.on && when(name, String(path)) ? Object.assign(new Error(code), { code }) : undefined,
    );
    return fault;
  };

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'read-only'],
    ['EACCES', 'read-only'],
  ])('that says %s is explained, and a checkpoint that fails costs nothing', async (code, expected) => {
    const dir = await newParticipant(await newFolder());
    const fault = failing(code, (name) => name === 'open');
    const store = await openStore(dir, { files: fault.files, checkpointEvery: 2 });
    fault.on = true;
    await expect(store.checkpoint()).rejects.toMatchObject({ code: expected });
    for (let n = 2; n <= 9; n++) await store.commit(message(n));
    await expect(openStore(dir, { files: fault.files, takeOver: true })).rejects.toMatchObject({
      code: expected,
    });
    fault.on = false;
    await store.close();
    const again = await openStore(dir);
    expect(await messagesIn(again)).toEqual({ replay: upTo(9), history: upTo(9) });
    await again.close();
  });

  it('that fails to close files costs nothing', async () => {
    const dir = await newParticipant(await newFolder());
    const fault = failing('EIO', (name) => name === 'handle.close');
    const store = await openStore(dir, { files: fault.files });
    fault.on = true;
    await store.commit(message(2));
    await expect(store.checkpoint()).rejects.toMatchObject({ code: 'EIO' });
    await Promise.all([3, 4, 5].map((n) => store.commit(message(n))));
    await expect(store.checkpoint()).rejects.toMatchObject({ code: 'EIO' });
    await store.commit(message(6));
    await store.close();
    const again = await openStore(dir);
    expect(again.condition).toBe('clean');
    expect(await messagesIn(again)).toEqual({ replay: upTo(6), history: upTo(6) });
    await again.close();
  });

  it.each(['commit', 'checkpoint'])(
    'that fails a sync in a %s ends the store, and it opens again',
    async (what) => {
      const dir = await newParticipant(await newFolder());
      const fault = failing('EIO', (name) => name === 'handle.datasync');
      const store = await openStore(dir, { files: fault.files });
      await store.commit(message(2));
      fault.on = true;
      const failed = what === 'commit' ? store.commit(message(3)) : store.checkpoint();
      await expect(failed).rejects.toMatchObject({ code: 'EIO' });
      fault.on = false;
      await expect(store.commit(message(3))).rejects.toMatchObject({ code: 'EIO' });
      await expect(store.checkpoint()).rejects.toMatchObject({ code: 'EIO' });
      expect(await messagesIn(store)).toEqual({ replay: upTo(2), history: upTo(2) });
      await store.close();
      const again = await openStore(dir);
      expect(again.condition).toBe('clean');
      expect((await messagesIn(again)).replay.length).toBeGreaterThanOrEqual(2);
      await again.close();
    },
  );
});
