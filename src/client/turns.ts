/** Lets everything else that waits go first. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Does work with a turn of the event loop wherever it yields. Throws what the work throws. */
export async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await turn();
  }
}

/** Of work for each of many, so much is begun at once. */
const AT_ONCE = 128;

/** Does this for each of the items, some at once. Rejects with the first error. */
export async function forEachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    if (from > 0) await turn();
    done.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  }
  return done;
}
