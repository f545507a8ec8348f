import { describe, expect, it } from 'vitest';
import { parseNames, passwordProblem, repetitionProblem } from '../../../src/host/newParticipants.js';

describe('a number of participants', () => {
  it('makes letters, those that are free', () => {
    expect(parseNames('3', [])).toEqual(['A', 'B', 'C']);
    expect(parseNames(' 2 ', ['b', 'Ａ'])).toEqual(['C', 'D']);
    expect(parseNames('1', [])).toEqual(['A']);
    expect(parseNames('２', [])).toEqual(['A', 'B']);
    expect(parseNames('1.0', [])).toEqual(['A']);
    const most = parseNames('50', ['C2']);
    expect(most).toHaveLength(50);
    expect(most.slice(24, 29)).toEqual(['Y', 'Z', 'A2', 'B2', 'D2']);
  });

  it.each(['', '  ', '0', '51', '-1', '1.5', '2,5', '999999999999999999999', '00'])(
    'is not “%s”',
    (input) => {
      expect(parseNames(input, [])).toBe('Type a number from 1 to 50, or names with commas between them.');
    },
  );
});

describe('names of participants', () => {
  it('are what stands between commas, however those are typed', () => {
    expect(parseNames('Ada', [])).toEqual(['Ada']);
    expect(parseNames(' Ada ,Bo  B.,\tCy', [])).toEqual(['Ada', 'Bo B.', 'Cy']);
    expect(parseNames('李小龍，עדה、Zoe\u0308، 🦊', [])).toEqual(['李小龍', 'עדה', 'Zoë', '🦊']);
    expect(parseNames('3, 4', [])).toEqual(['3', '4']);
    expect(parseNames('3 people', [])).toEqual(['3 people']);
    const fifty = Array.from({ length: 50 }, (_, i) => `P${i}`);
    expect(parseNames(fifty.join(), [])).toEqual(fifty);
    expect(parseNames('x'.repeat(64), [])).toEqual(['x'.repeat(64)]);
  });

  it.each([
    ['a comma too many at the end', 'Ada, Bo,', 'A name is missing before or after a comma'],
    ['a comma too many in front', ',Ada', 'A name is missing before or after a comma'],
    ['two commas in a row', 'Ada, , Bo', 'A name is missing before or after a comma'],
    ['commas alone', ',,', 'A name is missing before or after a comma'],
    ['a name twice', 'Ada, Bo, ADA', 'The name “ADA” is there twice'],
    ['a name twice in another form', 'Zoë, Zoe\u0308', 'The name “Zoë” is there twice'],
    ['a name that is taken', 'Ada, dee', 'a participant “dee” on this machine already'],
    ['an overlong name', `Ada, ${'x'.repeat(65)}`, 'has 65 characters; at most 64'],
    ['a name that turns the direction', 'Ada\u202e', 'Ada<U+202E>” holds invisible or direction-changing'],
    ['a control character', 'A\u0007da', 'A<U+0007>da” holds invisible'],
    ['a zero-width character', 'A\u200bda', 'A<U+200B>da” holds invisible'],
    ['too many names', 'x,'.repeat(50), 'At most 50 participants'],
  ])('are refused for %s', (_, input, why) => {
    expect(parseNames(input, ['Dee'])).toContain(why);
  });
});

describe('a new password', () => {
  it('is any text but none', () => {
    expect(passwordProblem('')).toContain('empty');
    for (const password of [' ', 'x', 'correct horse', '密码🐎', '\u202eabc', '\u0000', 'x'.repeat(10_000)])
      expect(passwordProblem(password)).toBeUndefined();
  });

  it('is repeated exactly, but for the form of its accents', () => {
    expect(repetitionProblem('caf\u00e9 🐎', 'cafe\u0301 🐎')).toBeUndefined();
    for (const other of ['', 'Horse', 'horse ', ' horse', 'h\u043erse', 'horse\u200b'])
      expect(repetitionProblem('horse', other)).toContain('The two passwords differ.');
    expect(repetitionProblem('ﬁ', 'fi')).toContain('differ');
  });
});
