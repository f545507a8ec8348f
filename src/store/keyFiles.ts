import { join } from 'node:path';
import { toHex } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import { UserError } from '../protocol/errors.js';
import { explained } from './diskErrors.js';
import { hasCode, nodeFiles, syncFolder, writeWhole, type Files } from './files.js';
import { enterOwner, isOpen } from './owner.js';
import { ParticipantStore } from './participantStore.js';
import type { Change } from './schema.js';

const KEY_FILE = 'identity.key';
const MAX_KEY_FILE = 64 * 1024;
const NEW = '.new-';
/** In a folder of new participants: all of them are whole, and belong into the root. */
const READY = 'ready';
/** Age at which a folder that nobody claims was abandoned, ms. */
const ABANDONED = 10 * 60_000;

export interface NewParticipant {
  readonly folderName: string;
  readonly keyFile: Uint8Array;
  readonly storageKey: Uint8Array;
  /** The first record of its store. */
  readonly changes: readonly Change[];
}

/**
 * The key files of all participants below `root`, at most 64 KiB each; a root that isn't there has none. One that
 * can't be read is told to `report` and left out.
 */
export async function listKeyFiles(
  root: string,
  report: (problem: string) => void = () => undefined,
  files: Files = nodeFiles,
): Promise<{ dir: string; bytes: Uint8Array }[]> {
  await tidy(root, files).catch((error: unknown) => report((error as Error).message));
  const found: { dir: string; bytes: Uint8Array }[] = [];
  for (const name of await namesIn(root, files)) {
    if (name.startsWith('.')) continue;
    const dir = join(root, name);
    const path = join(dir, KEY_FILE);
    try {
      const about = await files.stat(path);
      if (!about.isFile() || about.size > MAX_KEY_FILE) throw new Error(`${path} is not a key file.`);
      found.push({ dir, bytes: new Uint8Array(await files.readFile(path)) });
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) report((error as Error).message);
    }
  }
  return found;
}

/**
 * Writes new participants, all of them or none, also through a crash: false if `signal` was aborted. Throws UserError
 * 'participant-exists', 'disk-full' and 'read-only'.
 */
export function writeParticipants(
  root: string,
  participants: readonly NewParticipant[],
  random: Random,
  signal?: AbortSignal,
  files: Files = nodeFiles,
): Promise<boolean> {
  return explained(async () => {
    await files.mkdir(root, { recursive: true, mode: 0o700 });
    await tidy(root, files).catch(() => {});
    const taken = await files.readdir(root);
    if (participants.some(({ folderName }) => taken.includes(folderName)))
      throw new UserError('participant-exists', 'This participant is on this machine already.');

    const dir = join(root, NEW + toHex(random(8)));
    let leave: (() => Promise<void>) | undefined;
    let decided = false;
    try {
      await files.mkdir(dir, { mode: 0o700 });
      leave = await enterOwner(dir, random, files);
      for (const { folderName, keyFile, storageKey, changes } of participants) {
        if (signal?.aborted) return false;
        const folder = join(dir, folderName);
        await files.mkdir(folder, { mode: 0o700 });
        await writeWhole(join(folder, KEY_FILE), keyFile, files);
        await ParticipantStore.create(folder, storageKey, random, changes, files);
      }
      if (signal?.aborted) return false;
      await syncFolder(root, files);
      await writeWhole(join(dir, READY), new Uint8Array(), files);
      decided = true;
      await moveIn(root, dir, files);
      return true;
    } finally {
      await leave?.();
      if (!decided) await files.rm(dir, { recursive: true, force: true });
    }
  });
}

/** Replaces the key file in a participant's folder: afterwards there is the old one or the new one, whole. */
export function replaceKeyFile(dir: string, bytes: Uint8Array, files: Files = nodeFiles): Promise<void> {
  return explained(async () => {
    // One that a crash left would open with a password that was changed since.
    for (const name of await files.readdir(dir))
      if (name.startsWith(`${KEY_FILE}.`)) await files.rm(join(dir, name), { force: true });
    await writeWhole(join(dir, KEY_FILE), bytes, files);
  });
}

async function namesIn(dir: string, files: Files): Promise<string[]> {
  try {
    return await files.readdir(dir);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

async function moveIn(root: string, dir: string, files: Files): Promise<void> {
  for (const name of await namesIn(dir, files)) {
    if (name === READY || name === 'owner') continue;
    await files.rename(join(dir, name), join(root, name)).catch((error: unknown) => {
      // Another process may be tidying up too.
      if (!hasCode(error, 'ENOENT')) throw error;
    });
  }
  await syncFolder(root, files);
  await files.rm(dir, { recursive: true, force: true });
}

/** Completes what was ready when its process died, and removes what was not. */
async function tidy(root: string, files: Files): Promise<void> {
  for (const name of await namesIn(root, files)) {
    if (!name.startsWith(NEW)) continue;
    const dir = join(root, name);
    if (await isOpen(dir, files)) continue;
    const inside = await namesIn(dir, files);
    if (inside.includes(READY)) await moveIn(root, dir, files);
    else if (inside.includes('owner') || (await files.stat(dir)).mtimeMs < Date.now() - ABANDONED)
      await files.rm(dir, { recursive: true, force: true });
  }
}
