import { readFile, rename, rm, writeFile } from 'node:fs/promises';

export interface Announcement {
  readonly port: number;
  readonly pid: number;
  /** Hex. */
  readonly relayId: string;
}

/** Writes the file in one step, readable by its owner only: where a relay listens, for programs on this machine. */
export async function announce(file: string, announcement: Announcement): Promise<void> {
  const temporary = `${file}.${announcement.pid}.tmp`;
  await rm(temporary, { force: true });
  await writeFile(temporary, JSON.stringify(announcement), { mode: 0o600, flag: 'wx' });
  await rename(temporary, file);
}

/** Removes the file if it still says this. */
export async function withdraw(file: string, announcement: Announcement): Promise<void> {
  const content = await readFile(file, 'utf8').catch(() => '');
  if (content === JSON.stringify(announcement)) await rm(file, { force: true });
}
