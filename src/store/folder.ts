import { join } from 'node:path';
import { hasCode, type Files } from './files.js';

/**
 * A participant's folder: `journal-<number>`, and images `replay-<number>.db` and `history-<number>.db` of all that
 * came before the journal of that number. What opening could not read ends in `.damaged`.
 */
export type FileKind = 'journal' | 'replay' | 'history';

const EXTENSION = { journal: '', replay: '.db', history: '.db' } as const;
const NAME = /^(journal|replay|history)-(\d{8,15})(.*)$/;
const SET_ASIDE = '.damaged';

export const fileName = (kind: FileKind, number: number): string =>
  `${kind}-${String(number).padStart(8, '0')}${EXTENSION[kind]}`;

interface Entry {
  readonly name: string;
  readonly kind: FileKind;
  readonly number: number;
}

async function entries(dir: string, files: Files): Promise<Entry[]> {
  return (await files.readdir(dir)).flatMap((name) => {
    const [, kind, digits] = NAME.exec(name) ?? [];
    return kind ? [{ name, kind: kind as FileKind, number: Number(digits) }] : [];
  });
}

/** The numbers of each kind of file, ascending, as they were at one moment. */
export interface Listing extends Readonly<Record<FileKind, readonly number[]>> {
  /** Of any file, also of leftovers and of what was set aside; 0 if there is none. */
  readonly highest: number;
}

export async function listFolder(dir: string, files: Files): Promise<Listing> {
  const found = await entries(dir, files);
  const numbers = (kind: FileKind): number[] =>
    found
      .filter(({ name, number }) => name === fileName(kind, number))
      .map(({ number }) => number)
      .sort((a, b) => a - b);
  return {
    journal: numbers('journal'),
    replay: numbers('replay'),
    history: numbers('history'),
    highest: Math.max(0, ...found.map(({ number }) => number)),
  };
}

/** Removes the files with lower numbers, or renames them so that they are kept and never read. */
export async function discardOlder(dir: string, number: number, keep: boolean, files: Files): Promise<void> {
  for (const entry of await entries(dir, files)) {
    if (entry.number >= number || entry.name.endsWith(SET_ASIDE)) continue;
    const path = join(dir, entry.name);
    const done = keep ? files.rename(path, `${path}${SET_ASIDE}`) : files.rm(path);
    await done.catch((error: unknown) => {
      // A former owner may be completing a checkpoint.
      if (!hasCode(error, 'ENOENT')) throw error;
    });
  }
}
