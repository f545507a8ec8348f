import { foldName, nameProblem, normaliseName, sameName } from '../protocol/names.js';
import { MAX_PARTICIPANTS } from '../shared/limits.js';

/** Also as input methods type it. */
const COMMA = /[,，、،]/;

/** Names for a number: A, B, C… as far as they are free, then A2, B2… */
function lettersFor(count: number, taken: readonly string[]): string[] {
  const folded = new Set(taken.map(foldName));
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const name = String.fromCharCode(65 + (i % 26)) + (i < 26 ? '' : String(Math.floor(i / 26) + 1));
    if (!folded.has(foldName(name))) names.push(name);
  }
  return names;
}

/** What a person typed, "3" or "Ada, Bo, Cy", as names; or what is wrong with it. */
export function parseNames(input: string, taken: readonly string[]): readonly string[] | string {
  const text = input.normalize('NFKC').trim();
  if (text === '' || /^[+-]?\d+([.,]\d+)?$/.test(text)) {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > MAX_PARTICIPANTS)
      return `Type a number from 1 to ${MAX_PARTICIPANTS}, or names with commas between them.`;
    return lettersFor(count, taken);
  }
  const names = input.split(COMMA);
  if (names.length > MAX_PARTICIPANTS)
    return `At most ${MAX_PARTICIPANTS} participants can be created at once.`;
  for (const [i, name] of names.entries()) {
    if (name.trim() === '') return 'A name is missing before or after a comma. Type it, or remove the comma.';
    const problem = newNameProblem(name, taken);
    if (problem) return problem;
    if (names.slice(0, i).some((other) => sameName(other, name)))
      return `The name “${normaliseName(name)}” is there twice. Give everyone a name of their own.`;
  }
  return names.map(normaliseName);
}

/** What is wrong with a new participant's name, for people; undefined if nothing. */
export const newNameProblem = (name: string, taken: readonly string[]): string | undefined =>
  nameProblem(name) ??
  (taken.some((other) => sameName(other, name))
    ? `There is a participant “${normaliseName(name)}” on this machine already. Choose another name.`
    : undefined);

/** What is wrong with a new password, for people; undefined if nothing. */
export const passwordProblem = (password: string): string | undefined =>
  password === '' ? 'The password is empty. Type at least one character; longer is safer.' : undefined;

/** The same for its repetition. Accents may be typed in another form, as they may be when unlocking. */
export const repetitionProblem = (password: string, repetition: string): string | undefined =>
  password.normalize('NFC') === repetition.normalize('NFC')
    ? undefined
    : 'The two passwords differ. Type the first one again, or press Escape and start over.';
