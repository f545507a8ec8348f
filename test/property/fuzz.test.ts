import { expect, it } from 'vitest';
import { decoders } from '../fuzz/decoders.js';
import { fuzz } from '../fuzz/fuzz.js';

/** `npm run fuzz -- 10000000` is the long run. */
const INPUTS = 10_000;
/** MiB: what all tests of a process need, and no input comes near. */
const MEMORY = 512;

/** Given with a wrong password. */
const closed = new Set(['PEM key', 'PKCS #8']);

it('every decoder takes its samples, and refuses anything else in bounded time and memory', async () => {
  const all = await decoders();
  for (const { name, samples, decode } of all)
    for (const sample of samples) {
      const read = Promise.resolve(sample).then(decode);
      if (!closed.has(name)) await expect(read, name).resolves.not.toBeNull();
    }
  const seed = Date.now() % 2 ** 31;
  const { failures, memory } = await fuzz(all, seed, INPUTS);
  expect(failures, `seed ${seed}`).toEqual([]);
  expect(memory / 2 ** 20).toBeLessThan(MEMORY);
});
