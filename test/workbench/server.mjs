import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installWorkbench } from './install.mjs';
import { must, processTree, reap } from './processes.mjs';
import { writeSettings } from './settings.mjs';

/** Time for extensions to deactivate: an extension host looks for its parent once a second. */
const GRACE_MS = 5000;

/**
 * @typedef {object} WorkbenchDirs
 * @property {string} userDataDir settings and, under `User/globalStorage`, what extensions keep
 * @property {string} extensionsDir
 * @property {string} serverDataDir the key of SecretStorage, logs
 *
 * @typedef {object} WorkbenchOptions
 * @property {number} [port] another one is taken when it is in use; 0 (the default) takes any
 * @property {string} [token] made anew when left out
 * @property {string[]} [extensions] .vsix files to install first
 * @property {string} [extensionDevelopmentPath] folder of an extension to load from source
 * @property {import('./settings.mjs').Settings} [settings]
 * @property {string[]} [views] ids of views to open with every window
 * @property {NodeJS.ProcessEnv} [env] added to the environment, for the extension hosts too
 * @property {(text: string) => void} [onLog]
 *
 * @typedef {object} Workbench
 * @property {string} origin
 * @property {string} url the empty window
 * @property {string} token
 * @property {number} port
 * @property {number} pid
 * @property {(path: string) => string} folderUrl the window on a folder
 * @property {Promise<void>} closed settles when the workbench ends, however it does
 * @property {() => Promise<void>} close ends it and everything that it started
 */

/**
 * Starts the workbench in a process of its own, which also ends when this one does.
 *
 * @param {WorkbenchDirs & WorkbenchOptions} options
 * @returns {Promise<Workbench>}
 * @throws {Error} with the end of its log, when it doesn't come up
 */
export async function startWorkbench({
  port = 0,
  token = randomBytes(16).toString('hex'),
  views = [],
  onLog,
  ...options
}) {
  const { serverRoot } = await installWorkbench();
  const dirs = {
    userDataDir: options.userDataDir,
    extensionsDir: options.extensionsDir,
    serverDataDir: options.serverDataDir,
  };
  for (const dir of Object.values(dirs)) await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeSettings(dirs.userDataDir, options.settings ?? {});
  for (const vsix of options.extensions ?? []) await installExtension(vsix, dirs);

  const child = fork(fileURLToPath(new URL('host.mjs', import.meta.url)), [], {
    // A Ctrl+C in the terminal is for whoever started it, who then closes in order.
    detached: process.platform !== 'win32',
    execArgv: [],
    silent: true,
    env: { ...ownEnvironment(), ...options.env },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      log = (log + text).slice(-4000);
      onLog?.(text);
    });
  }
  const closed = /** @type {Promise<void>} */ (new Promise((resolve) => child.once('exit', () => resolve())));
  child.send({ ...dirs, port, token, serverRoot, views });
  const listening = await Promise.race([once(child, 'message').then(([message]) => message), closed]);
  if (!listening) throw new Error(`The workbench did not start.\n${log}`);

  const origin = `http://127.0.0.1:${listening.port}`;
  const url = `${origin}/?tkn=${token}`;
  const source =
    options.extensionDevelopmentPath &&
    `vscode-remote://127.0.0.1:${listening.port}${urlPath(options.extensionDevelopmentPath)}`;
  const payload = source
    ? `&payload=${encodeURIComponent(JSON.stringify([['extensionDevelopmentPath', source]]))}`
    : '';
  /** @type {Promise<void> | undefined} */
  let closing;

  return {
    origin,
    url,
    token,
    port: listening.port,
    pid: /** @type {number} */ (child.pid),
    folderUrl: (path) =>
      `${url}&folder=${encodeURIComponent(urlPath(path)).replaceAll('%2F', '/')}${payload}`,
    closed,
    close: () => (closing ??= end(child).then(() => closed)),
  };
}

/** @param {import('node:child_process').ChildProcess} child */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const pid = /** @type {number} */ (child.pid);
  if (process.platform === 'win32') {
    await must('Closing the workbench', 'taskkill', ['/pid', String(pid), '/t', '/f']);
    return;
  }
  const tree = await processTree(pid);
  if (child.connected) child.disconnect();
  await reap(tree, GRACE_MS);
}

/**
 * Installs a .vsix, in place of an older copy of it.
 *
 * @param {string} vsix
 * @param {WorkbenchDirs} dirs
 */
export async function installExtension(vsix, { userDataDir, extensionsDir, serverDataDir }) {
  const { serverRoot } = await installWorkbench();
  const args = [
    '--install-extension',
    vsix,
    '--force',
    '--extensions-dir',
    extensionsDir,
    '--user-data-dir',
    userDataDir,
    '--server-data-dir',
    serverDataDir,
  ];
  await must(`Installing ${vsix}`, process.execPath, [join(serverRoot, 'out/server-main.js'), ...args], {
    env: { ...ownEnvironment(), EXTENSIONS_GALLERY: '{}' },
  });
}

/** @param {string} path */
function urlPath(path) {
  return process.platform === 'win32' ? `/${path.replaceAll('\\', '/')}` : path;
}

/** Without what another VS Code, in whose terminal this may run, left in the environment. */
function ownEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VSCODE|ELECTRON|CODE_SERVER)_/.test(name)),
  );
}
