import { setImmediate } from 'node:timers/promises';
import { concat } from '../crypto/bytes.js';
import { bytes, decode, encode, list, oneOf, text, uint, type Codec } from '../protocol/codec.js';
import { ProtocolError } from '../protocol/errors.js';
import { MAX_RECORD_BYTES } from './journal.js';
import { columnsOf, HISTORY_COLUMNS, keyOf, TABLE_NAMES, toRow, toValues } from './rows.js';
import type { Change, HistoryEntry, Value } from './schema.js';
import { checkVersion, SCHEMA_VERSION } from './sqlite.js';

/** What opening found. People's next step follows from it, so it is carried on until something is committed. */
const CONDITIONS = ['clean', 'rolled-back', 'damaged'] as const;
export type Condition = (typeof CONDITIONS)[number];
const condition = oneOf(...CONDITIONS);

/**
 * The first record of a journal: it continues journal `previous` (0: none) behind the first `count` of its records.
 * What else that journal holds was written by an owner who had been replaced, and never happened.
 */
export interface Head {
  readonly previous: number;
  readonly count: number;
  readonly condition: Condition;
}

/** The schema's version stands in front and can be read whatever a later version puts behind it. */
const head = list(uint(), 16);

export function encodeHead(value: Head): Uint8Array {
  const found = condition.encode(value.condition) as number;
  return encode(head, [SCHEMA_VERSION, value.previous, value.count, found]);
}

/** Throws UserError 'newer-version', and ProtocolError 'malformed'. */
export function decodeHead(data: Uint8Array): Head {
  const [version = 0, previous = 0, count = 0, found] = decode(head, data, MAX_RECORD_BYTES);
  checkVersion(version);
  return { previous, count, condition: condition.decode(found) };
}

const string = text(MAX_RECORD_BYTES);
const blob = bytes(0, MAX_RECORD_BYTES);
const number = uint();
function value(item: unknown): Value {
  if (typeof item === 'string') return string.decode(item);
  return item instanceof Uint8Array ? blob.decode(item) : number.decode(item);
}
const values = list<Value>({ encode: value, decode: value }, 64);

function checked(columns: readonly string[], items: readonly Value[]): readonly Value[] {
  if (items.length !== columns.length) throw new ProtocolError('malformed', 'Malformed data: wrong columns.');
  return items;
}

/** [0, ...history entry], or for table t [1 + 2t, ...row] to put it and [2 + 2t, ...key] to drop it. */
const change: Codec<Change> = {
  encode(item) {
    if ('history' in item) return values.encode([0, ...toValues(HISTORY_COLUMNS, item.history)]);
    if ('put' in item)
      return values.encode([
        1 + 2 * TABLE_NAMES.indexOf(item.put),
        ...toValues(columnsOf(item.put), item.row),
      ]);
    return values.encode([2 + 2 * TABLE_NAMES.indexOf(item.drop), ...checked(keyOf(item.drop), item.key)]);
  },
  decode(items) {
    const [what, ...rest] = values.decode(items);
    if (what === 0)
      return { history: toRow(HISTORY_COLUMNS, checked(HISTORY_COLUMNS, rest)) as HistoryEntry };
    const table = typeof what === 'number' ? TABLE_NAMES[(what - 1) >> 1] : undefined;
    if (!table) throw new ProtocolError('malformed', 'Malformed data: an unknown table.');
    if ((what as number) % 2 === 0) return { drop: table, key: checked(keyOf(table), rest) };
    return { put: table, row: toRow(columnsOf(table), checked(columnsOf(table), rest)) } as Change;
  },
};
const changes = list(change, 1 << 20);

/**
 * One journal record. Numbers are integers from 0 to 2^53 − 1, text is Unicode, else ProtocolError 'malformed'. Throws
 * RangeError above MAX_RECORD_BYTES.
 */
export const encodeChanges = (value: readonly Change[]): Uint8Array => bounded(encode(changes, value));

function bounded(record: Uint8Array): Uint8Array {
  if (record.length > MAX_RECORD_BYTES) throw new RangeError('encodeChanges: the record is too long');
  return record;
}

/** Changes that are dealt with in one turn of the event loop. */
export const SLICE = 64;

/** The first bytes of a list of so many items. */
function listHead(length: number): Uint8Array {
  const zeros = encode(list(uint(), length), Array<number>(length).fill(0));
  return zeros.subarray(0, zeros.length - length);
}

/** What encodeChanges gives, with a turn of the event loop after each slice. Rejects with what it throws. */
export async function encodeInTurns(value: readonly Change[]): Promise<Uint8Array> {
  const parts = [listHead(value.length)];
  for (let at = 0; at < value.length; at += SLICE) {
    const slice = value.slice(at, at + SLICE);
    parts.push(encode(changes, slice).subarray(listHead(slice.length).length));
    await setImmediate();
  }
  return bounded(concat(...parts));
}

/** Throws ProtocolError 'malformed' for everything that encodeChanges doesn't write. */
export const decodeChanges = (data: Uint8Array): readonly Change[] => decode(changes, data, MAX_RECORD_BYTES);

export const historyIn = (value: readonly Change[]): HistoryEntry[] =>
  value.flatMap((each) => ('history' in each ? [each.history] : []));
