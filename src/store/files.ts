import { open, mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the store needs of node:fs/promises; a parameter, so that tests can fail or crash at any operation. */
export const nodeFiles = { open, mkdir, readFile, readdir, rename, rm, stat };
export type Files = typeof nodeFiles;

export const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(error.code as string);

/** Makes new, renamed and removed names in a folder last through a power failure. */
export async function syncFolder(dir: string, files: Files): Promise<void> {
  // Windows can't open a folder; NTFS journals names by itself.
  if (process.platform === 'win32') return;
  const handle = await files.open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The file is there whole or as it was before, also after a power failure. Mode 0600. */
export async function writeWhole(path: string, bytes: Uint8Array, files: Files): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await files.open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await files.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path), files);
}
