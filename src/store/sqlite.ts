import type { BindParams, Database, SqlJsStatic, SqlValue, Statement } from 'sql.js';
import { UserError } from '../protocol/errors.js';

/** Of both databases and of the journals: what a change to the tables raises. */
export const SCHEMA_VERSION = 1;

/** Throws UserError 'newer-version' for what a later version of the extension wrote. */
export function checkVersion(version: number): void {
  if (version > SCHEMA_VERSION)
    throw new UserError(
      'newer-version',
      'This participant was last used with a newer version of Secure Chat. Update the extension and try again.',
    );
}

/** Loads sql.js on first use, so that activation doesn't pay for it. `wasm` is sql-wasm.wasm. */
export async function loadSqlJs(wasm: Uint8Array): Promise<SqlJsStatic> {
  const { default: initSqlJs } = await import('sql.js');
  // Its types ask for an ArrayBuffer; it passes on whatever WebAssembly.instantiate takes.
  return initSqlJs({ wasmBinary: wasm as unknown as ArrayBuffer });
}

/** An in-memory SQLite database with statements that stay prepared. */
export class Sqlite {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();

  /** Opens `image`, or an empty database with `schema`. Throws UserError 'newer-version'. */
  constructor(sql: SqlJsStatic, schema: string, image?: Uint8Array) {
    this.#db = new sql.Database(image);
    this.#configure();
    // Small pages: a participant with few rows then has a small image, and long rows waste less of it.
    if (!image) this.#db.run(`PRAGMA page_size = 1024; ${schema}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    checkVersion(this.#db.exec('PRAGMA user_version')[0]?.values[0]?.[0] as number);
  }

  run(statement: string, values: BindParams = []): void {
    this.#prepared(statement).run(values);
  }

  *rows(query: string, values: BindParams): Generator<SqlValue[], void> {
    const statement = this.#prepared(query);
    statement.bind(values);
    try {
      while (statement.step()) yield statement.get();
    } finally {
      statement.reset();
    }
  }

  /** Runs `work` in one transaction. */
  atOnce(work: () => void): void {
    this.run('BEGIN');
    work();
    this.run('COMMIT');
  }

  /** The database as bytes. */
  export(): Uint8Array {
    return this.#db.export();
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #configure(): void {
    // Nothing here is on disk; what was deleted must not stay in memory.
    this.#db.run(
      'PRAGMA secure_delete = ON; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; ' +
        'PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536',
    );
  }

  #prepared(query: string): Statement {
    let statement = this.#statements.get(query);
    if (!statement) this.#statements.set(query, (statement = this.#db.prepare(query)));
    return statement;
  }
}
