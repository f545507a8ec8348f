import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { Journal, readJournal } from '../../src/store/journal.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import { decodeChanges, encodeChanges } from '../../src/store/records.js';
import { ReplayDb } from '../../src/store/replayDb.js';
import { columnsOf, keyOf, TABLE_NAMES, toValues } from '../../src/store/rows.js';
import type { Change, Table, Value } from '../../src/store/schema.js';
import { sealedJournal } from '../../src/store/sealedJournal.js';
import { loadSqlJs } from '../../src/store/sqlite.js';
import { crashingFiles } from '../helpers/faultyFiles.js';
import { MemoryDisk } from '../helpers/memoryDisk.js';
import { message, messagesIn, openStore, storageKey, wasmPath } from '../helpers/stores.js';

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.maxSafeNat(),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 40 }),
);
const row = (columns: readonly string[], of = value) =>
  fc
    .tuple(...columns.map(() => of))
    .map((values) => Object.fromEntries(columns.map((name, i) => [name, values[i]])));

/** Few different keys, so that rows meet. */
const key = fc.oneof(fc.nat(3), fc.constantFrom('a', 'b'), fc.uint8Array({ maxLength: 1, max: 1 }));
const change: fc.Arbitrary<Change> = fc.constantFrom(...TABLE_NAMES).chain((table) =>
  fc.oneof(
    fc
      .tuple(row(columnsOf(table)), row(keyOf(table), key))
      .map(([rest, keys]) => ({ put: table, row: { ...rest, ...keys } }) as unknown as Change),
    row(keyOf(table), key).map((keys) => ({ drop: table, key: toValues(keyOf(table), keys) })),
  ),
);

describe('store', () => {
  it('reads back every record it writes, and no other bytes', () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        expect(decodeChanges(encodeChanges(changes))).toEqual(changes);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          expect(encodeChanges(decodeChanges(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed' });
        }
      }),
    );
  });

  it('holds the rows that the changes leave, also through an image', async () => {
    const sql = await loadSqlJs(new Uint8Array(await readFile(wasmPath)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(change, { maxLength: 20 }), fc.boolean()), { maxLength: 5 }),
        (steps) => {
          let db = new ReplayDb(sql);
          const rows = new Map<string, { table: Table; row: object }>();
          const nameOf = (table: Table, keys: readonly Value[]) =>
            JSON.stringify([table, keys.map((part) => (part instanceof Uint8Array ? [...part] : part))]);
          for (const [changes, reopen] of steps) {
            db.apply(changes);
            for (const each of changes)
              if ('put' in each)
                rows.set(nameOf(each.put, toValues(keyOf(each.put), each.row)), {
                  table: each.put,
                  row: each.row,
                });
              else if ('drop' in each) rows.delete(nameOf(each.drop, each.key));
            if (!reopen) continue;
            const image = db.export();
            db.close();
            db = new ReplayDb(sql, image);
          }
          const sorted = (list: readonly object[]) =>
            list.map((each) => JSON.stringify(toValues(Object.keys(each).sort(), each).map(String))).sort();
          for (const table of TABLE_NAMES)
            expect(sorted(db.all(table))).toEqual(
              sorted([...rows.values()].filter((each) => each.table === table).map((each) => each.row)),
            );
          db.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives the records in front of any damage to a journal', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array(), { maxLength: 8 }),
        damage,
        fc.nat(),
        async (payloads, flips, cut) => {
          const disk = new MemoryDisk();
          const journal = await Journal.create(
            '/j',
            sealedJournal(storageKey, 1, systemRandom(16)),
            disk.files,
          );
          const ends: number[] = [];
          for (const payload of payloads) {
            await journal.append(payload);
            ends.push(journal.size);
          }
          let intact = disk.size('/j') - (cut % (disk.size('/j') + 1));
          disk.cut('/j', intact);
          for (const [at, bits] of flips) {
            if (at % (intact + 1) === intact) continue;
            disk.damage('/j', at % intact, bits);
            intact = Math.min(intact, at % intact);
          }
          const whole = payloads.slice(0, ends.filter((end) => end <= intact).length);
          const { records } = await readJournal('/j', sealedJournal(storageKey, 1), disk.files);
          expect(records.slice(0, whole.length)).toEqual(whole);
          expect(records).toEqual(payloads.slice(0, records.length));
        },
      ),
    );
  });
});

const dir = '/participant';
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  fc.record({
    do: fc.constantFrom(
      'checkpoint' as const,
      'reopen' as const,
      'take over' as const,
      'former commits' as const,
    ),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      at: fc.integer({ min: 1, max: 60 }),
      power: fc.option(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
      ),
    }),
  },
);

describe('two windows and any crashes', () => {
  it('keep what was acknowledged, and nothing comes back that was gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        let disk = new MemoryDisk();
        let process = crashingFiles(disk.files);
        let dying: (typeof steps)[number] | undefined;
        let sent = 1;
        /** What is certainly there, and what nobody knows about: sent and not acknowledged. */
        let certain = new Set([1]);
        let unknown = new Set<number>();
        let former: ParticipantStore | undefined;
        await ParticipantStore.create(dir, storageKey, systemRandom, message(1), disk.files);
        const open = () => openStore(dir, { files: process.files, takeOver: true, checkpointEvery: 8 });
        let store = await open();

        async function check() {
          const { replay, history } = await messagesIn(store);
          expect(store.condition).toBe('clean');
          expect(history).toEqual(replay);
          for (const n of certain) expect(replay).toContain(n);
          for (const n of replay) expect(certain.has(n) || unknown.has(n)).toBe(true);
          certain = new Set(replay);
          unknown = new Set();
        }
        async function commit(by: ParticipantStore, count: number) {
          const numbers = Array.from({ length: count }, () => ++sent);
          const outcomes = await Promise.allSettled(numbers.map((n) => by.commit(message(n))));
          outcomes.forEach(({ status }, i) =>
            (status === 'fulfilled' ? certain : unknown).add(numbers[i] as number),
          );
        }
        /** The process and everything it had open is gone; another one opens what is left. */
        async function restart() {
          await Promise.all([store.close(), former?.close()]);
          former = undefined;
          if (dying?.do === 'crash' && dying.power) {
            const chances = dying.power;
            let i = 0;
            disk = disk.afterPowerFailure(() => chances[i++ % chances.length] as number);
          }
          dying = undefined;
          process = crashingFiles(disk.files);
          store = await open();
          await check();
        }

        for (const each of steps) {
          if (each.do === 'commit') await commit(store, each.count);
          else if (each.do === 'checkpoint') await store.checkpoint().catch(() => {});
          else if (each.do === 'former commits') await commit(former ?? store, 1);
          else if (each.do === 'crash') {
            dying = each;
            process.dieAt(each.at);
          } else if (each.do === 'reopen') {
            await store.close();
            store = await open().catch(() => store);
            if (!process.dead()) await check();
          } else {
            const next = await open().catch(() => undefined);
            if (!next) continue;
            await former?.close();
            [former, store] = [store, next];
            if (!process.dead()) await check();
          }
          if (process.dead()) await restart();
        }
        await restart();
        await Promise.all([store.close()]);
      }),
      { numRuns: Number(globalThis.process.env['STORE_RUNS'] ?? 60) },
    );
  });
});
