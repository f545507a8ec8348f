import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { systemRandom } from '../../src/crypto/random.js';
import { sealKeyFile } from '../../src/protocol/keyFile.js';
import { replaceKeyFile } from '../../src/store/keyFiles.js';
import { RelayProcess, Team } from '../helpers/team.js';
import type { Order, Said } from './memberProcess.js';

const NAMES = ['Ada', 'Bo', 'Cy'];
const PASSWORD = 'password';
/** Nobody waits longer than this for anything, ms. */
const PATIENCE = 60_000;

/** A participant's process, see memberProcess.ts. */
export class Member {
  readonly #heard: Said[] = [];
  #wake: () => void = () => undefined;

  constructor(
    private readonly child: ChildProcess,
    readonly fingerprint: string,
  ) {
    child.on('message', (said: Said) => {
      this.#heard.push(said);
      this.#wake();
    });
  }

  order(order: Order): void {
    this.child.send(order);
  }

  /** When it said this, ms; waits for it. */
  async heard(said: Said['said'], what?: string): Promise<Said> {
    const until = Date.now() + PATIENCE;
    for (;;) {
      const found = this.#heard.findIndex((each) => each.said === said && (what ?? each.what) === each.what);
      if (found >= 0) return this.#heard.splice(found, 1)[0]!;
      if (Date.now() > until) throw new Error(`nothing ${said}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async close(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.order({ order: 'close' });
    await exit;
  }
}

export interface Members {
  readonly ada: Member;
  readonly others: readonly Member[];
  /** A folder on the disk that everything is stored on. */
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * Three participants, the relay with its durable store, and a WebSocket server that passes on what it gets: each in a
 * process of its own, but for the last, which is in this one.
 */
export async function openMembers(): Promise<Members> {
  const echo = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  echo.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => {
      for (const each of echo.clients) if (each !== socket) each.send(data);
    }),
  );
  await once(echo, 'listening');
  const { port } = echo.address() as { port: number };
  const data = join(process.env['TMPDIR'] ?? '/tmp', `bench-relay-${process.pid}`);
  const relay = await new RelayProcess(['--data', data]).start();
  const team = await Team.make(NAMES, relay);
  const members = await Promise.all(
    NAMES.map(async (name) => {
      const dir = join(team.root, name);
      const { identity, secrets } = team.person(name);
      const cost = { logN: 14, r: 8, p: 1 };
      const file = await sealKeyFile(identity.card.bytes, secrets, PASSWORD, systemRandom, cost);
      await replaceKeyFile(dir, file);
      const script = join(import.meta.dirname, 'memberProcess.bench.mjs');
      const child = fork(script, [dir, PASSWORD, relay.url, `ws://127.0.0.1:${port}`]);
      const member = new Member(child, team.fingerprint(name));
      await member.heard('online');
      return member;
    }),
  );
  const [ada, ...others] = members as [Member, ...Member[]];
  return {
    ada,
    others,
    folder: team.root,
    async close() {
      await Promise.all(members.map((member) => member.close()));
      echo.close();
      await team.close();
    },
  };
}

/** Ada invites both; gives the group and the ms until the last of the three sees everybody present. */
export async function found({
  ada,
  others,
}: Members): Promise<{ group: string; took: number; inviter: number }> {
  ada.order({ order: 'invite', others: others.map(({ fingerprint }) => fingerprint) });
  const { what: group, at } = await ada.heard('begun');
  const present = [ada, ...others].map((member) => member.heard('all present', group));
  const times = (await Promise.all(present)).map((said) => said.at - at);
  return { group, took: Math.max(...times), inviter: times[0]! };
}
