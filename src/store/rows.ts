import { TABLES, type HistoryEntry, type Table, type Value } from './schema.js';

export const TABLE_NAMES = Object.keys(TABLES) as Table[];

export const columnsOf = (table: Table): readonly string[] => TABLES[table].columns;
export const keyOf = (table: Table): readonly string[] => TABLES[table].columns.slice(0, TABLES[table].key);

/** Columns of a history entry in the order they are stored, its key first. */
export const HISTORY_COLUMNS: readonly (keyof HistoryEntry)[] = [
  'chat',
  'sender',
  'id',
  'position',
  'epoch',
  'sqn',
  'kind',
  'time',
  'received',
  'text',
];

/** A row as the values of its columns, and back. */
export const toValues = (columns: readonly string[], row: object): Value[] =>
  columns.map((column) => (row as Record<string, Value>)[column] as Value);
export const toRow = (columns: readonly string[], values: readonly unknown[]): object =>
  Object.fromEntries(columns.map((column, i) => [column, values[i]]));
