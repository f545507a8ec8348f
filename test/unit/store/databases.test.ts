import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlJsStatic } from 'sql.js';
import { toHex } from '../../../src/crypto/bytes.js';
import { HistoryDb } from '../../../src/store/historyDb.js';
import { ReplayDb } from '../../../src/store/replayDb.js';
import { loadSqlJs, Sqlite } from '../../../src/store/sqlite.js';
import { chat, entry, upTo, wasmPath } from '../../helpers/stores.js';

let sql: SqlJsStatic;
beforeAll(async () => void (sql = await loadSqlJs(new Uint8Array(await readFile(wasmPath)))));

const has = (image: Uint8Array, bytes: Uint8Array) => Buffer.from(image).includes(Buffer.from(bytes));

describe('replay database', () => {
  const secret = new Uint8Array(32).fill(0xa7);

  it('forgets what was replaced or dropped', () => {
    const db = new ReplayDb(sql);
    const put = (key: string, value: Uint8Array) => db.apply([{ put: 'meta', row: { key, value } }]);
    put('replaced', secret);
    put('dropped', secret);
    expect(has(db.export(), secret)).toBe(true);
    put('replaced', new Uint8Array(32));
    db.apply([{ drop: 'meta', key: ['dropped'] }]);
    expect(has(db.export(), secret)).toBe(false);
    db.close();
  });

  it('is saved without anything that was deleted, wherever it was moved before', () => {
    const empty = new ReplayDb(sql);
    const raw = new sql.Database(empty.export());
    empty.close();
    raw.run('INSERT INTO meta VALUES (1, ?), (2, ?)', [secret, new Uint8Array(32).fill(1)]);
    raw.run('DELETE FROM meta WHERE key = 1');
    const image = raw.export();
    raw.close();
    expect(has(image, secret)).toBe(true);
    const db = new ReplayDb(sql, image);
    const clean = db.export();
    db.close();
    expect(has(clean, secret)).toBe(false);
    expect(has(clean, new Uint8Array(32).fill(1))).toBe(true);
  });

  it('keeps the largest numbers, empty text and empty bytes apart', () => {
    const db = new ReplayDb(sql);
    const row = { hash: new Uint8Array(), expires: Number.MAX_SAFE_INTEGER };
    db.apply([
      { put: 'token', row },
      { put: 'meta', row: { key: '', value: new Uint8Array() } },
    ]);
    const again = new ReplayDb(sql, db.export());
    expect(again.all('token', { expires: Number.MAX_SAFE_INTEGER })).toEqual([row]);
    expect(again.all('token', { expires: Number.MAX_SAFE_INTEGER - 1 })).toEqual([]);
    expect(again.all('meta')).toEqual([{ key: '', value: new Uint8Array() }]);
    again.close();
    db.close();
  });

  it('of a newer version is refused', () => {
    const newer = new Sqlite(sql, 'CREATE TABLE t (a)');
    newer.run('PRAGMA user_version = 2');
    const image = newer.export();
    for (const open of [() => new ReplayDb(sql, image), () => new HistoryDb(sql, image)])
      expect(open).toThrow(expect.objectContaining({ code: 'newer-version' }));
    newer.close();
  });
});

describe('history', () => {
  it('gives pages from the end backwards, and says whether there are older ones', () => {
    const db = new HistoryDb(sql);
    db.apply(upTo(25).map(entry));
    db.apply([{ ...entry(1), chat: new Uint8Array(16).fill(9) }]);
    const pages: number[][] = [];
    for (let before: number | undefined; ; before = pages.at(-1)?.[0]) {
      const { entries, older } = db.page(chat, before, 10);
      pages.push(entries.map(({ position }) => position));
      if (!older) break;
    }
    expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
    expect(pages.toReversed().flat()).toEqual(upTo(25));
    expect(db.page(chat, undefined, 25)).toMatchObject({ older: false });
    expect(db.page(new Uint8Array(16), undefined, 10)).toEqual({ entries: [], older: false });
    expect(db.page(chat, undefined, 1).entries).toEqual([entry(25)]);
    db.close();
  });

  it('keeps one entry for each chat, sender, id and place, the newest, and never loses another for it', () => {
    const db = new HistoryDb(sql);
    db.apply([entry(1), entry(2), entry(1)]);
    db.apply([{ ...entry(2), text: 'again' }]);
    // The same place for another message: both stay.
    db.apply([{ ...entry(2), id: new Uint8Array(8), text: 'other' }]);
    db.apply([{ ...entry(2), sender: new Uint8Array(32), text: 'third' }]);
    // Nor does a sender erase what it said by using its id again.
    db.apply([{ ...entry(1), position: 9, text: 'much later' }]);
    const { entries } = db.page(chat, undefined, 10);
    expect(entries.map(({ text }) => text).sort()).toEqual([
      'again',
      'message 1',
      'much later',
      'other',
      'third',
    ]);
    db.close();
  });

  it('survives export, and stays open', () => {
    const db = new HistoryDb(sql);
    db.apply([entry(1)]);
    const image = db.export();
    db.apply([entry(2)]);
    expect(db.page(chat, undefined, 10).entries).toHaveLength(2);
    const again = new HistoryDb(sql, image);
    expect(again.page(chat, undefined, 10).entries.map(({ id }) => toHex(id))).toEqual([toHex(entry(1).id)]);
    again.close();
    db.close();
  });
});
