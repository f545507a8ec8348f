// npm start: Secure Chat in a VS Code, with a window for each of three participants.
import './require-node.mjs';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasDesktop, hasScreen, openBrowser, prepareDesktop } from './desktop.mjs';
import { participantFolders } from './folders.mjs';
import { HOST_DIR, ROOT } from './install.mjs';
import { VSIX, installDependencies, isPackageFresh, modified, packageExtension } from './prepare.mjs';
import { commandLine, must } from './processes.mjs';
import { startWorkbench } from './server.mjs';

/** The address stays the same between runs, because a browser keeps what it stores by address. */
const PORT = 8780;
const DATA = join(HOST_DIR, 'data');
const SETTINGS = { 'workbench.startupEditor': 'readme' };

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function main() {
  await installDependencies();
  if (!(await isPackageFresh())) {
    console.log('Building the extension …');
    await packageExtension();
  }
  const { engines } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const folders = await participantFolders();
  if (await hasDesktop(engines.vscode.replace('^', ''))) await openDesktop(folders);
  else await serve(folders);
}

/** @param {{ name: string, path: string }[]} folders */
async function openDesktop([first, ...others]) {
  const dirs = { userDataDir: join(DATA, 'desktop/user'), extensionsDir: join(DATA, 'desktop/extensions') };
  const open = await prepareDesktop(dirs, VSIX, SETTINGS);
  const [command, ...args] = open(first.path);
  await must('Opening VS Code', command, args, { shell: process.platform === 'win32' });
  console.log(`VS Code opens with ${first.name}'s window. For the others:\n`);
  for (const { name, path } of others) console.log(`  ${name}:  ${commandLine(open(path))}`);
  console.log('\nReady.');
}

/** @param {{ name: string, path: string }[]} folders */
async function serve(folders) {
  const dirs = {
    userDataDir: join(DATA, 'user'),
    extensionsDir: join(DATA, 'extensions'),
    serverDataDir: join(DATA, 'server'),
  };
  const installed = await modified(join(dirs.extensionsDir, 'extensions.json'));
  const workbench = await startWorkbench({
    ...dirs,
    port: PORT,
    token: await keptToken(),
    extensions: installed > (await modified(VSIX)) ? [] : [VSIX],
    settings: SETTINGS,
    views: ['secureChat.chat'],
  });

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await workbench.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  process.stdout.on('error', stop);
  workbench.closed.then(() => {
    if (stopping) return;
    console.error('VS Code ended unexpectedly. Run npm start again.');
    process.exit(1);
  });

  console.log('\nVS Code with Secure Chat, one window for each participant:\n');
  for (const { name, path } of folders) console.log(`  ${name.padEnd(3)}  ${workbench.folderUrl(path)}`);
  if (process.env.SSH_CONNECTION) {
    console.log(`\nFrom another machine, first: ssh -L ${workbench.port}:127.0.0.1:${workbench.port} …`);
  }
  if (hasScreen()) openBrowser(workbench.folderUrl(folders[0].path));
  console.log('\nReady. Ctrl+C ends it.');
}

/** Kept between runs, so that links that were bookmarked still open. */
async function keptToken() {
  const file = join(DATA, 'token');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (/^[0-9a-f]{32}$/.test(kept)) return kept;
  const token = randomBytes(16).toString('hex');
  await mkdir(DATA, { recursive: true });
  await writeFile(file, token, { mode: 0o600 });
  return token;
}
