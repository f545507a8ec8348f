// npm run bench: measures, and prints one table. `npm run bench -- protocol unlock` runs these topics alone;
// `--write` puts the table into docs/BENCHMARKS.md.
import '../workbench/require-node.mjs';
import { fork } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { BUNDLE } from '../bundled.mjs';
import { ROOT } from '../workbench/install.mjs';
import { installDependencies, isPackageFresh, packageExtension } from '../workbench/prepare.mjs';
import { activation } from './activation.mjs';
import { load, page } from './page.mjs';
import { sizes } from './sizes.mjs';

const RESULTS = join(ROOT, 'test/results');
/** On the disk that the project is on: /tmp may be in memory, where syncing costs nothing. */
const SCRATCH = join(RESULTS, 'bench');
/** A topic is a file that is bundled and run in a process of its own, or a function. */
const TOPICS = {
  session: 'session',
  unlock: 'unlock',
  protocol: 'protocol',
  store: 'store',
  groups: 'groups',
  large: 'large',
  activation,
  relay: 'relay',
  sizes,
};
/** No topic takes longer than this, ms: RSA keys of 1,000 members take most of it. */
const PATIENCE = 30 * 60_000;

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--write');
const unknown = names.filter((name) => !(name in TOPICS));
if (unknown.length > 0) {
  console.error(`There is no topic ${unknown.join(', ')}. Topics: ${Object.keys(TOPICS).join(', ')}.`);
  process.exit(1);
}

await installDependencies();
if (!(await isPackageFresh())) {
  console.error('Building the extension …');
  await packageExtension();
}
await rm(SCRATCH, { recursive: true, force: true });
await mkdir(SCRATCH, { recursive: true });
await bundle();

const before = load();
/** @type {import('./figures.js').Figure[]} */
const figures = [];
for (const [name, topic] of Object.entries(TOPICS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.error(`Measuring: ${name} …`);
  try {
    figures.push(...(await (typeof topic === 'string' ? inProcess(topic) : topic(SCRATCH))));
  } catch (error) {
    process.exitCode = 1;
    const message = error instanceof Error ? error.message : String(error);
    figures.push({ what: name, result: `failed: ${message.split('\n')[0]}` });
    console.error(message);
  }
}
await rm(SCRATCH, { recursive: true, force: true });

const text = page(figures, before);
console.log(text);
if (args.includes('--write')) {
  const filepath = join(ROOT, 'docs/BENCHMARKS.md');
  await writeFile(filepath, await format(text, { ...(await resolveConfig(filepath)), filepath }));
}

/** The helpers find dist/ from their own folder, so the bundles lie as deep as they do. */
function bundle() {
  const files = Object.values(TOPICS).filter((topic) => typeof topic === 'string');
  return build({
    ...BUNDLE,
    entryPoints: [...files, 'memberProcess'].map((file) => join(ROOT, `test/bench/${file}.ts`)),
    outdir: RESULTS,
    entryNames: '[name].bench',
    outExtension: { '.js': '.mjs' },
  });
}

/**
 * @param {string} file
 * @returns {Promise<import('./figures.js').Figure[]>}
 */
function inProcess(file) {
  return new Promise((resolve, reject) => {
    const child = fork(join(RESULTS, `${file}.bench.mjs`), {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: SCRATCH },
      timeout: PATIENCE,
    });
    /** @type {import('./figures.js').Figure[]} */
    const reported = [];
    child.on('message', (some) =>
      reported.push(.../** @type {import('./figures.js').Figure[]} */ (/** @type {unknown} */ (some))),
    );
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      code === 0 ? resolve(reported) : reject(new Error(`${file} ended with ${signal ?? code}`)),
    );
  });
}
