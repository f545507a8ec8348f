import { join } from 'node:path';
import type { Files } from './files.js';

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

/** Numbers of one kind of file, ascending. */
export async function numbersOf(kind: FileKind, dir: string, files: Files): Promise<number[]> {
  const found = (await entries(dir, files)).filter(({ name, number }) => name === fileName(kind, number));
  return found.map(({ number }) => number).sort((a, b) => a - b);
}

/** The highest number of any file, also of leftovers and of what was set aside; 0 if there is none. */
export async function highestNumber(dir: string, files: Files): Promise<number> {
  return Math.max(0, ...(await entries(dir, files)).map(({ number }) => number));
}

/** Removes the files with lower numbers, or renames them so that they are kept and never read. */
export async function discardOlder(dir: string, number: number, keep: boolean, files: Files): Promise<void> {
  for (const entry of await entries(dir, files)) {
    if (entry.number >= number || entry.name.endsWith(SET_ASIDE)) continue;
    const path = join(dir, entry.name);
    if (keep) await files.rename(path, `${path}${SET_ASIDE}`);
    else await files.rm(path, { force: true });
  }
}
