import type { SqlJsStatic } from 'sql.js';
import { columnsOf, keyOf, TABLE_NAMES, toRow, toValues } from './rows.js';
import type { Change, Table, Tables, Value } from './schema.js';
import { Sqlite } from './sqlite.js';

const quoted = (name: string): string => `"${name}"`;
const list = (names: readonly string[]): string => names.map(quoted).join(', ');
const equals = (names: readonly string[]): string => names.map((name) => `${quoted(name)} = ?`).join(' AND ');

const SCHEMA = TABLE_NAMES.map(
  (table) =>
    `CREATE TABLE ${quoted(table)} (${list(columnsOf(table))}, PRIMARY KEY (${list(keyOf(table))})) WITHOUT ROWID`,
).join('; ');

/** The replay database in memory: the tables of schema.ts, a row for each key. */
export class ReplayDb {
  readonly #db: Sqlite;

  /** Opens an exported image, or an empty database. Throws UserError 'newer-version'. */
  constructor(sql: SqlJsStatic, image?: Uint8Array) {
    this.#db = new Sqlite(sql, SCHEMA, image);
  }

  /** Applies puts and drops; passes over history. */
  apply(changes: readonly Change[]): void {
    this.#db.atOnce(() => {
      for (const change of changes) {
        if ('put' in change) {
          const columns = columnsOf(change.put);
          this.#db.run(
            `INSERT OR REPLACE INTO ${quoted(change.put)} VALUES (${columns.map(() => '?').join(', ')})`,
            toValues(columns, change.row),
          );
        } else if ('drop' in change)
          this.#db.run(`DELETE FROM ${quoted(change.drop)} WHERE ${equals(keyOf(change.drop))}`, [
            ...change.key,
          ]);
      }
    });
  }

  /** The rows whose columns equal those of `where`, in the order of their key. */
  all<T extends Table>(table: T, where: Partial<Tables[T]> = {}): Tables[T][] {
    return [...this.each(table, where)];
  }

  /** The same, each read when it is asked for: nothing may be applied, nor asked in the same way, before the last. */
  *each<T extends Table>(table: T, where: Partial<Tables[T]> = {}): Generator<Tables[T], void> {
    const wanted = Object.entries(where as Record<string, Value>);
    const filter = wanted.length > 0 ? `WHERE ${equals(wanted.map(([column]) => column))}` : '';
    const columns = columnsOf(table);
    const query = `SELECT ${list(columns)} FROM ${quoted(table)} ${filter} ORDER BY ${list(keyOf(table))}`;
    const values = wanted.map(([, value]) => value);
    for (const row of this.#db.rows(query, values)) yield toRow(columns, row) as Tables[T];
  }

  /**
   * The database as bytes, without what was deleted from it: secure_delete leaves copies of rows behind that moved
   * between pages before they were deleted, and an old chain key there would open old messages.
   */
  export(): Uint8Array {
    this.#db.run('VACUUM');
    return this.#db.export();
  }

  close(): void {
    this.#db.close();
  }
}
