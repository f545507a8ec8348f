import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { nodeFiles } from '../../../src/store/files.js';
import {
  listKeyFiles,
  replaceKeyFile,
  writeParticipants,
  type NewParticipant,
} from '../../../src/store/keyFiles.js';
import { Crash, crashingFiles, faultyFiles } from '../../helpers/faultyFiles.js';
import { message, messagesIn, newFolder, openStore, storageKey } from '../../helpers/stores.js';

const participant = (folderName: string): NewParticipant => ({
  folderName,
  keyFile: utf8(`key of ${folderName}`),
  storageKey,
  changes: message(1),
});
const two = [participant('a'), participant('b')];

const listed = async (root: string) =>
  (await listKeyFiles(root)).map(({ bytes }) => Buffer.from(bytes).toString()).sort();
const both = ['key of a', 'key of b'];

/** Makes the folders of new participants look as if their process had died. */
async function forgetProcess(root: string): Promise<void> {
  for (const name of await readdir(root))
    if (name.startsWith('.new-'))
      await writeFile(
        join(root, name, 'owner'),
        JSON.stringify({ pid: process.pid, host: hostname(), started: 0 }),
      ).catch(() => {});
}

describe('key files', () => {
  it('are written with a store that opens, for nobody else to read', async () => {
    const root = join(await newFolder(), 'deep', 'participants');
    expect(await listKeyFiles(root)).toEqual([]);
    expect(await writeParticipants(root, two, systemRandom)).toBe(true);
    expect(await listed(root)).toEqual(both);
    expect((await readdir(root)).sort()).toEqual(['a', 'b']);
    for (const path of ['a', 'a/identity.key', 'a/journal-00000001'])
      expect((await stat(join(root, path))).mode & 0o077).toBe(0);
    const store = await openStore(join(root, 'b'));
    expect(await messagesIn(store)).toEqual({ replay: [1], history: [1] });
    await store.close();
  });

  it('leave others alone: a folder of that name is not touched', async () => {
    const root = await newFolder();
    await writeParticipants(root, [participant('a')], systemRandom);
    await expect(writeParticipants(root, two, systemRandom)).rejects.toMatchObject({
      code: 'participant-exists',
    });
    expect(await readdir(root)).toEqual(['a']);
  });

  it('that cannot be read are reported', async () => {
    const root = await newFolder();
    await writeParticipants(root, two, systemRandom);
    for (const name of ['large', 'folder', 'circle', 'empty', '.hidden']) await mkdir(join(root, name));
    await writeFile(join(root, 'large', 'identity.key'), new Uint8Array(64 * 1024 + 1));
    await mkdir(join(root, 'folder', 'identity.key'));
    await symlink('identity.key', join(root, 'circle', 'identity.key'));
    await writeFile(join(root, '.hidden', 'identity.key'), 'x');
    await writeFile(join(root, 'a file'), 'x');
    const problems: string[] = [];
    const found = await listKeyFiles(root, (problem) => problems.push(problem));
    expect(found.map(({ dir }) => dir).sort()).toEqual([join(root, 'a'), join(root, 'b')]);
    expect(problems.map((problem) => /large|folder|circle/.exec(problem)?.[0]).sort()).toEqual([
      'circle',
      'folder',
      'large',
    ]);
  });

  it('are not written when cancelled, at any time', async () => {
    const root = await newFolder();
    expect(await writeParticipants(root, two, systemRandom, AbortSignal.abort())).toBe(false);
    const abort = new AbortController();
    const files = faultyFiles(nodeFiles, (name, [path]) => {
      if (name === 'open' && String(path).includes(join('b', 'identity.key'))) abort.abort();
      return undefined;
    });
    expect(await writeParticipants(root, two, systemRandom, abort.signal, files)).toBe(false);
    expect(await readdir(root)).toEqual([]);
  });

  it('are all there or none, whatever step a crash hits', async () => {
    const counted = crashingFiles(nodeFiles);
    await writeParticipants(await newFolder(), two, systemRandom, undefined, counted.files);
    const outcomes = new Set<number>();
    for (let at = 1; at <= counted.calls.length; at++) {
      const root = await newFolder();
      const dying = crashingFiles(nodeFiles);
      dying.dieAt(at);
      const written = await writeParticipants(root, two, systemRandom, undefined, dying.files).catch(
        () => false,
      );
      await forgetProcess(root);
      const found = await listed(root);
      if (written) expect(found).toHaveLength(2);
      outcomes.add(found.length);
      expect(found).toEqual(found.length === 0 ? [] : both);
      expect((await readdir(root)).filter((name) => !name.startsWith('.'))).toHaveLength(found.length);
    }
    expect([...outcomes]).toEqual([0, 2]);
  });

  it('say that the disk is full, and leave nothing', async () => {
    const root = await newFolder();
    for (const [code, expected] of [
      ['ENOSPC', 'disk-full'],
      ['EROFS', 'read-only'],
      ['EACCES', 'read-only'],
    ] as const) {
      const files = faultyFiles(nodeFiles, (name, [path]) =>
        name === 'open' && String(path).includes('journal')
          ? Object.assign(new Error(code), { code })
          : undefined,
      );
      await expect(writeParticipants(root, two, systemRandom, undefined, files)).rejects.toMatchObject({
        code: expected,
      });
      expect(await readdir(root)).toEqual([]);
    }
  });

  it('that were abandoned are removed, and those under way are not', async () => {
    const root = await newFolder();
    for (const name of ['.new-old', '.new-fresh', '.new-dead'])
      await mkdir(join(root, name, 'a'), { recursive: true });
    await writeFile(
      join(root, '.new-dead', 'owner'),
      JSON.stringify({ pid: process.pid, host: hostname(), started: 1 }),
    );
    const hourAgo = Date.now() / 1000 - 3600;
    await utimes(join(root, '.new-old'), hourAgo, hourAgo);
    await listKeyFiles(root);
    expect(await readdir(root)).toEqual(['.new-fresh']);
    await rm(join(root, '.new-fresh'), { recursive: true });
  });

  it('are replaced whole or not at all, and leftovers go', async () => {
    const root = await newFolder();
    await writeParticipants(root, [participant('a')], systemRandom);
    const dir = join(root, 'a');
    const counted = crashingFiles(nodeFiles);
    await replaceKeyFile(dir, utf8('one'), counted.files);
    for (let at = 1; at <= counted.calls.length; at++) {
      const dying = crashingFiles(nodeFiles);
      dying.dieAt(at);
      await expect(replaceKeyFile(dir, utf8('two'), dying.files)).rejects.toThrow(Crash);
      expect(['one', 'two']).toContain(await readFile(join(dir, 'identity.key'), 'utf8'));
      await replaceKeyFile(dir, utf8('one'));
      expect((await readdir(dir)).sort()).toEqual(['identity.key', 'journal-00000001']);
    }
  });
});
