import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST_DIR, ROOT } from './install.mjs';
import { must, npm } from './processes.mjs';

/** The packaged extension, as `packageExtension` leaves it. */
export const VSIX = join(HOST_DIR, 'secure-chat.vsix');

const NOT_PACKAGED = new Set(['.git', '.ci', '.vscode-host', 'coverage', 'dist', 'node_modules', 'test']);

/** Installs what the lock file says, unless node_modules is there and as new as the lock file. */
export async function installDependencies() {
  const installed = await modified(join(ROOT, 'node_modules/.package-lock.json'));
  if (installed >= (await modified(join(ROOT, 'package-lock.json')))) return;
  console.log('Installing dependencies …');
  const flags = ['--include=dev', '--no-audit', '--no-fund'];
  try {
    await npm('npm ci', ['ci', ...flags], { cwd: ROOT });
  } catch (error) {
    // Where a registry lacks what other platforms need, npm writes lock files that hold
    // everything for this one, and that npm ci refuses all the same.
    if (!(error instanceof Error) || !error.message.includes('from lock file')) throw error;
    await npm('npm install', ['install', '--no-save', ...flags], { cwd: ROOT });
  }
}

/**
 * Builds the extension and packages it into `VSIX`, of which nothing is left when
 * that fails.
 *
 * @returns {Promise<string>} what the packager printed, its warnings among it
 */
export async function packageExtension() {
  await mkdir(HOST_DIR, { recursive: true });
  await rm(VSIX, { force: true });
  await must('The build', process.execPath, ['esbuild.js'], { cwd: ROOT });
  const vsce = join(ROOT, 'node_modules/@vscode/vsce/vsce');
  return must('Packaging', process.execPath, [vsce, 'package', '--no-dependencies', '--out', VSIX], {
    cwd: ROOT,
  });
}

/** Whether `VSIX` is newer than all that it is made from. */
export async function isPackageFresh() {
  const packaged = await modified(VSIX);
  return packaged > 0 && packaged >= (await newest(ROOT));
}

/** @param {string} dir a folder, whose own time tells of files that were removed */
async function newest(dir) {
  let time = 0;
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (NOT_PACKAGED.has(entry.name)) continue;
    const path = join(dir, entry.name);
    const inside = entry.isDirectory() ? await newest(path) : 0;
    time = Math.max(time, inside, await modified(path));
  }
  return time;
}

/**
 * @param {string} path
 * @returns {Promise<number>} when it changed, in ms since 1970; 0 for what isn't there
 */
export async function modified(path) {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
