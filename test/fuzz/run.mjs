// npm run fuzz: every decoder on mutated, random and hostile inputs. `npm run fuzz -- 10000000` takes that many,
// `npm run fuzz -- 100000 7` those of seed 7. What fails is kept in test/results/fuzz.
import '../workbench/require-node.mjs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../workbench/install.mjs';

const bundle = join(ROOT, 'test/results/fuzz.mjs');
/** MiB: who needs more for one input ends here. */
const HEAP = 256;

await build({
  entryPoints: [join(ROOT, 'test/fuzz/main.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'error',
});
const child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, bundle, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
child.once('exit', (code, signal) => {
  if (signal) console.error(`The run ended with ${signal}.`);
  process.exitCode = code ?? 1;
});
