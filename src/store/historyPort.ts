import { Worker } from 'node:worker_threads';
import { UserError } from '../protocol/errors.js';
import { History, type HistoryKeeper } from './history.js';
import type { HistoryPage } from './historyDb.js';
import type { FoundImage, ImageKind, Place } from './images.js';
import { loadSqlJs } from './sqlite.js';

export type { HistoryKeeper } from './history.js';

export interface HistoryOptions extends Place {
  /** sql-wasm.wasm. */
  readonly wasm: Uint8Array;
}
export type StartHistory = (options: HistoryOptions) => Promise<HistoryKeeper>;

/** What a worker is started with; it uses the system's own files and randomness. */
export type WorkerOptions = Pick<HistoryOptions, 'dir' | 'storageKey' | 'wasm'>;
type Method = keyof HistoryKeeper;
export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly values: readonly unknown[];
}
export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code?: string; readonly forPeople: boolean };
}

/** The history in the same thread. */
export const inlineHistory: StartHistory = async (options) =>
  new History(await loadSqlJs(options.wasm), options);

/** The history in a worker thread; `script` is the path of the built historyWorker.js. */
export const workerHistory =
  (script: string): StartHistory =>
  async ({ dir, storageKey, wasm }) => {
    const workerData: WorkerOptions = { dir, storageKey, wasm };
    return new WorkerHistory(new Worker(script, { workerData }));
  };

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

class WorkerHistory implements HistoryKeeper {
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #stopped: Error | undefined;

  constructor(private readonly worker: Worker) {
    worker.on('message', (reply: Reply) => this.#answer(reply));
    worker.on('error', (error) => this.#stop(error.message));
    worker.on('exit', () => this.#stop('it ended'));
  }

  load(images: Record<ImageKind, readonly number[]>): Promise<Record<ImageKind, FoundImage>> {
    return this.#ask('load', [images]);
  }

  apply(records: readonly Uint8Array[], historyOnly?: boolean): void {
    // A view is sent with the whole of its buffer.
    const own = records.map((record) => record.slice());
    const buffers = own.map(({ buffer }) => buffer);
    // A worker that stopped can't save an image, so the journals keep the records.
    this.#ask('apply', [own, historyOnly], buffers).catch(() => {});
  }

  page(chat: Uint8Array, before: number | undefined, limit: number): Promise<HistoryPage> {
    return this.#ask('page', [chat, before, limit]);
  }

  save(number: number): Promise<void> {
    return this.#ask('save', [number]);
  }

  async close(): Promise<void> {
    await this.#ask('close', []).catch(() => {});
    await this.worker.terminate();
  }

  #ask<T>(method: Method, values: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw this.#stopped;
      const request: Request = { id: this.#asked++, method, values };
      this.#waiting.set(request.id, { resolve, reject });
      this.worker.postMessage(request, transfer);
    });
  }

  #answer({ id, result, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!error) waiting?.resolve(result as never);
    else if (error.forPeople) waiting?.reject(new UserError(error.code ?? '', error.message));
    else waiting?.reject(Object.assign(new Error(error.message), { code: error.code }));
  }

  #stop(why: string): void {
    this.#stopped ??= new UserError(
      'history-stopped',
      `The part of Secure Chat that keeps the history stopped (${why}). No message is lost: lock this participant and unlock it again.`,
    );
    for (const { reject } of this.#waiting.values()) reject(this.#stopped);
    this.#waiting.clear();
  }
}
