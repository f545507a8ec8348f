import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean, shell?: boolean }} [options]
 *   `show` streams what the command prints, instead of only collecting it.
 * @returns {Promise<{ code: number, output: string }>} `output` is empty with `show`.
 */
export function run(command, args, { show = false, ...options } = {}) {
  const out = show ? 'inherit' : 'pipe';
  const [file, rest] = options.shell ? [commandLine([command, ...args]), []] : [command, args];
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { stdio: ['ignore', out, out], ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** @param {string[]} words */
export function commandLine(words) {
  return words.map((word) => (/^[\w@:./\\=-]+$/.test(word) ? word : `"${word}"`)).join(' ');
}

/**
 * Like `run`, for a command that has to succeed.
 *
 * @param {string} what the step in words, for the error
 * @param {Parameters<typeof run>} command
 * @returns {Promise<string>} what it printed
 * @throws {Error} with what it printed
 */
export async function must(what, ...command) {
  const { code, output } = await run(...command);
  if (code === 0) return output;
  throw new Error(`${what} failed (exit code ${code}).\n${output.trim()}`);
}

/**
 * npm is a script with another name on Windows, where only a shell finds it.
 *
 * @param {string} what
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function npm(what, args, options) {
  return must(what, 'npm', args, { ...options, shell: process.platform === 'win32' });
}

/**
 * A process that ended but that its parent hasn't collected doesn't count as alive.
 *
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** @returns {Promise<[pid: number, parent: number][]>} */
async function processTable() {
  if (process.platform !== 'linux') {
    const { stdout } = await execute('ps', ['-A', '-o', 'pid=,ppid=']);
    return stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [pid, parent] = line.trim().split(/\s+/).map(Number);
        return [pid, parent];
      });
  }
  // Slim images come without ps.
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const rows = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return /** @type {[number, number]} */ ([Number(pid), Number(parent)]);
    }),
  );
  return rows;
}

/**
 * A process and everything it started, however deep: terminals are sessions of
 * their own, so a process group doesn't hold them all.
 *
 * @param {number} root
 */
export async function processTree(root) {
  const table = await processTable();
  const tree = [root];
  for (const pid of tree) {
    for (const [child, parent] of table) if (parent === pid) tree.push(child);
  }
  return tree;
}

/**
 * Gives processes time to end by themselves, then ends those that are left.
 *
 * @param {number[]} pids
 * @param {number} graceMs
 */
export async function reap(pids, graceMs) {
  await untilGone(pids, graceMs);
  for (const pid of pids.filter(isAlive)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended on its own just now.
    }
  }
  await untilGone(pids, graceMs);
}

/**
 * @param {number[]} pids
 * @param {number} limitMs
 */
async function untilGone(pids, limitMs) {
  const deadline = Date.now() + limitMs;
  while (pids.some(isAlive) && Date.now() < deadline) await delay(25);
}
