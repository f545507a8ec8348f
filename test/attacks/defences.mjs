// npm run test:defences [attack …]: takes one defence after the other out of a copy of the sources and expects a test
// of its attack to fail. Not part of npm test: it takes half an hour. The table is defences.txt, with entries of
//   attack | what is taken out | test file | pattern of test names
//     file in src: this ⇒ that
import '../workbench/require-node.mjs';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from '../workbench/install.mjs';
import { run } from '../workbench/processes.mjs';

/** Test files that have a short name in the table, with the pattern of an attack's tests in them. */
const NAMED = {
  unit: ['test/unit/attacks.test.ts', '^# '],
  session: ['test/scenario/attacks.test.ts', ' #: '],
  group: ['test/scenario/groupAttacks.test.ts', ' #: '],
};
const LEFT_OUT = /^(\.git|\.vscode-host|dist|node_modules|test[\\/]results)$/;

const wanted = process.argv.slice(2);
const copy = mkdtempSync(join(tmpdir(), 'defences-'));
process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
cpSync(ROOT, copy, { recursive: true, filter: (path) => !LEFT_OUT.test(relative(ROOT, path)) });
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'junction');

/** What each choice of tests says of the sources as they are. */
const untouched = new Map();
const table = readFileSync(new URL('defences.txt', import.meta.url), 'utf8').trim();
for (const entry of table.split(/\n(?=\S)/)) {
  const [head = '', ...edits] = entry.split('\n');
  const [attack = '', what, where = '', pattern] = head.split(' | ');
  if (wanted.length > 0 && !wanted.includes(attack)) continue;
  const [file = where, own = ''] = NAMED[/** @type {keyof typeof NAMED} */ (where)] ?? [];
  const tests = /** @type {const} */ ([file, pattern ?? own.replace('#', attack)]);
  const choice = tests.join(' ');
  if (!untouched.has(choice)) untouched.set(choice, await outcome(...tests));
  const before = untouched.get(choice);
  const result = before === 'passes' ? await without(edits, () => outcome(...tests)) : `before: ${before}`;
  const caught = result.startsWith('fails: ');
  if (!caught) process.exitCode = 1;
  console.log(`${caught ? '✓' : '✗'} ${attack.padStart(2)} without ${what}\n     ${result}`);
}

/**
 * @param {string[]} edits
 * @param {() => Promise<string>} look
 */
async function without(edits, look) {
  const originals = new Map();
  try {
    for (const line of edits) {
      const [, name = '', from = '', to = ''] = /^ +(\S+): (.+) ⇒ ?(.*)$/.exec(line) ?? [];
      const path = join(copy, 'src', name);
      const [before = '', after, ...more] = readFileSync(path, 'utf8').split(from);
      if (after === undefined || more.length > 0) return `not once in ${name}: ${from}`;
      if (!originals.has(path)) originals.set(path, before + from + after);
      writeFileSync(path, before + to + after);
    }
    return await look();
  } finally {
    for (const [path, text] of originals) writeFileSync(path, text);
  }
}

/**
 * @param {string} file
 * @param {string} pattern
 */
async function outcome(file, pattern) {
  const [, project = ''] = file.split('/');
  const node = (/** @type {string[]} */ ...args) => run(process.execPath, args, { cwd: copy });
  if (project === 'scenario') await node('esbuild.js');
  const results = join(copy, 'results.json');
  rmSync(results, { force: true });
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, file, '-t', pattern];
  await node(...vitest, '--reporter=json', `--outputFile=${results}`);
  /** @type {{ testResults: { assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(results, 'utf8'));
  const ran = testResults.flatMap((each) => each.assertionResults);
  const failed = ran.find(({ status }) => status === 'failed');
  if (failed) return `fails: ${failed.fullName}\n     ${failed.failureMessages.join().split('\n')[0]}`;
  return ran.some(({ status }) => status === 'passed') ? 'passes' : 'no test ran';
}
