import type { Files } from '../../src/store/files.js';

type Call = (...values: unknown[]) => Promise<unknown>;
/** Decides on a call before it is made: undefined lets it through, perhaps later; an error is thrown instead. */
export type Fault = (name: string, values: readonly unknown[]) => Error | undefined | Promise<undefined>;

function faulty<T extends object>(target: T, fault: Fault, prefix = ''): T {
  return new Proxy(target, {
    get(from, key) {
      const call = Reflect.get(from, key) as unknown;
      if (typeof call !== 'function') return call;
      return async (...values: unknown[]) => {
        const name = prefix + String(key);
        const error = await fault(name, values);
        if (error) {
          // What fails in the middle of a write has written something; a dead process has nothing open.
          if (name === 'handle.writeFile') await (call as Call).call(from, half(values[0]));
          if (name === 'handle.close') await (call as Call).call(from);
          throw error;
        }
        const result = await (call as Call).apply(from, values);
        return name === 'open' ? faulty(result as object, fault, 'handle.') : result;
      };
    },
  });
}

const half = (data: unknown) => Buffer.from(data as string).subarray(0, (data as string).length >> 1);

/** The files with a fault in any operation on them or on their handles. */
export const faultyFiles = (files: Files, fault: Fault): Files => faulty(files, fault);

export class Crash extends Error {}

export interface CrashingFiles {
  readonly files: Files;
  /** The `at`th operation from now (1, 2, …) and all later ones fail. */
  dieAt(at: number): void;
  dead(): boolean;
  readonly calls: readonly string[];
}

/** Files of a process that can be made to die. */
export function crashingFiles(files: Files): CrashingFiles {
  const calls: string[] = [];
  let left = Infinity;
  return {
    calls,
    dieAt: (at) => void (left = at),
    dead: () => left <= 0,
    files: faultyFiles(files, (name) => {
      calls.push(name);
      return --left <= 0 ? new Crash(`died at ${name}`) : undefined;
    }),
  };
}
