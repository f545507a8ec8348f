import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { wrapHere, type Wrap } from '../client/effects.js';
import { systemRandom } from '../crypto/random.js';
import type { Wrapped } from '../protocol/invitation.js';

/** Fewer jobs than this are not worth starting threads for. */
const FEW = 32;
const THREADS = Math.max(1, Math.min(4, availableParallelism()));
/** Jobs in one message: a part of a second's work. */
const PART = 16;

/** A thread with nothing to do ends after this, ms: it takes long to get up to speed, and changes come in a row. */
const IDLE = 30_000;

/** Shows people how many of so many jobs are done while `work` goes on. */
export type Progress = <T>(of: number, work: (report: (done: number) => void) => Promise<T>) => Promise<T>;

const unseen: Progress = (_, work) => work(() => undefined);

/** Wraps in worker threads; `script` is the path of the built tokenWorker.js. */
export const wrapInThreads = (script: string, progress = unseen): Wrap => {
  const few = wrapHere(systemRandom);
  const idle: { worker: Worker; ends: NodeJS.Timeout }[] = [];
  const hired = (): Worker => {
    const rested = idle.pop();
    if (!rested) return new Worker(script);
    clearTimeout(rested.ends);
    rested.worker.removeAllListeners('error').ref();
    return rested.worker;
  };
  const rests = (worker: Worker): void => {
    worker.unref();
    const each = { worker, ends: setTimeout(() => end(), IDLE).unref() };
    const end = () => {
      clearTimeout(each.ends);
      idle.splice(idle.indexOf(each), 1);
      void worker.terminate();
    };
    // One that breaks while it rests is not hired again, and breaks nothing else.
    worker.once('error', end);
    idle.push(each);
  };
  return async (jobs) => {
    if (jobs.length < FEW) return few(jobs);
    const results: (Wrapped | undefined)[] = [];
    let next = 0;
    let done = 0;
    const thread = async (report: (done: number) => void) => {
      const worker = hired();
      try {
        while (next < jobs.length) {
          const at = next;
          next += PART;
          worker.postMessage(jobs.slice(at, at + PART));
          const part = await new Promise<readonly (Wrapped | undefined)[]>((resolve, reject) => {
            worker.once('message', resolve).once('error', reject);
          });
          worker.removeAllListeners('error');
          for (const [i, wrapped] of part.entries()) results[at + i] = wrapped;
          report((done += part.length));
        }
      } catch (error) {
        await worker.terminate();
        throw error;
      }
      rests(worker);
    };
    const threads = Math.min(THREADS, Math.ceil(jobs.length / PART));
    await progress(jobs.length, (report) =>
      Promise.all(Array.from({ length: threads }, () => thread(report))),
    );
    return results;
  };
};
