import { describe, expect, it } from 'vitest';
import { chainFrom, type FoundJournal } from '../../../src/store/journalChain.js';

/** A journal that continues another one behind `count` records, with records of its own. */
const journal = (previous: number, count: number, records: number, damaged = false): FoundJournal => ({
  head: { previous, count, condition: 'clean' },
  records: Array.from({ length: records }, () => ({ data: new Uint8Array(), changes: [] })),
  damaged,
});
const unused: FoundJournal = { head: undefined, records: [], damaged: false };
const unreadable: FoundJournal = { head: undefined, records: [], damaged: true };

const cases: [
  string,
  image: number,
  Record<number, FoundJournal>,
  parts: [number, number][],
  whole: boolean,
][] = [
  ['the first journal', 0, { 1: journal(0, 0, 3) }, [[1, 3]], true],
  ['nothing', 0, {}, [], false],
  ['an image alone', 3, {}, [], false],
  [
    'journals in a row',
    0,
    { 1: journal(0, 0, 3), 2: journal(1, 4, 1) },
    [
      [1, 3],
      [2, 1],
    ],
    true,
  ],
  [
    'records after a takeover',
    0,
    { 1: journal(0, 0, 3), 2: journal(1, 2, 1) },
    [
      [1, 1],
      [2, 1],
    ],
    true,
  ],
  [
    'damage after a takeover',
    0,
    { 1: journal(0, 0, 3, true), 2: journal(1, 4, 0) },
    [
      [1, 3],
      [2, 0],
    ],
    true,
  ],
  [
    'an owner who was overtaken',
    0,
    { 1: journal(0, 0, 2), 2: journal(1, 2, 5), 3: journal(1, 3, 1) },
    [
      [1, 2],
      [3, 1],
    ],
    true,
  ],
  [
    'one who crashed at once',
    0,
    { 1: journal(0, 0, 2), 2: unused, 3: journal(1, 3, 1), 4: unused },
    [
      [1, 2],
      [3, 1],
    ],
    true,
  ],
  [
    'an image in front',
    2,
    { 2: journal(1, 9, 1), 3: journal(2, 2, 1) },
    [
      [2, 1],
      [3, 1],
    ],
    true,
  ],
  ['older journals that are left', 2, { 1: journal(0, 0, 8), 2: journal(1, 9, 1) }, [[2, 1]], true],
  ['records that are missing', 0, { 1: journal(0, 0, 2), 2: journal(1, 4, 1) }, [[1, 2]], false],
  [
    'damage in the newest',
    0,
    { 1: journal(0, 0, 2), 2: journal(1, 3, 1, true) },
    [
      [1, 2],
      [2, 1],
    ],
    false,
  ],
  ['an unreadable journal', 0, { 1: journal(0, 0, 2), 2: unreadable, 3: journal(2, 3, 1) }, [[1, 2]], false],
  ['an unreadable newest one', 0, { 1: journal(0, 0, 2), 2: unreadable }, [[1, 2]], false],
  ['a missing journal', 0, { 1: journal(0, 0, 2), 3: journal(2, 3, 1) }, [[1, 2]], false],
  ['a missing start', 0, { 2: journal(1, 3, 1) }, [], false],
  ['an image whose journal is missing', 2, { 3: journal(2, 3, 1) }, [], false],
  [
    'an image beside the chain',
    2,
    { 1: journal(0, 0, 2), 2: journal(1, 2, 5), 3: journal(1, 3, 1) },
    [],
    false,
  ],
];

describe('the journals that count', () => {
  it.each(cases)('with %s', (_name, image, journals, parts, whole) => {
    const found = chainFrom(
      image,
      new Map(Object.entries(journals).map(([number, each]) => [Number(number), each])),
    );
    expect(found.parts.map(({ number, records }) => [number, records.length])).toEqual(parts);
    expect(found.whole).toBe(whole);
  });
});
