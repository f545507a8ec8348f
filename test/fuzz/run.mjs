// npm run fuzz: every decoder on mutated, random and hostile inputs. `npm run fuzz -- 10000000` takes that many,
// `npm run fuzz -- 100000 7` those of seed 7. What fails is kept in test/results/fuzz.
import { bundled } from '../bundled.mjs';

/** MiB: who needs more for one input ends here. */
const HEAP = 256;
process.exitCode = await bundled('test/fuzz/main.ts', process.argv.slice(2), [
  `--max-old-space-size=${HEAP}`,
]);
