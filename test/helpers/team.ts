import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ChatClient, type ClientOptions } from '../../src/client/chatClient.js';
import { systemClock, wrapHere, type Clock, type Dial, type Effects } from '../../src/client/effects.js';
import { dialWebSocket } from '../../src/client/webSocket.js';
import { prekeyRow } from '../../src/client/prekeys.js';
import { toHex } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import type { MessageView } from '../../src/shared/view.js';
import { inlineHistory } from '../../src/store/historyPort.js';
import { writeParticipants } from '../../src/store/keyFiles.js';
import { ParticipantStore, type StoreOptions } from '../../src/store/participantStore.js';
import type { Change } from '../../src/store/schema.js';
import { makePeople } from './people.js';

type Person = Awaited<ReturnType<typeof makePeople>>[number];

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '../..');

/** The relay as a process of its own, from dist/relay.js. */
export class RelayProcess {
  #child: ChildProcess | undefined;
  port = 0;

  constructor(readonly args: readonly string[] = []) {}

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Listens on a free port at first, and on the same one after a restart. */
  async start(): Promise<this> {
    const child = spawn(
      process.execPath,
      [join(root, 'dist/relay.js'), '--port', String(this.port), ...this.args],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^Relay listening on ws:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
      if (!port) continue;
      this.port = Number(port);
      child.stdout.resume();
      return this;
    }
    throw new Error('the relay did not start');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }
}

/** A clock on which everything takes a fraction of its time. */
export function fastClock(times: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * times,
    after: (ms, task) => systemClock.after(ms / times, task),
  };
}

/** A clock that runs with the system's, ahead or behind by `offset` ms. */
export const shiftedClock = (offset: number): Clock => ({ ...systemClock, now: () => Date.now() + offset });

export interface OpenOptions {
  readonly clock?: Clock;
  readonly dial?: Dial;
  readonly relay?: () => string | undefined;
  readonly inviteLifetime?: number;
  readonly store?: Partial<StoreOptions>;
}

/** Participants made together, with their folders on disk and their sessions. */
export class Team {
  readonly #open = new Set<ChatClient>();
  readonly log: string[] = [];

  private constructor(
    readonly root: string,
    readonly people: ReadonlyMap<string, Person>,
    private readonly wasm: Uint8Array,
    public relay: RelayProcess,
  ) {}

  static async make(names: readonly string[], relay: RelayProcess): Promise<Team> {
    const folder = await mkdtemp(join(tmpdir(), 'secure-chat-'));
    const people = await makePeople([...names]);
    const wasm = new Uint8Array(await readFile(require.resolve('sql.js/dist/sql-wasm.wasm')));
    const now = Date.now();
    await writeParticipants(
      folder,
      people.map(({ identity, prekey }, i) => ({
        folderName: names[i]!,
        keyFile: new Uint8Array(1),
        storageKey: identity.storageKey,
        changes: [
          {
            put: 'prekey',
            row: prekeyRow(prekey),
          },
          ...people
            .filter((other) => other.identity !== identity)
            .map(({ identity: { card } }): Change => ({
              put: 'contact',
              row: { fingerprint: card.fingerprint, card: card.bytes, trust: 'verified', added: now },
            })),
        ],
      })),
      systemRandom,
    );
    return new Team(folder, new Map(names.map((name, i) => [name, people[i]!])), wasm, relay);
  }

  person(name: string): Person {
    return this.people.get(name)!;
  }

  fingerprint(name: string): string {
    return toHex(this.person(name).identity.card.fingerprint);
  }

  async store(name: string, options: Partial<StoreOptions> = {}): Promise<ParticipantStore> {
    return ParticipantStore.open({
      dir: join(this.root, name),
      storageKey: this.person(name).identity.storageKey,
      wasm: this.wasm,
      random: systemRandom,
      startHistory: inlineHistory,
      ...options,
    });
  }

  /** A session of this participant, dialling at once. */
  async open(name: string, options: OpenOptions = {}): Promise<ChatClient> {
    const opened: { client?: ChatClient } = {};
    const store = await this.store(name, { onReplaced: () => opened.client?.replaced(), ...options.store });
    const effects: Effects = {
      clock: options.clock ?? systemClock,
      random: systemRandom,
      dial: options.dial ?? dialWebSocket,
      wrap: wrapHere(systemRandom),
      relayAddress: () => Promise.resolve(options.relay ? options.relay() : this.relay.url),
      log: (event) => this.log.push(`${name}: ${event}`),
    };
    const clientOptions: ClientOptions = {
      identity: this.person(name).identity,
      store,
      effects,
      settings: { inviteLifetime: options.inviteLifetime ?? 7 * 24 * 3600 * 1000 },
    };
    const client = await ChatClient.open(clientOptions);
    opened.client = client;
    this.#open.add(client);
    client.connect();
    return client;
  }

  /** Makes a group of `first` with the others, all of whom accept. Gives its id. */
  async group(
    first: ChatClient,
    others: Readonly<Record<string, ChatClient>>,
    title = 'Team',
  ): Promise<string> {
    const group = await first.invite(
      title,
      Object.keys(others).map((name) => this.fingerprint(name)),
    );
    for (const client of Object.values(others)) await acceptNext(client);
    await until(first, () => members(first, group).every(({ presence }) => presence === 'present'));
    return group;
  }

  /** Ada’s group with Bo and Cy; who is named in `through` reaches the relay that way. */
  async three(options: OpenOptions = {}, through: Readonly<Partial<Record<string, { dial: Dial }>>> = {}) {
    const open = (name: string) =>
      this.open(name, { ...options, ...(through[name] && { dial: through[name].dial }) });
    const [ada, bo, cy] = await Promise.all([open('Ada'), open('Bo'), open('Cy')]);
    return { ada, bo, cy, group: await this.group(ada, { Bo: bo, Cy: cy }) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((client) => client.close()));
    await this.relay.stop();
    await rm(this.root, { recursive: true, force: true });
  }
}

export const members = (client: ChatClient, group: string) =>
  client.view().groups.find(({ id }) => id === group)?.members ?? [];

/** Waits, event by event, until something holds of the client. */
export function until(
  client: ChatClient,
  holds: () => boolean | Promise<boolean>,
  within = 30_000,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      stop();
      reject(new Error(`not so within ${within} ms: ${holds.toString()}`));
    }, within);
    let checking = false;
    let again = false;
    const stop = () => {
      clearTimeout(late);
      client.events.off('changed', look).off('messages', look).off('invited', look).off('ended', look);
    };
    const look = () => {
      again = true;
      if (checking) return;
      checking = true;
      void (async () => {
        while (again) {
          again = false;
          if (!(await holds())) continue;
          stop();
          return resolve();
        }
        checking = false;
      })().catch((error: unknown) => {
        stop();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    };
    client.events.on('changed', look).on('messages', look).on('invited', look).on('ended', look);
    look();
  });
}

/** Accepts the next invitation that comes. Gives the group's id. */
export async function acceptNext(client: ChatClient): Promise<string> {
  await until(client, () => client.view().invitations.length > 0);
  return client.accept(client.view().invitations[0]!.id);
}

/** The texts of a group's newest page, oldest first. */
export async function texts(client: ChatClient, group: string): Promise<string[]> {
  const { messages } = await client.page(group);
  return messages.filter(({ kind }) => kind === 'text').map(({ sender, text }) => `${sender.name}: ${text}`);
}

export const hasText = (client: ChatClient, group: string, text: string) => () =>
  texts(client, group).then((all) => all.includes(text));

export async function message(
  client: ChatClient,
  group: string,
  text: string,
): Promise<MessageView | undefined> {
  const { messages } = await client.page(group);
  return messages.find((each) => each.text === text);
}
