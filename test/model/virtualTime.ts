import type { Clock } from '../../src/client/effects.js';

interface Task {
  readonly at: number;
  readonly order: number;
  readonly scope: Scope;
  run: (() => void) | undefined;
}

/** Lets everything that can go on go on: nothing in a run waits for anything but promises, turns and tasks. */
export async function settle(): Promise<void> {
  do await new Promise(setImmediate);
  while (process.getActiveResourcesInfo().includes('Immediate'));
}

/** Time that passes only when told to: tasks run one after another, each until nothing moves any more. */
export class VirtualTime {
  #now: number;
  #order = 0;
  /** A heap by time, then order. */
  readonly #tasks: Task[] = [];
  /** Tasks run so far. */
  ran = 0;

  constructor(start: number) {
    this.#now = start;
  }

  get now(): number {
    return this.#now;
  }

  scope(): Scope {
    return new Scope(this);
  }

  add(scope: Scope, ms: number, run: () => void): Task {
    const task: Task = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order++, scope, run };
    this.#push(task);
    return task;
  }

  /** Runs what is due within `ms`. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#tasks[0];
      if (!next || next.at > end) break;
      this.#pop();
      if (!next.run || next.scope.over) continue;
      if (next.scope.paused) {
        next.scope.held.push(next.run);
        continue;
      }
      this.#now = Math.max(this.#now, next.at);
      this.ran++;
      next.run();
      await settle();
    }
    this.#now = end;
  }

  #before(a: Task, b: Task): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(task: Task): void {
    const tasks = this.#tasks;
    let i = tasks.push(task) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(task, tasks[parent]!)) break;
      tasks[i] = tasks[parent]!;
      i = parent;
    }
    tasks[i] = task;
  }

  #pop(): void {
    const tasks = this.#tasks;
    const last = tasks.pop()!;
    if (tasks.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= tasks.length) break;
      if (child + 1 < tasks.length && this.#before(tasks[child + 1]!, tasks[child]!)) child++;
      if (!this.#before(tasks[child]!, last)) break;
      tasks[i] = tasks[child]!;
      i = child;
    }
    tasks[i] = last;
  }
}

/** Whatever happens to one client: paused, it waits; over, it never happens. */
export class Scope implements Clock {
  paused = false;
  over = false;
  readonly held: (() => void)[] = [];

  constructor(private readonly time: VirtualTime) {}

  now(): number {
    return this.time.now;
  }

  after(ms: number, run: () => void): () => void {
    const wrapped = { run: run as (() => void) | undefined };
    const task = this.time.add(this, ms, () => {
      const { run: due } = wrapped;
      wrapped.run = undefined;
      due?.();
    });
    return () => {
      wrapped.run = undefined;
      task.run = undefined;
    };
  }

  /** Everything that was held happens now. */
  wake(): void {
    this.paused = false;
    for (const run of this.held.splice(0)) this.time.add(this, 0, run);
  }
}
