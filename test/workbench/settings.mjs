import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @typedef {Record<string, unknown>} Settings */

/** Nothing opens, asks or calls out on a first start. @type {Settings} */
const QUIET = {
  'chat.commandCenter.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  // The folders of npm start lie inside this repository.
  'git.openRepositoryInParentFolders': 'never',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  // The other renderers draw on a canvas, which neither tests nor screen readers can read.
  'terminal.integrated.gpuAcceleration': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
};

/**
 * Writes settings beside those that are already there; of the quiet ones, what a
 * person changed stays. Settings of machine scope are read from a file of their own;
 * each file ignores what belongs in the other.
 *
 * @param {string} userDataDir
 * @param {Settings} settings
 */
export async function writeSettings(userDataDir, settings) {
  for (const place of ['User', 'Machine']) {
    const file = join(userDataDir, place, 'settings.json');
    const text = await readFile(file, 'utf8').catch(() => '{}');
    let present;
    try {
      present = JSON.parse(text);
    } catch {
      // With comments in it, it was edited by hand and is left alone.
      continue;
    }
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify({ ...QUIET, ...present, ...settings }, null, 2)}\n`);
  }
}
