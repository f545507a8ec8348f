import { setImmediate } from 'node:timers/promises';
import type { Random } from '../crypto/random.js';
import { explained } from './diskErrors.js';
import { hasCode, nodeFiles, type Files } from './files.js';
import { discardOlder, listFolder } from './folder.js';
import type { HistoryKeeper, HistoryPort } from './history.js';
import type { Place } from './images.js';
import { createJournal, OwnedJournals } from './ownedJournals.js';
import { enterOwner, isOpen, openElsewhere } from './owner.js';
import { encodeChanges, encodeHead, encodeInTurns, SLICE, type Condition } from './records.js';
import { recover } from './recovery.js';
import type { ReplayDb } from './replayDb.js';
import type { Change, Table, Tables } from './schema.js';
import { loadSqlJs } from './sqlite.js';
import type { StoreOptions } from './storeOptions.js';

export type { StoreOptions } from './storeOptions.js';

const CHECKPOINT_EVERY = 500;
/** How often a takeover is tried that another journal gets in the way of. */
const CLAIMS = 5;
/** How often an idle owner looks whether it was replaced, ms. */
const WATCH_INTERVAL = 2000;

interface Commit {
  /** A long record is encoded when its turn comes. */
  readonly payload: Uint8Array | undefined;
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Everything that holds secrets, in one place to drop it from. */
interface Open {
  readonly options: StoreOptions;
  readonly place: Place;
  readonly journals: OwnedJournals;
  readonly replay: ReplayDb;
  readonly history: HistoryKeeper;
}

/**
 * One participant's tables and history. What was committed survives a crash at any instant. Errors of the disk are
 * UserError 'disk-full' and 'read-only'; after one, and after being replaced, every commit fails until the store is
 * opened again.
 */
export class ParticipantStore {
  #open: Open | undefined;
  #queue: Commit[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #checkpoint: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #committed = false;
  readonly #watch: NodeJS.Timeout;

  private constructor(
    open: Open,
    private readonly leave: () => Promise<void>,
    /**
     * rolled-back: the files are older than the guard. damaged: something in the middle can't be read; what came before
     * it is applied, the files are kept. Said again at the next opening unless something was committed, so what follows
     * from it belongs into the first commit.
     */
    readonly condition: Condition,
    private pending: number,
  ) {
    this.#open = open;
    this.#watch = setInterval(() => {
      this.#inTurn(() => open.journals.check()).catch(() => {});
    }, WATCH_INTERVAL).unref();
  }

  /** The first journal of a new participant, on disk. Throws EEXIST if there is one. */
  static create(
    dir: string,
    storageKey: Uint8Array,
    random: Random,
    changes: readonly Change[],
    files: Files = nodeFiles,
  ): Promise<void> {
    return explained(async () => {
      const journal = await createJournal({ dir, storageKey, random, files }, 1);
      const head = encodeHead({ previous: 0, count: 0, condition: 'clean' });
      try {
        await Promise.all([journal.append(head), journal.append(encodeChanges(changes))]);
      } finally {
        await journal.close();
      }
    });
  }

  /**
   * Takes the participant over. Throws UserError 'open-elsewhere' if a running process has it open and takeOver is not
   * set, or another is taking it over at the same time; and 'newer-version'.
   */
  static open(options: StoreOptions): Promise<ParticipantStore> {
    return explained(async () => {
      const { dir, storageKey, random, files = nodeFiles, wasm } = options;
      const place: Place = { dir, storageKey, random, files };
      if (!options.takeOver && (await isOpen(dir, files))) throw openElsewhere();
      const guarded = (await options.guard?.get().catch(() => undefined)) ?? 0;
      const { journals, highest } = await claim(place, guarded, () => options.onReplaced?.());
      const undo = [() => journals.close()];
      try {
        const leave = await enterOwner(dir, random, files);
        undo.push(leave);
        const history = await options.startHistory({ ...place, wasm });
        undo.push(() => history.close());
        const recovered = await recover(place, await loadSqlJs(wasm), history, journals.number);
        const { replay, head, records } = recovered;
        undo.push(async () => replay.close());
        const condition = head.condition === 'clean' && guarded > highest ? 'rolled-back' : head.condition;
        await journals.begin({ ...head, condition });
        const store = new ParticipantStore(
          { options, place, journals, replay, history },
          leave,
          condition,
          records,
        );
        undo.splice(0, undo.length, () => store.close());
        if (condition === 'damaged') await store.checkpoint();
        return store;
      } catch (error) {
        for (const step of undo.reverse()) await step().catch(() => {});
        throw hasCode(error, 'replaced') ? openElsewhere() : error;
      }
    });
  }

  /** The rows whose columns equal those of `where`, in the order of their key. */
  all<T extends Table>(table: T, where?: Partial<Tables[T]>): Tables[T][] {
    return this.#live.replay.all(table, where);
  }

  /** The rows of a table, read as they are asked for; nothing may be committed before the last one. */
  each<T extends Table>(table: T): Iterable<Tables[T]> {
    return this.#live.replay.each(table);
  }

  get history(): HistoryPort {
    return this.#live.history;
  }

  /**
   * Stores what one event changes, all of it or nothing. Resolves, in the order of the calls, when it is on disk,
   * applied, and nobody else had the participant by then; else throws UserError 'replaced'.
   */
  commit(changes: readonly Change[]): Promise<void> {
    return explained(() => {
      if (this.#closing) throw closed();
      const payload = changes.length > SLICE ? undefined : encodeChanges(changes);
      return new Promise<void>((resolve, reject) => {
        this.#queue.push({ payload, changes, resolve, reject });
        if (this.#queue.length === 1) void this.#inTurn(() => this.#writeQueue());
      });
    });
  }

  /** Resolves once every commit so far is on disk; throws as a commit would. */
  settled(): Promise<void> {
    return explained(() => this.#inTurn(() => this.#live.journals.write([])));
  }

  /** Writes both databases' images and removes the journals they contain. Commits go on meanwhile. */
  checkpoint(): Promise<void> {
    this.#checkpoint = this.#checkpoint.catch(() => {}).then(() => explained(() => this.#saveImages()));
    return this.#checkpoint;
  }

  /** Stores what was committed, gives the participant back and forgets its secrets. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #live(): Open {
    if (!this.#open) throw closed();
    return this.#open;
  }

  /** Runs `work` after all that came before: nothing is appended or applied in the middle of something else. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #writeQueue(): Promise<void> {
    const { options, journals, history } = this.#live;
    const commits: Commit[] = [];
    const payloads: Uint8Array[] = [];
    for (const commit of this.#queue.splice(0)) {
      try {
        payloads.push(commit.payload ?? (await encodeInTurns(commit.changes)));
        commits.push(commit);
      } catch (error) {
        commit.reject(error);
      }
    }
    try {
      await journals.write(payloads);
      const changes = commits.flatMap((commit) => commit.changes);
      await this.#apply(changes);
      history.apply(payloads);
    } catch (error) {
      journals.fail(error as Error);
      for (const { reject } of commits) reject(error);
      return;
    }
    this.#committed = true;
    for (const { resolve } of commits) resolve();
    this.pending += commits.length;
    if (this.pending < (options.checkpointEvery ?? CHECKPOINT_EVERY)) return;
    this.pending = 0;
    // If it fails the journals stay, and the next one is tried in due course.
    this.checkpoint().catch(() => {});
  }

  /** All at once, but for many rows that nobody reads before the next opening: these go first, slice by slice. */
  async #apply(changes: readonly Change[]): Promise<void> {
    const { replay } = this.#live;
    const unread = changes.length > SLICE ? changes.filter(isUnread) : [];
    for (let at = 0; at < unread.length; at += SLICE) {
      replay.apply(unread.slice(at, at + SLICE));
      await setImmediate();
    }
    replay.apply(unread.length > 0 ? changes.filter((change) => !isUnread(change)) : changes);
  }

  async #saveImages(): Promise<void> {
    const { options, place, journals, history } = this.#live;
    const { number, keep, saved } = await this.#inTurn(async () => {
      const keep = this.condition === 'damaged' && !this.#committed;
      await journals.next(this.#committed ? 'clean' : this.condition);
      this.pending = 0;
      return { number: journals.number, keep, saved: history.save(journals.number) };
    });
    await saved;
    await discardOlder(place.dir, number, keep, place.files);
    // SecretStorage may be locked or gone; without it an older copy is noticed by what the relay still has.
    await options.guard?.set(number).catch(() => {});
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    // Quickens the next opening and takes used keys off the disk; without it the journals have everything.
    await this.checkpoint().catch(() => {});
    const { journals, replay, history } = this.#live;
    this.#open = undefined;
    replay.close();
    await Promise.allSettled([journals.close(), history.close(), this.leave()]);
  }
}

const UNREAD: readonly string[] = ['member', 'outbox'] satisfies Table[];
const isUnread = (change: Change): boolean =>
  UNREAD.includes('put' in change ? change.put : 'drop' in change ? change.drop : '');

/** Goes above whatever there is, also when the owner writes its next journal at this moment. */
async function claim(place: Place, guarded: number, onReplaced: () => void) {
  for (let attempt = 1; ; attempt++) {
    const { highest } = await listFolder(place.dir, place.files);
    try {
      const journals = await OwnedJournals.claim(place, Math.max(highest, guarded) + 1, onReplaced);
      return { journals, highest };
    } catch (error) {
      if (!hasCode(error, 'open-elsewhere') || attempt === CLAIMS) throw error;
    }
  }
}

const closed = (): Error => new Error('The participant is closed.');
