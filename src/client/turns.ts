/** Does work with a turn of the event loop wherever it yields. Throws what the work throws. */
export async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await new Promise(setImmediate);
  }
}
