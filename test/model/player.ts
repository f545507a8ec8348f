import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ChatClient } from '../../src/client/chatClient.js';
import type { Effects } from '../../src/client/effects.js';
import { prekeyRow } from '../../src/client/prekeys.js';
import { toHex } from '../../src/crypto/bytes.js';
import { parsePrivateKey } from '../../src/crypto/rsa.js';
import { newIdentity, type Identity, type OwnPrekey } from '../../src/protocol/identity.js';
import { wrap } from '../../src/protocol/invitation.js';
import type { Files } from '../../src/store/files.js';
import { inlineHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import type { Change, HistoryEntry } from '../../src/store/schema.js';
import { MemoryDisk } from '../helpers/memoryDisk.js';
import { Chance } from './chance.js';
import { RELAY_URL } from './relayModel.js';
import type { Scope } from './virtualTime.js';
import type { World } from './world.js';

export const START = Date.UTC(2026, 0, 5);
const NAMES = ['Ada', 'Bo', 'Cy', 'Dee', 'Eve', 'Flo'] as const;
const DIR = '/disk';
const wasm = new Uint8Array(
  readFileSync(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm')),
);

export interface Person {
  readonly name: string;
  readonly identity: Identity;
  readonly prekey: OwnPrekey;
  readonly fingerprint: string;
  /** As it was right after the participants were made together. */
  readonly disk: MemoryDisk;
}

let people: Promise<readonly Person[]> | undefined;

/** Six participants made together, once in this process. */
export const makePeople = (): Promise<readonly Person[]> => (people ??= make());

async function make(): Promise<readonly Person[]> {
  const random = new Chance(1).bytes;
  const made: { name: string; identity: Identity; prekey: OwnPrekey }[] = [];
  for (const name of NAMES) {
    const { card, prekey, secrets } = await newIdentity(name, random, START);
    const signKey = parsePrivateKey(secrets.signKey);
    const transportKey = parsePrivateKey(secrets.transportKey);
    made.push({ name, identity: { card, signKey, transportKey, storageKey: secrets.storageKey }, prekey });
  }
  return Promise.all(
    made.map(async ({ name, identity, prekey }) => {
      const disk = new MemoryDisk();
      const changes: Change[] = [
        {
          put: 'prekey',
          row: prekeyRow(prekey),
        },
        ...made
          .filter((other) => other.identity !== identity)
          .map(({ identity: { card } }): Change => ({
            put: 'contact',
            row: { fingerprint: card.fingerprint, card: card.bytes, trust: 'verified', added: START },
          })),
      ];
      await ParticipantStore.create(DIR, identity.storageKey, random, changes, disk.files);
      return { name, identity, prekey, disk, fingerprint: toHex(identity.card.fingerprint) };
    }),
  );
}

/** One participant in a run: its disk, which lasts, and the session that runs on it now. */
export class Player {
  client: ChatClient | undefined;
  store: ParticipantStore | undefined;
  #disk: MemoryDisk;
  #older: MemoryDisk;
  #scope: Scope;
  readonly #turns = new Set<() => void>();
  /** Operations on the disk until the machine fails. */
  #fuse = Infinity;
  /** The disk was put back to an older state at some time. */
  rolledBack = false;
  /** A number kept outside the disk, or not. */
  #guard: number | undefined;
  readonly notices: string[] = [];

  constructor(
    readonly world: World,
    readonly person: Person,
    readonly guarded: boolean,
  ) {
    this.#disk = person.disk.copy();
    this.#older = person.disk.copy();
    this.#scope = world.time.scope();
  }

  get name(): string {
    return this.person.name;
  }

  get fingerprint(): string {
    return this.person.fingerprint;
  }

  get paused(): boolean {
    return this.#scope.paused;
  }

  pause(): void {
    this.#scope.paused = true;
  }

  wake(): void {
    this.#scope.wake();
  }

  after(ms: number, run: () => void): void {
    this.#scope.after(ms, run);
  }

  /** What the disk is put back to when it is rolled back. */
  keepCopy(): void {
    this.#older = this.#disk.afterPowerFailure(() => 0);
  }

  async open(): Promise<void> {
    if (this.client) return;
    const { world } = this;
    const scope = (this.#scope = world.time.scope());
    const random = world.chance.bytes;
    const log = (event: string) => world.say(this, event);
    const effects: Effects = {
      clock: scope,
      random,
      dial: world.relay.dial(scope),
      wrap: (jobs) => Promise.resolve(jobs.map((job) => wrap(job, random))),
      relayAddress: () => Promise.resolve(RELAY_URL),
      log,
    };
    const opened = await this.#open(scope, effects).catch((error: unknown) => {
      if (!scope.over) throw error;
    });
    if (!opened) return;
    const { store, client } = opened;
    if (scope.over) return void world.closing.push(client.close().catch(() => undefined));
    this.store = store;
    this.client = client;
    const accept = (id: string) =>
      scope.after(world.chance.upTo(5_000), () => {
        log(`accepts invitation ${id.slice(0, 6)}`);
        client.accept(id).catch((error: unknown) => log(`not accepted: ${(error as Error).message}`));
      });
    client.events.on('invited', accept);
    client.events.on('ended', (reason, text) => {
      if (!scope.over) world.fail(`${this.name}'s session ended: ${reason}: ${text}`);
    });
    client.events.on('messages', (_group, messages) => {
      if (!scope.over) world.shown(this, messages);
    });
    for (const { id } of client.view().invitations) accept(id);
    client.connect();
  }

  async #open(scope: Scope, effects: Effects): Promise<{ store: ParticipantStore; client: ChatClient }> {
    const { person } = this;
    const store = await ParticipantStore.open({
      dir: DIR,
      storageKey: person.identity.storageKey,
      wasm,
      random: effects.random,
      startHistory: inlineHistory,
      takeOver: true,
      files: this.#files(this.#disk, scope),
      checkpointEvery: 60,
      ...(this.guarded
        ? { guard: { get: async () => this.#guard, set: async (n: number) => void (this.#guard = n) } }
        : {}),
    });
    try {
      const settings = { inviteLifetime: 7 * 24 * 3600 * 1000 };
      return {
        store,
        client: await ChatClient.open({ identity: person.identity, store, effects, settings }),
      };
    } catch (error) {
      await store.close().catch(() => undefined);
      throw error;
    }
  }

  /** The machine fails after so many more operations on its disk; at once if 0. */
  failAfter(operations: number): void {
    if (operations === 0) this.#crash();
    else this.#fuse = operations;
  }

  /** No failure that was to come will come. */
  calm(): void {
    this.#fuse = Infinity;
  }

  #crash(): void {
    if (this.#scope.over) return;
    this.world.say(this, 'crashes');
    this.#scope.over = true;
    this.#fuse = Infinity;
    this.#disk = this.#disk.afterPowerFailure(() => this.world.chance.share());
    const { client } = this;
    this.client = undefined;
    this.store = undefined;
    for (const turn of [...this.#turns]) turn();
    if (client) this.world.closing.push(client.close().catch(() => undefined));
  }

  /** Crashes, and comes back with the disk as it was at keepCopy(). */
  rollBack(): void {
    this.#crash();
    this.world.say(this, 'is rolled back');
    this.#disk = this.#older.copy();
    this.rolledBack = true;
  }

  end(): void {
    const { client } = this;
    this.#scope.over = true;
    for (const turn of [...this.#turns]) turn();
    if (client) this.world.closing.push(client.close().catch(() => undefined));
  }

  /** A disk takes its time, once there is somebody who waits for it. */
  #turn(scope: Scope): Promise<void> {
    const { chance } = this.world;
    if (!this.client || scope.over || this.world.over) return Promise.resolve();
    return new Promise((resolve) => {
      const turn = () => {
        this.#turns.delete(turn);
        resolve();
      };
      this.#turns.add(turn);
      scope.after(chance.once(0.9) ? 1 + chance.upTo(3) : chance.upTo(100), turn);
    });
  }

  #files(disk: MemoryDisk, scope: Scope): Files {
    const check = () => {
      if (!scope.over && --this.#fuse <= 0) this.#crash();
      if (scope.over) throw new Error('the machine is off');
    };
    const { files } = disk;
    return {
      ...files,
      open: async (...args: Parameters<Files['open']>) => {
        check();
        const handle = await files.open(...args);
        const guarded =
          <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
          async (...values: A): Promise<R> => {
            check();
            await this.#turn(scope);
            check();
            return work(...values);
          };
        return {
          sync: guarded(() => handle.sync()),
          close: () => handle.close(),
          writeFile: guarded((data: Uint8Array) => handle.writeFile(data)),
          datasync: guarded(() => handle.datasync()),
        };
      },
      rename: async (from: string, to: string) => {
        check();
        return files.rename(from, to);
      },
      rm: async (path: string) => {
        check();
        return files.rm(path);
      },
    } as unknown as Files;
  }

  /** Everything in the history of a group, oldest first. */
  async history(group: string): Promise<HistoryEntry[]> {
    const all: HistoryEntry[] = [];
    for (let before: number | undefined; ;) {
      const chat = Buffer.from(group, 'hex');
      const { entries, older } = await this.store!.history.page(new Uint8Array(chat), before, 200);
      all.unshift(...entries);
      if (!older) return all;
      before = entries[0]!.position;
    }
  }
}
