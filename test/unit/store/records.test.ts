import { encode as cbor } from 'cborg';
import { describe, expect, it } from 'vitest';
import { MAX_RECORD_BYTES } from '../../../src/store/journal.js';
import {
  decodeChanges,
  decodeHead,
  encodeChanges,
  encodeHead,
  encodeInTurns,
} from '../../../src/store/records.js';
import { columnsOf, TABLE_NAMES } from '../../../src/store/rows.js';
import type { Change } from '../../../src/store/schema.js';
import { entry } from '../../helpers/stores.js';

const record = encodeChanges([
  { put: 'meta', row: { key: 'name', value: new Uint8Array([1, 2]) } },
  { drop: 'accepted', key: [new Uint8Array(16), 7, 2 ** 53 - 1, 0] },
  { history: entry(3) },
]);

describe('records', () => {
  it('hold every table, drops and history', () => {
    const puts = TABLE_NAMES.map(
      (put) =>
        ({
          put,
          row: Object.fromEntries(columnsOf(put).map((column, i) => [column, i])),
        }) as unknown as Change,
    );
    expect(decodeChanges(encodeChanges(puts))).toEqual(puts);
    expect(decodeChanges(record)).toEqual([
      { put: 'meta', row: { key: 'name', value: new Uint8Array([1, 2]) } },
      { drop: 'accepted', key: [new Uint8Array(16), 7, 2 ** 53 - 1, 0] },
      { history: entry(3) },
    ]);
  });

  it('hold a text that begins with a byte order mark, as a member may send it', () => {
    const marked: Change[] = [{ history: { ...entry(1), text: '\ufeff' + 'x'.repeat(40) } }];
    expect(decodeChanges(encodeChanges(marked))).toEqual(marked);
  });

  it('are refused when cut, lengthened, of wrong columns, or of anything not written here', () => {
    for (let end = 0; end < record.length; end++)
      expect(() => decodeChanges(record.subarray(0, end))).toThrow(/Malformed/);
    const meta = 1 + 2 * TABLE_NAMES.indexOf('meta');
    const bad = [
      [[meta, 'name']],
      [[meta, 'name', 1, 2]],
      [[meta + 1]],
      [[1 + 2 * TABLE_NAMES.length, 'x']],
      [[-1]],
      [[0, 1]],
      [[]],
      [[meta, 'name', [1]]],
      [[meta, 'name', null]],
      [[meta, 'name', 1.5]],
      [[meta, 'name', true]],
      [[meta, 'name', { a: 1 }]],
      7,
    ];
    for (const each of bad) expect(() => decodeChanges(cbor(each))).toThrow(/Malformed/);
    expect(() => decodeChanges(new Uint8Array([...record, 0]))).toThrow(/Malformed/);
  });

  it('are the same when a long one is encoded in turns', async () => {
    for (const length of [0, 1, 23, 24, 256, 257, 512, 70_000]) {
      const drops = Array.from({ length }, (_, i): Change => ({ drop: 'intent', key: ['a', 'b', i] }));
      expect(await encodeInTurns(drops)).toEqual(encodeChanges(drops));
    }
  });

  it('are bounded', async () => {
    const long = { key: 'x', value: new Uint8Array(MAX_RECORD_BYTES) };
    expect(() => encodeChanges([{ put: 'meta', row: long }])).toThrow(RangeError);
    await expect(encodeInTurns([{ put: 'meta', row: long }])).rejects.toThrow(RangeError);
  });

  it('begin with a head that tells a newer version from nonsense', () => {
    const head = { previous: 3, count: 500, condition: 'damaged' } as const;
    expect(decodeHead(encodeHead(head))).toEqual(head);
    expect(() => decodeHead(cbor([2, 1, 1, 0, 1]))).toThrow(
      expect.objectContaining({ code: 'newer-version' }),
    );
    expect(() => decodeHead(cbor([1, 1, 1, 9]))).toThrow(/Malformed/);
    expect(() => decodeHead(cbor('x'))).toThrow(/Malformed/);
  });
});
