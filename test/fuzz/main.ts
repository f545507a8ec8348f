import { decoders } from './decoders.js';
import { fuzz, type Figures } from './fuzz.js';

const [count = 100_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);

const say = ({ inputs, seconds, accepted, slowest, memory, failures }: Figures): void => {
  const { ms, bytes, name } = slowest;
  console.log(
    `${inputs} inputs in ${Math.round(seconds)} s (${Math.round(inputs / seconds)}/s), ${accepted} read, slowest ${ms.toFixed(1)} ms (${name}, ${bytes} bytes), memory at most ${Math.round(memory / 2 ** 20)} MiB, ${failures.length} failures`,
  );
};

console.log(`Seed ${seed}.`);
const figures = await fuzz(await decoders(), seed, count, say);
say(figures);
for (const failure of figures.failures) console.log(`\n${failure}`);
process.exitCode = figures.failures.length > 0 ? 1 : 0;
