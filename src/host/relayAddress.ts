import { mkdir, readFile } from 'node:fs/promises';
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Uri } from 'vscode';
import { setting } from './settings.js';

/** What a running local relay says of itself in its announce file, and at /healthz. */
const Announcement = v.object({
  port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  relayId: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
export type Announcement = v.InferOutput<typeof Announcement>;

const HEALTH_TIMEOUT = 2_000;
const MAX_ANNOUNCEMENT = 4096;

/** Where the relay is: the configured one, else the one that runs on this machine. */
export class RelayAddress {
  readonly folder: string;
  readonly announceFile: string;

  constructor(storage: Uri) {
    this.folder = join(storage.fsPath, 'relay');
    this.announceFile = join(this.folder, 'relay.json');
  }

  /** Undefined while no relay is known. */
  async url(): Promise<string | undefined> {
    const configured = setting('relayUrl');
    if (configured !== '') return configured;
    const local = await this.announced();
    return local && localUrl(local);
  }

  async announced(): Promise<Announcement | undefined> {
    try {
      const text = await readFile(this.announceFile, 'utf8');
      return v.parse(Announcement, JSON.parse(text.slice(0, MAX_ANNOUNCEMENT)));
    } catch {
      return undefined;
    }
  }

  /** The local relay, if it answers and is the one that was announced. */
  async running(): Promise<Announcement | undefined> {
    const local = await this.announced();
    if (!local) return undefined;
    try {
      const answer = await fetch(`http://127.0.0.1:${local.port}/healthz`, {
        signal: AbortSignal.timeout(HEALTH_TIMEOUT),
        redirect: 'error',
      });
      const health = (await answer.json()) as { relayId?: unknown };
      return health.relayId === local.relayId ? local : undefined;
    } catch {
      return undefined;
    }
  }

  /** Calls back when a relay may have started or stopped on this machine. */
  async watch(changed: () => void): Promise<FSWatcher> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    return watch(this.folder, (_event, name) => name === 'relay.json' && changed()).unref();
  }
}

export const localUrl = ({ port }: Announcement): string => `ws://127.0.0.1:${port}`;
