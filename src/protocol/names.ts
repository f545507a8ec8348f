import { MAX_NAME_LENGTH } from '../shared/limits.js';
import { UserError } from './errors.js';

/** Bytes of the longest name in UTF-8. */
export const MAX_NAME_BYTES = MAX_NAME_LENGTH * 4;

/**
 * Controls, formatting (bidi overrides, zero width), private use, unassigned, line and paragraph separators, and what
 * shows as nothing though it counts as a letter or mark: Hangul fillers, variation selectors, the empty Braille cell.
 */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** One form for one name: NFC, spaces trimmed and runs of them one space. */
export const normaliseName = (name: string): string => name.normalize('NFC').replace(/\s+/gu, ' ').trim();

/** Names that look alike when case and compatibility forms are ignored. */
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b);
export const foldName = (name: string): string => normaliseName(name.normalize('NFKC').toLowerCase());

/** What is wrong with a name, for people; undefined if nothing. */
export function nameProblem(name: string): string | undefined {
  const normalised = normaliseName(name);
  if (normalised === '') return 'A name is empty. Type at least one character.';
  if (FORBIDDEN.test(name.replace(/\s/gu, ' ')))
    return `The name “${printable(normalised)}” holds invisible or direction-changing characters. Type it without them.`;
  const length = Array.from(normalised).length;
  if (length > MAX_NAME_LENGTH)
    return `The name “${Array.from(normalised).slice(0, 20).join('')}…” has ${length} characters; at most ${MAX_NAME_LENGTH} are allowed.`;
  return undefined;
}

/** The normalised name. Throws UserError 'bad-name'. */
export function checkName(name: string): string {
  const problem = nameProblem(name);
  if (problem) throw new UserError('bad-name', problem);
  return normaliseName(name);
}

/** Whether a name from outside is one that checkName gives. */
export const isName = (name: string): boolean =>
  nameProblem(name) === undefined && normaliseName(name) === name;

/** The name with forbidden characters shown as their code points. */
export const printable = (name: string): string =>
  Array.from(name)
    .slice(0, MAX_NAME_LENGTH)
    .map((c) =>
      FORBIDDEN.test(c) ? `<U+${c.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}>` : c,
    )
    .join('');
