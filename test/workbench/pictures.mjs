// npm run pictures: a first session in a real VS Code, photographed for the documentation.
// With an argument: the .vsix to photograph, instead of this working tree.
import './require-node.mjs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { clearNotifications, setSidebarWidth, shoot, toggle } from './camera.mjs';
import { findChromium, launchOptions } from './chromium.mjs';
import { FOLDER, GROUP, LAST, LAST_STATE, NAMES, OPENED, TALK } from './incident.mjs';
import {
  answerInput,
  chatFrame,
  notification,
  openContainer,
  openWindow,
  pick,
  runCommand,
  typeInput,
} from './page.mjs';
import { VSIX, isPackageFresh, packageExtension } from './prepare.mjs';
import { installExtension, startWorkbench } from './server.mjs';

/** @typedef {import('playwright-core').Page} Page */

const SIZE = { width: 1200, height: 800 };
const SIDEBAR = 400;
const NARROW = 250;
const PASSWORD = 'correct horse battery staple';
const SETTINGS = {
  'secureChat.rememberPassword': 'never',
  'editor.cursorBlinking': 'solid',
  'editor.minimap.enabled': false,
  'editor.occurrencesHighlight': 'off',
  'terminal.integrated.cursorBlinking': false,
};
/** Themes by the name of the picture, with the class that VS Code gives to pages in them. */
const THEMES = [
  { picture: 'chat-light', theme: 'Light Modern', mark: 'vscode-light' },
  { picture: 'chat-hc-dark', theme: 'Dark High Contrast', mark: 'vscode-high-contrast' },
  { picture: 'chat-hc-light', theme: 'Light High Contrast', mark: 'vscode-high-contrast-light' },
  { picture: undefined, theme: 'Dark Modern', mark: 'vscode-dark' },
];

const root = await mkdtemp(join(tmpdir(), 'secure-chat-pictures-'));
/** @type {(() => Promise<unknown>)[]} */
const cleanUp = [() => rm(root, { recursive: true, force: true })];
try {
  await main();
} finally {
  for (const step of cleanUp.reverse()) await step();
}

async function main() {
  const open = await start();
  const ada = await open('Ada');
  await makeParticipants(ada);
  await startRelay(ada);
  await unlock(ada, 'Ada');
  const bo = await open('Bo');
  await unlock(bo, 'Bo');
  await invite(ada, bo);
  const cy = await open('Cy');
  await unlock(cy, 'Cy');
  await talk({ Ada: ada, Bo: bo, Cy: cy });
  await showChat(ada);
  await showEditor(ada);
  await showPeople(ada);
  await showSafetyNumber(ada);
}

/**
 * Starts VS Code with the extension.
 *
 * @returns {Promise<(name: string) => Promise<Page>>} what opens a person's window on the
 *   project, with a file in the editor and the chat beside it
 */
async function start() {
  const dirs = {
    userDataDir: join(root, 'user'),
    extensionsDir: join(root, 'extensions'),
    serverDataDir: join(root, 'server'),
  };
  await installExtension(await packaged(), dirs);
  const workbench = await startWorkbench({ ...dirs, settings: SETTINGS });
  cleanUp.push(() => workbench.close());
  const browser = await chromium.launch({ ...launchOptions(), executablePath: await findChromium() });
  cleanUp.push(() => browser.close());

  return async (name) => {
    const folder = join(root, name.toLowerCase(), 'payments');
    for (const [file, text] of Object.entries(FOLDER)) await write(join(folder, file), text);
    const file = `vscode-remote://127.0.0.1:${workbench.port}${folder}/${OPENED}`;
    const payload = encodeURIComponent(JSON.stringify([['openFile', file]]));
    const page = await openWindow(browser, `${workbench.folderUrl(folder)}&payload=${payload}`, {
      viewport: SIZE,
      reducedMotion: 'reduce',
    });
    page.setDefaultTimeout(60_000);
    await page.locator('.monaco-editor .view-line').first().waitFor();
    await openContainer(page);
    await setSidebarWidth(page, SIDEBAR);
    return page;
  };
}

/** The .vsix to photograph. */
async function packaged() {
  const [given] = process.argv.slice(2);
  if (given) return given;
  if (!(await isPackageFresh())) await packageExtension();
  return VSIX;
}

/** @param {Page} page */
async function makeParticipants(page) {
  await chatFrame(page).getByRole('button', { name: 'Create participants' }).waitFor();
  await runCommand(page, 'Secure Chat: Create participants');
  await typeInput(page, NAMES.join(', '));
  await shoot(page, 'create');
  await answerInput(page, NAMES.join(', '));
  for (let i = 0; i < 2 * NAMES.length; i++) await answerInput(page, PASSWORD);
  await notification(page, 'The participants are ready').waitFor();
}

/** @param {Page} page */
async function startRelay(page) {
  await runCommand(page, 'Secure Chat: Start relay');
  await notification(page, 'The relay is running').waitFor();
  await clearNotifications(page);
  await page
    .locator('.terminal-wrapper.active .xterm-rows')
    .filter({ hasText: /Relay\slistening/ })
    .waitFor();
  await shoot(page, 'relay');
  await page.keyboard.press('Control+J');
  await page.locator('.part.panel').waitFor({ state: 'hidden' });
}

/**
 * @param {Page} page
 * @param {string} name
 */
async function unlock(page, name) {
  await runCommand(page, 'Secure Chat: Unlock participant');
  await pick(page, name);
  await answerInput(page, PASSWORD);
  await page.locator('.part.statusbar .statusbar-item', { hasText: `${name} · online` }).waitFor();
}

/**
 * @param {Page} ada
 * @param {Page} bo
 */
async function invite(ada, bo) {
  await runCommand(ada, 'Secure Chat: Invite group');
  await pick(ada, ['Bo', 'Cy']);
  await answerInput(ada, GROUP);
  await notification(bo, 'Ada invites you').waitFor();
  await chatFrame(bo).getByRole('button', { name: 'Accept' }).waitFor();
  await shoot(bo, 'invitation');
  await clearNotifications(bo);
}

/**
 * Everybody has everything but the last message, which one person isn't there for.
 *
 * @param {Record<'Ada' | 'Bo' | 'Cy', Page>} windows
 */
async function talk(windows) {
  const { Ada: ada, Bo: bo, Cy: cy } = windows;
  for (const page of [bo, cy]) await chatFrame(page).getByRole('button', { name: 'Accept' }).click();
  for (const name of ['Bo', 'Cy']) await messages(ada).getByText(`${name} joined.`).waitFor();
  for (const [name, text] of TALK) {
    await say(windows[name], text);
    for (const page of [ada, bo, cy]) await messages(page).filter({ hasText: text }).waitFor();
    await messages(windows[name]).last().getByText('Received by all').waitFor();
  }
  await runCommand(cy, 'Secure Chat: Lock');
  await chatFrame(cy).getByRole('button', { name: 'Unlock participant' }).waitFor();
  await say(ada, LAST);
  await messages(ada).last().getByText(LAST_STATE).waitFor();
}

/** In the sidebar: every theme, and narrow. @param {Page} page */
async function showChat(page) {
  await clearNotifications(page);
  await toggle(page, 'People');
  await shootChat(page, 'chat');
  for (const { picture, theme, mark } of THEMES) {
    await runCommand(page, 'Preferences: Color Theme');
    await typeInput(page, theme);
    await pick(page, theme);
    await chatFrame(page).locator(`body.${mark}`).waitFor();
    if (picture) await shootChat(page, picture);
  }
  await setSidebarWidth(page, NARROW);
  await shootChat(page, 'narrow', '.part.activitybar', '.part.sidebar');
  await setSidebarWidth(page, SIDEBAR);
  await toggle(page, 'People');
}

/** @param {Page} page */
async function showEditor(page) {
  await chatFrame(page).getByRole('button', { name: 'Open in editor' }).click();
  await openContainer(page, 'Explorer');
  await chatFrame(page, 'editor').getByText(LAST_STATE).waitFor();
  // What the pointer was over must not explain itself in the picture.
  await page.mouse.move(SIZE.width / 2, SIZE.height - 10);
  await page.locator('.monaco-hover').waitFor({ state: 'hidden' });
  await shoot(page, 'editor');
  await openContainer(page);
}

/** @param {Page} page */
async function showPeople(page) {
  await toggle(page, 'Chat');
  await page.setViewportSize({ ...SIZE, height: 440 });
  const group = page.getByRole('treeitem', { name: new RegExp(`^${GROUP}`) });
  await group.locator('.monaco-tl-twistie').click();
  await page.getByRole('treeitem', { name: /^Cy: joined/ }).waitFor();
  await shoot(page, 'people', '.part.activitybar', '.part.sidebar');
}

/** @param {Page} page */
async function showSafetyNumber(page) {
  await page.setViewportSize({ ...SIZE, height: 600 });
  await runCommand(page, 'View: Close All Editors');
  await runCommand(page, 'Secure Chat: Verify safety number');
  await pick(page, 'Bo');
  await chatFrame(page, 'editor').getByRole('heading', { name: 'Safety number with Bo' }).waitFor();
  await shoot(page, 'safety-number', '.part.editor');
}

/** @param {Page} page */
function messages(page) {
  return chatFrame(page).getByRole('log', { name: 'Messages' }).getByRole('article');
}

/**
 * @param {Page} page
 * @param {string} text
 */
async function say(page, text) {
  await chatFrame(page).getByRole('textbox', { name: 'Message' }).fill(text);
  await chatFrame(page).getByRole('button', { name: 'Send' }).click();
}

/**
 * The window with the newest message in sight and the cursor where one writes.
 *
 * @param {Page} page
 * @param {string} picture
 * @param {string[]} parts
 */
async function shootChat(page, picture, ...parts) {
  await chatFrame(page).getByRole('textbox', { name: 'Message' }).focus();
  await messages(page).last().getByText(LAST_STATE).scrollIntoViewIfNeeded();
  await shoot(page, picture, ...parts);
}

/**
 * @param {string} file
 * @param {string} text
 */
async function write(file, text) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
