import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import type { Said } from '../helpers/storeProcess.js';
import { message, newFolder, storageKey, wasmPath } from '../helpers/stores.js';

const KILLS = Number(process.env['STORE_KILLS'] ?? 60);
const FIGHTS = Number(process.env['STORE_FIGHTS'] ?? 25);
const chance = (part: number) => Math.random() < part;
const upTo = (most: number) => Math.floor(Math.random() * (most + 1));

let built: string;
beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'store-process-'));
  await build({
    entryPoints: ['test/helpers/storeProcess.ts', 'src/store/historyWorker.ts'],
    outdir: built,
    entryNames: '[name]',
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
});
afterAll(() => rm(built, { recursive: true }));

/** A process of storeProcess.ts, and what was heard from it. */
class Window {
  opening = 0;
  opened: Extract<Said, { said: 'opened' }>[] = [];
  replaced = 0;
  readonly #process: ChildProcess;
  readonly #heard = new EventEmitter();
  #count = 0;

  /** `accepted`: all messages that any window ever said it accepted. */
  constructor(
    dir: string,
    private readonly accepted: Set<number>,
  ) {
    const args = [join(built, 'storeProcess.js'), dir, wasmPath, join(built, 'historyWorker.js')];
    this.#process = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void this.#process.kill('SIGKILL'));
    const lines = createInterface({ input: this.#process.stdout as Readable });
    lines.on('line', (line) => {
      this.#hear(JSON.parse(line) as Said);
      this.#heard.emit('line');
    });
    this.#process.on('close', () => this.#heard.emit('line'));
  }

  take(): void {
    this.#process.stdin?.write('take\n');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.#process.exitCode !== null) throw new Error('The window ended by itself.');
      await once(this.#heard, 'line');
    }
  }

  /** Waits for messages to be accepted from now on. */
  accepts(count: number): Promise<void> {
    const goal = this.#count + count;
    return this.until(() => this.#count >= goal);
  }

  /** Takes over, and holds everything that was ever accepted, in both databases. */
  async takeAndCheck(): Promise<void> {
    const before = this.opened.length;
    const expected = [...this.accepted];
    this.take();
    await this.until(() => this.opened.length > before);
    const { condition, replay, history } = this.opened.at(-1) as Window['opened'][0];
    expect(condition).toBe('clean');
    expect(history).toEqual(replay);
    expect(expected.filter((n) => !replay.includes(n))).toEqual([]);
  }

  /** kill -9; resolves when all it said was heard. */
  async kill(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }

  #hear(what: Said): void {
    if (what.said === 'accepted') {
      if (this.accepted.has(what.message)) throw new Error(`Message ${what.message} was accepted twice.`);
      this.accepted.add(what.message);
      this.#count++;
    } else if (what.said === 'opened') this.opened.push(what);
    else if (what.said === 'failed') throw new Error(`A window failed: ${what.code}`);
    else this[what.said]++;
  }
}

async function newParticipant(): Promise<string> {
  const dir = await newFolder();
  await ParticipantStore.create(dir, storageKey, systemRandom, message(1));
  return dir;
}

describe('a participant', { timeout: 600_000 }, () => {
  it(`holds everything acknowledged through ${KILLS} kills`, async () => {
    const dir = await newParticipant();
    const accepted = new Set([1]);
    for (let kill = 1; kill <= KILLS; kill++) {
      const window = new Window(dir, accepted);
      if (chance(0.15)) {
        window.take();
        await window.until(() => window.opening > 0);
      } else {
        await window.takeAndCheck();
        await window.accepts(upTo(40));
      }
      await window.kill();
    }
    await new Window(dir, accepted).takeAndCheck();
    expect(accepted.size).toBeGreaterThan(KILLS);
  });

  it(`is owned by one of three windows through ${FIGHTS} fights with pauses and kills`, async () => {
    const dir = await newParticipant();
    const accepted = new Set([1]);
    const windows = [0, 1, 2].map(() => new Window(dir, accepted));
    let owner = 0;
    await windows[owner]?.takeAndCheck();
    for (let fight = 1; fight <= FIGHTS; fight++) {
      const former = windows[owner] as Window;
      await former.accepts(upTo(15));
      const replaced = former.replaced;
      const [first, second] = [1, 2].map((step) => windows[(owner + step) % 3]) as [Window, Window];
      const paused = chance(0.5);
      if (paused) former.signal('SIGSTOP');

      if (chance(0.3)) {
        // Two at once: one of them stays.
        const before = first.replaced;
        const late = second.replaced;
        first.take();
        second.take();
        await Promise.race([
          first.until(() => first.replaced > before),
          second.until(() => second.replaced > late),
        ]);
        owner = windows.indexOf(first.replaced > before ? second : first);
      } else {
        await first.takeAndCheck();
        owner = windows.indexOf(first);
      }
      await windows[owner]?.accepts(upTo(5));

      if (paused) former.signal('SIGCONT');
      await former.until(() => former.replaced > replaced);
      if (chance(0.3)) {
        await windows[owner]?.kill();
        windows[owner] = new Window(dir, accepted);
        await windows[owner]?.takeAndCheck();
      }
    }
    await windows[(owner + 1) % 3]?.takeAndCheck();
  });
});
