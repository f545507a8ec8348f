import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/protocol/errors.js';
import {
  checkName,
  foldName,
  isName,
  MAX_NAME_BYTES,
  nameProblem,
  normaliseName,
  printable,
  sameName,
} from '../../../src/protocol/names.js';

describe('a name', () => {
  it('is kept as typed, but for spaces and the form of its accents', () => {
    expect(checkName('  Ada \t Lovelace\u00a0')).toBe('Ada Lovelace');
    expect(checkName('Zoe\u0308')).toBe('Zo\u00eb');
    for (const name of ['A', 'Ada Lovelace', '李小龍', 'Ørsted', 'עדה', '🦊', '0x7f']) {
      expect(checkName(name)).toBe(name);
      expect(isName(name)).toBe(true);
    }
  });

  it('has one to sixty-four characters, whatever they take in bytes', () => {
    expect(nameProblem('')).toContain('empty');
    expect(nameProblem(' \n ')).toContain('empty');
    const longest = '𝒜'.repeat(64);
    expect(isName(longest)).toBe(true);
    expect(Buffer.byteLength(longest)).toBe(MAX_NAME_BYTES);
    expect(nameProblem('a'.repeat(65))).toContain('at most 64');
  });

  it.each([
    ['a control character', 'a\u0000b'],
    ['an escape', 'a\u001b[2Jb'],
    ['a right-to-left override', 'evil\u202etxt'],
    ['a direction isolate', 'a\u2066b'],
    ['a zero-width space', 'Al\u200bice'],
    ['a zero-width joiner', 'Al\u200dice'],
    ['a soft hyphen', 'Al\u00adice'],
    ['a byte order mark inside', 'Al\u2060ice'],
    ['a private character', '\ue000'],
    ['an unassigned character', '\u0378'],
    ['half a surrogate pair', '\ud800'],
    ['a tag character', 'a\u{e0041}'],
    ['an invisible Hangul filler', '\u3164'],
    ['a half-width Hangul filler', 'Alice\uffa0'],
    ['a combining grapheme joiner', 'Ali\u034fce'],
    ['a variation selector', 'Alice\ufe0f'],
    ['an empty Braille cell', '\u2800'],
  ])('does not hold %s', (_, name) => {
    expect(nameProblem(name)).toContain('invisible');
    expect(isName(name)).toBe(false);
    expect(() => checkName(name)).toThrow(UserError);
  });

  it('from outside is taken in its one form only', () => {
    for (const name of [' Ada', 'Ada  L', 'Zoe\u0308', 'Ada\tL', 'Ada\u00a0L', '\ufeffAda'])
      expect(isName(name)).toBe(false);
  });

  it('is the same as one that differs in case, width or spaces', () => {
    expect(sameName('ALICE', 'alice')).toBe(true);
    expect(sameName('Ａｌｉｃｅ', 'Alice')).toBe(true);
    expect(sameName('Alice  B', 'alice b')).toBe(true);
    expect(sameName('Alice', 'Alicia')).toBe(false);
    expect(foldName('ﬁ')).toBe('fi');
  });

  it('shows what it may not hold', () => {
    expect(printable('a\u202eb\u0007')).toBe('a<U+202E>b<U+0007>');
    expect(printable('Alice\ufe0f')).toBe('Alice<U+FE0F>');
    expect(normaliseName(' a  b ')).toBe('a b');
  });
});
