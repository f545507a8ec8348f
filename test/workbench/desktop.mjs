import { spawn } from 'node:child_process';
import { must, run } from './processes.mjs';
import { writeSettings } from './settings.mjs';

const WINDOWS = process.platform === 'win32';

/** Whether a window opened here would appear in front of the person. */
export function hasScreen() {
  const { CI, DISPLAY, SECURE_CHAT_NO_BROWSER, SSH_CONNECTION, WAYLAND_DISPLAY } = process.env;
  if ((CI && CI !== 'false') || SECURE_CHAT_NO_BROWSER || SSH_CONNECTION) return false;
  return process.platform !== 'linux' || Boolean(DISPLAY ?? WAYLAND_DISPLAY);
}

/**
 * @param {string} floor the version it needs at least, as in `1.100`
 * @returns {Promise<boolean>} whether desktop VS Code can be opened with `code`
 */
export async function hasDesktop(floor) {
  // In a remote terminal `code` talks to a desktop elsewhere; root needs flags that nobody should use.
  if (
    !hasScreen() ||
    process.env.VSCODE_IPC_HOOK_CLI ||
    process.env.WSL_DISTRO_NAME ||
    process.getuid?.() === 0
  ) {
    return false;
  }
  const { code, output } = await run('code', ['--version'], { shell: WINDOWS }).catch(() => ({
    code: 1,
    output: '',
  }));
  const [major = 0, minor = 0] = output.split('.').map(Number);
  const [floorMajor = 0, floorMinor = 0] = floor.split('.').map(Number);
  return code === 0 && (major > floorMajor || (major === floorMajor && minor >= floorMinor));
}

/**
 * Desktop VS Code beside the person's own: its settings, extensions and secrets are
 * apart. (Loaded from source, the extension would get only one window at a time.)
 *
 * @param {{ userDataDir: string, extensionsDir: string }} dirs
 * @param {string} vsix
 * @param {import('./settings.mjs').Settings} settings
 * @returns {Promise<(folder: string) => string[]>} the command that opens a window on a folder
 */
export async function prepareDesktop({ userDataDir, extensionsDir }, vsix, settings) {
  const profile = ['--user-data-dir', userDataDir, '--extensions-dir', extensionsDir];
  await writeSettings(userDataDir, settings);
  await must('Installing the extension', 'code', [...profile, '--install-extension', vsix, '--force'], {
    shell: WINDOWS,
  });
  return (folder) => ['code', ...profile, '--new-window', folder];
}

/**
 * Opens an address in the person's browser.
 *
 * @param {string} url
 */
export function openBrowser(url) {
  const [command, ...args] = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }[
    /** @type {string} */ (process.platform)
  ] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  // The address is also printed.
  child.once('error', () => {});
  child.unref();
}
