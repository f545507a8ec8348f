import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../protocol/errors.js';
import { toHex } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import { hasCode, type Files } from './files.js';

/**
 * Who has a folder open, as a courtesy: it spares a window from being replaced without anyone having asked for it.
 * What keeps two windows apart is the journal's number.
 */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, ms: a pid may be another process's by now. */
  readonly started: number;
  readonly id: string;
}

const ownerPath = (dir: string): string => join(dir, 'owner');

async function readOwner(dir: string, files: Files): Promise<Partial<Owner>> {
  try {
    return JSON.parse((await files.readFile(ownerPath(dir))).toString()) as Partial<Owner>;
  } catch {
    return {};
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** Whether a process of this machine that is still running has the folder open. */
export async function isOpen(dir: string, files: Files): Promise<boolean> {
  const { pid, host, started } = await readOwner(dir, files);
  if (!Number.isSafeInteger(pid) || host !== hostname()) return false;
  return pid === process.pid ? started === performance.timeOrigin : isAlive(pid as number);
}

/** Enters this process, and gives what takes it out again. */
export async function enterOwner(dir: string, random: Random, files: Files): Promise<() => Promise<void>> {
  const id = toHex(random(8));
  const owner: Owner = { pid: process.pid, host: hostname(), started: performance.timeOrigin, id };
  const handle = await files.open(ownerPath(dir), 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(owner));
  } finally {
    await handle.close();
  }
  return async () => {
    if ((await readOwner(dir, files)).id === id) await files.rm(ownerPath(dir), { force: true });
  };
}

export const openElsewhere = (): UserError =>
  new UserError(
    'open-elsewhere',
    'This participant is open in another window. Close it there, or take over here.',
  );
