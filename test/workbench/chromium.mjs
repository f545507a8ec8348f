import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './install.mjs';
import { must, run } from './processes.mjs';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'microsoft-edge-stable',
  'chrome',
  'msedge',
];
const MAC_APPS = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
const WINDOWS_APPS = [
  'Google\\Chrome\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
  'Chromium\\Application\\chrome.exe',
];

/** For Playwright's `launch`: nothing that calls out or needs a GPU; root has no sandbox. */
export function launchOptions() {
  return {
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  };
}

/**
 * A Chromium to drive: an installed one, or else Debian's (for root), or else Playwright's.
 *
 * @returns {Promise<string>} path of its executable
 * @throws {Error} that says what to install
 */
export async function findChromium() {
  return installed() ?? (await fromDebian()) ?? (await fromPlaywright()) ?? fail();
}

/** @returns {string | undefined} */
function installed() {
  return candidates().find(isExecutable);
}

function candidates() {
  const given = process.env.CHROMIUM_PATH ? [process.env.CHROMIUM_PATH] : [];
  if (process.platform === 'darwin') {
    return [...given, ...MAC_APPS.map((app) => `/Applications/${app}.app/Contents/MacOS/${app}`)];
  }
  if (process.platform === 'win32') {
    const roots = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA']
      .map((name) => process.env[name])
      .filter((root) => root !== undefined);
    return [...given, ...roots.flatMap((root) => WINDOWS_APPS.map((app) => join(root, app)))];
  }
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin'];
  return [...given, ...NAMES.flatMap((name) => places.map((place) => join(place, name)))];
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function fromDebian() {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!isRoot || !isExecutable('/usr/bin/apt-get')) return undefined;
  console.log('Installing Chromium from Debian …');
  try {
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', 'chromium');
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
  }
  return installed();
}

/** @param {string[]} args */
function apt(...args) {
  // Waits for another run of apt instead of failing.
  return must(`apt-get ${args[0]}`, 'apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

async function fromPlaywright() {
  const { chromium } = await import('playwright-core');
  if (isExecutable(chromium.executablePath())) return chromium.executablePath();
  console.log("Installing Playwright's Chromium …");
  const { code, output } = await run(process.execPath, [
    join(ROOT, 'node_modules/playwright-core/cli.js'),
    'install',
    'chromium',
  ]);
  if (code === 0) return chromium.executablePath();
  console.log(output.trimEnd());
  return undefined;
}

/** @returns {never} */
function fail() {
  throw new Error(
    'The end-to-end tests need Chrome, Chromium or Edge. Install one of them, or set CHROMIUM_PATH to its executable.',
  );
}
