// npm test: every check and test there is, and one line at the end that counts them.
// `npm test -- unit` runs one project alone; what follows it goes to vitest.
import './workbench/require-node.mjs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findChromium } from './workbench/chromium.mjs';
import { ROOT, installWorkbench } from './workbench/install.mjs';
import { installDependencies, packageExtension } from './workbench/prepare.mjs';
import { npm, run } from './workbench/processes.mjs';

const RESULTS = join(ROOT, 'test/results/vitest.json');
/** The projects that look at the extension in a browser, and those that need it packaged. */
const BROWSED = ['webview', 'e2e'];
const PACKAGED = ['unit', 'scenario', 'e2e'];

let passed = 0;
let failed = 0;

const args = process.argv.slice(2);
const project = args[0]?.startsWith('-') ? undefined : args.shift();
const whole = project === undefined && args.length === 0;

await attempt('Installing dependencies', installDependencies);
if (whole) {
  await check('typecheck', () => npm('Type checking', ['run', 'typecheck'], { cwd: ROOT }));
  await check('lint', () => npm('Linting', ['run', 'lint'], { cwd: ROOT }));
  await check('package', packageWithoutWarnings);
} else if (!project || PACKAGED.includes(project)) {
  await attempt('Packaging', packageExtension);
}
if (!project || BROWSED.includes(project)) {
  await attempt('Installing VS Code', installWorkbench);
  await attempt('Finding Chromium', findChromium);
}
await vitest();

console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * A step that counts.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} step
 */
async function check(name, step) {
  const started = Date.now();
  try {
    await step();
    passed += 1;
    console.log(`✓ ${name} (${seconds(started)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name} (${seconds(started)} s)\n${error instanceof Error ? error.message : error}`);
  }
}

/**
 * A step that only prepares: what can't do without it fails by itself.
 *
 * @param {string} what
 * @param {() => Promise<unknown>} step
 */
async function attempt(what, step) {
  try {
    await step();
  } catch (error) {
    console.log(`${what} failed: ${error instanceof Error ? error.message : error}`);
  }
}

async function packageWithoutWarnings() {
  const output = await packageExtension();
  if (/warning/i.test(output)) throw new Error(`The packager warns:\n${output}`);
}

async function vitest() {
  await mkdir(join(ROOT, 'test/results'), { recursive: true });
  await rm(RESULTS, { force: true });
  const { code } = await run(
    process.execPath,
    [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${RESULTS}`,
      ...(project ? ['--project', project] : []),
      ...args,
    ],
    // CI alone would have vitest write escape sequences into a log.
    { cwd: ROOT, show: true, env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' } },
  );
  const files = await readFile(RESULTS, 'utf8').then(
    (text) => /** @type {VitestFile[]} */ (JSON.parse(text).testResults),
    () => [],
  );
  const before = failed;
  let tests = 0;
  for (const { status, assertionResults } of files) {
    const count = (/** @type {string} */ wanted) =>
      assertionResults.filter((test) => test.status === wanted).length;
    tests += count('passed') + count('failed');
    passed += count('passed');
    // A file can fail without a test of it: when it doesn't load, or in a hook.
    failed += status === 'failed' ? Math.max(1, count('failed')) : 0;
  }
  if (tests === 0) console.log('No test ran.');
  if (failed === before && (code !== 0 || tests === 0)) failed += 1;
}

/** @param {number} started */
function seconds(started) {
  return Math.round((Date.now() - started) / 1000);
}

/** @typedef {{ status: string, assertionResults: { status: string }[] }} VitestFile */
