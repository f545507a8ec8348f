// npm run pictures: a first session in a real VS Code, photographed for the documentation.
// With an argument: the .vsix to photograph, instead of this working tree.
import './require-node.mjs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { findChromium, launchOptions } from './chromium.mjs';
import { ROOT } from './install.mjs';
import {
  answerInput,
  chatFrame,
  notification,
  openContainer,
  openWindow,
  pick,
  runCommand,
  terminalText,
  typeInput,
} from './page.mjs';
import { VSIX, isPackageFresh, packageExtension } from './prepare.mjs';
import { installExtension, startWorkbench } from './server.mjs';

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('playwright-core').FrameLocator} FrameLocator
 */

const IMAGES = join(ROOT, 'docs/images');
const SIZE = { width: 1200, height: 800 };
const SIDEBAR = 400;
const NARROW = 250;
const PASSWORD = 'correct horse battery staple';
const GROUP = 'Webhook incident';

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

const OPENED = 'src/webhook.ts';
const FOLDER = {
  [OPENED]: `import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE = 5 * 60; // seconds

export interface Signed {
  readonly body: string;
  readonly time: number;
  readonly signature: Buffer;
}

/** Whether the payment provider sent this, and not too long ago. */
export function isGenuine(key: string, signed: Signed): boolean {
  const { body, time, signature } = signed;
  const age = Math.floor(Date.now() / 1000) - time;
  if (age < -TOLERANCE || age > TOLERANCE) return false;

  const expected = createHmac('sha256', key)
    .update(\`\${time}.\${body}\`)
    .digest();
  return (
    expected.length === signature.length &&
    timingSafeEqual(expected, signature)
  );
}
`,
  'src/checkout.ts': 'export {};\n',
  'src/queue.ts': 'export {};\n',
  'test/webhook.test.ts': 'export {};\n',
  'README.md': '# Payments\n',
};

/** @type {readonly (readonly ['Ada' | 'Bo' | 'Cy', string])[]} */
const TALK = [
  ['Ada', 'Checkout has been failing since 14:02. isGenuine() refuses every webhook, so no order gets paid.'],
  ['Bo', 'The provider changed the signing key an hour ago. We still have the old one.'],
  ['Ada', 'I have the new one, good for an hour until the vault has it:\nmaple-otter-4417-dusk'],
  ['Cy', 'Got it. Staging is green with it, 20 of 20.'],
  ['Bo', 'Then production too. 214 orders in the queue, and falling.'],
];
const LAST = 'Thank you both. I revoke the old key now and write it up.';

await mkdir(IMAGES, { recursive: true });
const root = await mkdtemp(join(tmpdir(), 'secure-chat-pictures-'));
/** @type {(() => Promise<unknown>)[]} */
const cleanUp = [() => rm(root, { recursive: true, force: true })];
try {
  await main();
} finally {
  for (const step of cleanUp.reverse()) await step();
}

async function main() {
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

  /** A person's window on the project, with a file in the editor and the chat beside it. @param {string} name */
  const open = async (name) => {
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

  const ada = await open('Ada');
  await chatFrame(ada).getByRole('button', { name: 'Create participants' }).waitFor();
  await runCommand(ada, 'Secure Chat: Create participants');
  await typeInput(ada, 'Ada, Bo, Cy');
  await shoot(ada, 'create');
  await answerInput(ada, 'Ada, Bo, Cy');
  for (let i = 0; i < 6; i++) await answerInput(ada, PASSWORD);
  await notification(ada, 'The participants are ready').waitFor();

  await runCommand(ada, 'Secure Chat: Start relay');
  await notification(ada, 'The relay is running').waitFor();
  await clearNotifications(ada);
  while (!(await terminalText(ada)).includes('Relay listening')) await ada.waitForTimeout(50);
  await shoot(ada, 'relay');
  await ada.keyboard.press('Control+J');
  await ada.locator('.part.panel').waitFor({ state: 'hidden' });

  const bo = await open('Bo');
  for (const [page, name] of /** @type {const} */ ([
    [ada, 'Ada'],
    [bo, 'Bo'],
  ]))
    await unlock(page, name);
  await runCommand(ada, 'Secure Chat: Invite group');
  await pick(ada, ['Bo', 'Cy']);
  await answerInput(ada, GROUP);
  await notification(bo, 'Ada invites you').waitFor();
  await chatFrame(bo).getByRole('button', { name: 'Accept' }).waitFor();
  await shoot(bo, 'invitation');
  await clearNotifications(bo);
  const cy = await open('Cy');
  await unlock(cy, 'Cy');
  for (const page of [bo, cy]) await chatFrame(page).getByRole('button', { name: 'Accept' }).click();
  for (const name of ['Bo', 'Cy']) await messages(ada).getByText(`${name} joined.`).waitFor();

  const windows = { Ada: ada, Bo: bo, Cy: cy };
  for (const [name, text] of TALK) {
    await say(windows[name], text);
    for (const page of [ada, bo, cy]) await messages(page).filter({ hasText: text }).waitFor();
    await messages(windows[name]).last().getByText('Received by all').waitFor();
  }
  await runCommand(cy, 'Secure Chat: Lock');
  await chatFrame(cy).getByRole('button', { name: 'Unlock participant' }).waitFor();
  await say(ada, LAST);
  await messages(ada).last().getByText('Received by 1 of 2').waitFor();
  await clearNotifications(ada);
  await toggle(ada, 'People');
  await shootChat(ada, 'chat');

  for (const { picture, theme, mark } of THEMES) {
    await runCommand(ada, 'Preferences: Color Theme');
    await typeInput(ada, theme);
    await pick(ada, theme);
    await chatFrame(ada).locator(`body.${mark}`).waitFor();
    if (picture) await shootChat(ada, picture);
  }

  await setSidebarWidth(ada, NARROW);
  await shootChat(ada, 'narrow', '.part.activitybar', '.part.sidebar');
  await setSidebarWidth(ada, SIDEBAR);

  await toggle(ada, 'People');
  await toggle(ada, 'Chat');
  const group = ada.getByRole('treeitem', { name: new RegExp(`^${GROUP}`) });
  await group.locator('.monaco-tl-twistie').click();
  await ada
    .getByRole('treeitem', { name: /^Cy.*present/ })
    .first()
    .waitFor();
  await shoot(ada, 'people', '.part.activitybar', '.part.sidebar');
  await toggle(ada, 'Chat');

  await chatFrame(ada).getByRole('button', { name: 'Open in editor' }).click();
  await openContainer(ada, 'Explorer');
  const inEditor = 'iframe.webview.ready:not([src*="purpose=webviewView"])';
  await ada.frameLocator(inEditor).frameLocator('#active-frame').getByText('Received by 1 of 2').waitFor();
  await shoot(ada, 'editor');
}

/** The .vsix to photograph. */
async function packaged() {
  const [given] = process.argv.slice(2);
  if (given) return given;
  if (!(await isPackageFresh())) await packageExtension();
  return VSIX;
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

/** @param {Page} page */
async function clearNotifications(page) {
  if ((await notification(page, '').count()) === 0) return;
  await runCommand(page, 'Notifications: Clear All Notifications');
  await notification(page, '').first().waitFor({ state: 'detached' });
}

/**
 * Drags the sidebar's edge.
 *
 * @param {Page} page
 * @param {number} width px
 */
async function setSidebarWidth(page, width) {
  const box = await page.locator('.part.sidebar').boundingBox();
  if (!box) throw new Error('There is no sidebar.');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + width, y, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(SIZE.width - 200, 400);
  await page.waitForFunction((wanted) => {
    const shown = document.querySelector('.part.sidebar')?.getBoundingClientRect().width ?? 0;
    return Math.abs(shown - wanted) < 3;
  }, width);
}

/**
 * Opens or closes a part of the sidebar.
 *
 * @param {Page} page
 * @param {string} view
 */
async function toggle(page, view) {
  const header = page.locator('.part.sidebar').getByRole('button', { name: `${view} Section` });
  const before = await header.getAttribute('aria-expanded');
  await header.click();
  await page.waitForFunction(
    ([label, old]) =>
      document.querySelector(`.pane-header[aria-label="${label}"]`)?.getAttribute('aria-expanded') !== old,
    [`${view} Section`, before],
  );
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
  await messages(page).last().getByText('Received by 1 of 2').scrollIntoViewIfNeeded();
  await shoot(page, picture, ...parts);
}

/**
 * Photographs the window, or the parts of it that lie beside each other.
 *
 * @param {Page} page
 * @param {string} picture
 * @param {string[]} parts
 */
async function shoot(page, picture, ...parts) {
  const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
  const found = boxes.filter((box) => box !== null);
  const x = Math.min(...found.map((box) => box.x));
  const y = Math.min(...found.map((box) => box.y));
  const right = Math.max(...found.map((box) => box.x + box.width));
  const bottom = Math.max(...found.map((box) => box.y + box.height));
  const clip = found.length > 0 ? { clip: { x, y, width: right - x, height: bottom - y } } : {};
  await page.screenshot({ path: join(IMAGES, `${picture}.png`), animations: 'disabled', ...clip });
  console.log(`docs/images/${picture}.png`);
}

/**
 * @param {string} file
 * @param {string} text
 */
async function write(file, text) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
