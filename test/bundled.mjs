// Runs a TypeScript file of test/ as a program: `bundled(file, args, flags)` bundles it and gives its exit code.
import './workbench/require-node.mjs';
import { spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './workbench/install.mjs';

/** @type {import('esbuild').BuildOptions} */
export const BUNDLE = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'error',
};

/**
 * @param {string} file
 * @param {readonly string[]} [args]
 * @param {readonly string[]} [flags] of node
 * @returns {Promise<number>}
 */
export async function bundled(file, args = [], flags = []) {
  const program = join(ROOT, 'test/results', `${file.split('/').at(-2)}-${basename(file, '.ts')}.mjs`);
  await build({ ...BUNDLE, entryPoints: [join(ROOT, file)], outfile: program });
  const child = spawn(process.execPath, [...flags, program, ...args], { cwd: ROOT, stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      if (signal) console.error(`${file} ended with ${signal}.`);
      resolve(code ?? 1);
    });
  });
}
