import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { findChromium, launchOptions } from '../workbench/chromium.mjs';
import { openWindow } from '../workbench/page.mjs';
import { VSIX } from '../workbench/prepare.mjs';
import { startWorkbench } from '../workbench/server.mjs';

const WINDOWS = 7;
const TARGET = 50;
const OURS = 'secure-chat.secure-chat';
const PROBE = 'bench.probe';
const PATIENCE = 60_000;

/** Runs in the extension host: writes its marks down once the other extension is active. */
const PROBE_CODE = `
const { writeFileSync } = require('node:fs');
exports.activate = () => {
  const marks = () => globalThis.MonacoPerformanceMarks.getMarks();
  const timer = setInterval(() => {
    const all = marks();
    if (!all.some(({ name }) => name === 'code/extHost/didActivateExtension/${OURS}')) return;
    clearInterval(timer);
    writeFileSync(process.env.BENCH_MARKS + process.pid, JSON.stringify(all));
  }, 20);
};
`;

/**
 * Activation of the packaged extension, one extension host after the other.
 *
 * @param {string} scratch
 * @returns {Promise<import('./figures.js').Figure[]>}
 */
export async function activation(scratch) {
  const root = join(scratch, 'activation');
  const probe = await writeProbe(root);
  const workbench = await startWorkbench({
    userDataDir: join(root, 'user'),
    extensionsDir: join(root, 'extensions'),
    serverDataDir: join(root, 'server'),
    extensions: [VSIX],
    extensionDevelopmentPath: probe,
    env: { BENCH_MARKS: join(root, 'marks-') },
  });
  const browser = await chromium.launch({ ...launchOptions(), executablePath: await findChromium() });
  try {
    const windows = [];
    for (let i = 0; i <= WINDOWS; i++) windows.push(await oneWindow(browser, workbench, root, i));
    // The first reads from a cold disk.
    return table(windows.slice(1));
  } finally {
    await browser.close();
    await workbench.close();
  }
}

/** @param {string} root */
async function writeProbe(root) {
  const dir = join(root, 'probe');
  await mkdir(dir, { recursive: true });
  const manifest = {
    name: 'probe',
    publisher: 'bench',
    version: '0.0.0',
    engines: { vscode: '^1.100.0' },
    main: './probe.js',
    activationEvents: ['onStartupFinished'],
  };
  await writeFile(join(dir, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(dir, 'probe.js'), PROBE_CODE);
  return dir;
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('../workbench/server.mjs').Workbench} workbench
 * @param {string} root
 * @param {number} number
 * @returns {Promise<{ name: string, startTime: number }[]>} the marks of its extension host
 */
async function oneWindow(browser, workbench, root, number) {
  const folder = join(root, `folder-${number}`);
  await mkdir(folder);
  const page = await openWindow(browser, workbench.folderUrl(folder));
  const marks = await written(root);
  await page.context().close();
  return marks;
}

/** @param {string} root */
async function written(root) {
  for (const until = Date.now() + PATIENCE; Date.now() < until; await delay(100)) {
    const name = (await readdir(root)).find((each) => each.startsWith('marks-'));
    const text = name && (await readFile(join(root, name), 'utf8'));
    if (!name || !text) continue;
    await rm(join(root, name));
    return JSON.parse(text);
  }
  throw new Error('The extension host said nothing of its marks.');
}

/** @param {{ name: string, startTime: number }[][]} windows */
function table(windows) {
  /** @param {string} id */
  const steps = (id) => {
    const all = windows.map((marks) => {
      /** @param {string} what */
      const took = (what) => at(marks, `did${what}/${id}`) - at(marks, `will${what}/${id}`);
      const [load, activate] = [took('LoadExtensionCode'), took('ActivateExtension')];
      return { load, activate, sum: load + activate };
    });
    /** @param {'load' | 'activate' | 'sum'} step */
    return (step) => all.map((each) => each[step]).sort((a, b) => a - b)[all.length >> 1] ?? NaN;
  };
  const [ours, probe] = [steps(OURS), steps(PROBE)];
  return [
    {
      what: 'activation in VS Code, from its own marks',
      result: `${ours('sum')} ms (code ${ours('load')} ms, activate() ${ours('activate')} ms)`,
      against: `an empty extension ${probe('sum')} ms`,
      target: `< ${TARGET} ms`,
      met: ours('sum') < TARGET,
    },
  ];
}

/**
 * @param {{ name: string, startTime: number }[]} marks
 * @param {string} mark
 */
function at(marks, mark) {
  const found = marks.find(({ name }) => name === `code/extHost/${mark}`);
  if (!found) throw new Error(`The extension host has no mark ${mark}.`);
  return found.startTime;
}
