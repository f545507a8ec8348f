import type { SqlJsStatic } from 'sql.js';
import { HISTORY_COLUMNS, toRow, toValues } from './rows.js';
import type { HistoryEntry } from './schema.js';
import { Sqlite } from './sqlite.js';

export interface HistoryPage {
  /** Ascending by position. */
  readonly entries: HistoryEntry[];
  /** There are entries before the first of these. */
  readonly older: boolean;
}

const columns = HISTORY_COLUMNS.join(', ');
// Not WITHOUT ROWID: texts are long, and its index pages would hold few of them.
const SCHEMA = `CREATE TABLE entry (${columns}, UNIQUE (chat, sender, id, position)); CREATE INDEX place ON entry (chat, position)`;
const PUT = `INSERT OR REPLACE INTO entry (${columns}) VALUES (${HISTORY_COLUMNS.map(() => '?').join(', ')})`;
const PAGE = `SELECT ${columns} FROM entry WHERE chat = ? AND position < ? ORDER BY position DESC LIMIT ?`;

/** The history in memory: every message and notice. A sender may use an id again: its place makes an entry another one. */
export class HistoryDb {
  readonly #db: Sqlite;

  /** Opens an exported image, or an empty database. Throws UserError 'newer-version'. */
  constructor(sql: SqlJsStatic, image?: Uint8Array) {
    this.#db = new Sqlite(sql, SCHEMA, image);
  }

  /** An entry that is there already is replaced. */
  apply(entries: readonly HistoryEntry[]): void {
    this.#db.atOnce(() => {
      for (const entry of entries) this.#db.run(PUT, toValues(HISTORY_COLUMNS, entry));
    });
  }

  /** The last `limit` entries of a chat, or the last ones before a position. */
  page(chat: Uint8Array, before: number | undefined, limit: number): HistoryPage {
    const rows = [...this.#db.rows(PAGE, [chat, before ?? Number.MAX_SAFE_INTEGER, limit + 1])];
    const entries = rows.slice(0, limit).map((row) => toRow(HISTORY_COLUMNS, row) as HistoryEntry);
    return { entries: entries.reverse(), older: rows.length > limit };
  }

  export(): Uint8Array {
    return this.#db.export();
  }

  close(): void {
    this.#db.close();
  }
}
