import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODE_SERVER, prebuilt } from './pins.mjs';
import { isAlive, npm } from './processes.mjs';
import { quiet } from './quiet.mjs';
import { unpack } from './tarball.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Everything that is installed or kept for running the workbench; ignored by git. */
export const HOST_DIR = join(ROOT, '.vscode-host');

/** Goes up when the steps below change, so that an older install isn't taken for whole. */
const RECIPE = 2;
/**
 * Install scripts would compile, or download from elsewhere. The shrinkwrap leaves out
 * a peer dependency (of the telemetry client, never loaded), which `npm ci` would refuse.
 */
const NPM_CI = ['ci', '--omit=dev', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'];
const HALF = '.installing-';

/**
 * Installs the workbench (code-server, which is VS Code in a browser) if it isn't
 * there yet, from the npm registry alone: no compiler, no other download.
 *
 * @returns {Promise<{ dir: string, serverRoot: string }>} `serverRoot` holds VS Code's `out/server-main.js`
 * @throws {Error} on a platform without prebuilt parts, or when a tarball isn't the pinned one
 */
export async function installWorkbench() {
  const dir = join(HOST_DIR, `${CODE_SERVER.version}-${RECIPE}`);
  const installed = { dir, serverRoot: join(dir, 'lib/vscode') };
  if (await exists(dir)) return installed;

  const started = Date.now();
  console.log(`Installing VS Code for the browser (code-server ${CODE_SERVER.version}), once …`);
  await removeHalfInstalls();
  const half = await mkdtemp(join(HOST_DIR, `${HALF}${process.pid}-`));
  try {
    await build(half);
    await rename(half, dir);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    // Another run may have been faster; its install is as good.
    if (!(await exists(dir))) throw error;
  }
  console.log(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
  return installed;
}

/** @param {string} dir */
async function build(dir) {
  const platform = `${process.platform}-${process.arch}`;
  const parts = prebuilt(platform);
  if (!parts) throw new Error(`VS Code for the browser has no prebuilt parts for ${platform}.`);

  const serverRoot = join(dir, 'lib/vscode');
  const modules = join(serverRoot, 'node_modules');
  await unpack(CODE_SERVER, dir);
  await npm('Installing the dependencies of code-server', NPM_CI, { cwd: serverRoot });

  const pty = join(dir, 'pty');
  await unpack(parts.pty, pty);
  await cp(pty, join(modules, 'node-pty/build/Release'), {
    recursive: true,
    filter: (file) => !file.endsWith('.pdb'),
  });
  const ripgrep = join(dir, 'ripgrep');
  await unpack(parts.ripgrep, ripgrep);
  await cp(join(ripgrep, 'bin'), join(modules, '@vscode/ripgrep/bin'), { recursive: true });

  const standIns = fileURLToPath(new URL('stand-ins', import.meta.url));
  await cp(join(standIns, 'spdlog.cjs'), join(modules, '@vscode/spdlog/index.js'));
  await cp(join(standIns, 'native-watchdog.cjs'), join(modules, 'native-watchdog/index.js'));
  await quiet(serverRoot);

  const leftOver = ['out', 'src', 'pty', 'ripgrep'].map((name) => join(dir, name));
  await Promise.all(leftOver.map((path) => rm(path, { recursive: true, force: true })));
}

async function removeHalfInstalls() {
  await mkdir(HOST_DIR, { recursive: true });
  for (const name of await readdir(HOST_DIR)) {
    if (!name.startsWith(HALF) || isAlive(Number.parseInt(name.slice(HALF.length)))) continue;
    await rm(join(HOST_DIR, name), { recursive: true, force: true });
  }
}

/** @param {string} path */
async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}
