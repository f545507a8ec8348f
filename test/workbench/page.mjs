// Drives a window of the workbench the way a person does. Every wait is for
// something to be seen; nothing sleeps.

export * from './quick-input.mjs';

/**
 * @typedef {import('playwright-core').Browser} Browser
 * @typedef {import('playwright-core').Page} Page
 */

/** A window takes a few seconds to open; several at once on a busy machine, many times that. */
const WAIT_MS = 120_000;

/**
 * Opens a window in a browser context of its own, which is a profile of its own:
 * nothing is shared with other windows but what the server keeps.
 *
 * @param {Browser} browser
 * @param {string} url as from `folderUrl`
 * @param {import('playwright-core').BrowserContextOptions} [options]
 * @returns {Promise<Page>}
 */
export async function openWindow(browser, url, options) {
  const context = await browser.newContext({
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  await page.goto(url, { waitUntil: 'commit' });
  await page.locator('.monaco-workbench .part.statusbar').waitFor();
  return page;
}

/**
 * Answers a modal dialog.
 *
 * @param {Page} page
 * @param {string} button
 * @returns {Promise<string>} what it asked
 */
export async function answerDialog(page, button) {
  const dialog = page.getByRole('dialog').filter({ has: page.locator('.dialog-message') });
  const text = await dialog.locator('.dialog-message-container').innerText();
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  return text;
}

/**
 * The notification on the screen that holds a text; its buttons are in it.
 *
 * @param {Page} page
 * @param {string | RegExp} text
 */
export function notification(page, text) {
  return page.locator('.notifications-toasts .notification-list-item').filter({ hasText: text }).first();
}

/**
 * @param {Page} page
 * @returns {Promise<string[]>} the texts of all notifications on the screen
 */
export function notifications(page) {
  return page.locator('.notifications-toasts .notification-list-item-message').allInnerTexts();
}

/**
 * Opens a view container of the activity bar, if it isn't open.
 *
 * @param {Page} page
 * @param {string} [name]
 */
export async function openContainer(page, name = 'Secure Chat') {
  const tab = page.locator('.part.activitybar').getByRole('tab', { name });
  if ((await tab.getAttribute('aria-expanded')) !== 'true') await tab.click();
}

/**
 * Inside the chat; `getByRole` and `getByLabel` go on from there.
 *
 * @param {Page} page
 * @param {'sidebar' | 'editor'} [place]
 */
export function chatFrame(page, place = 'sidebar') {
  // The address says `purpose=webviewView` only until the view is hidden for the first time.
  const inEditor = '[data-parent-flow-to-element-id]';
  const container = place === 'editor' ? `div${inEditor}` : `div:not(${inEditor})`;
  const webview = 'iframe.webview.ready[src*="extensionId=secure-chat.secure-chat&"]';
  return page.frameLocator(`${container} > ${webview}`).frameLocator('#active-frame');
}

/**
 * What the terminal in front shows; not what has scrolled out of it.
 *
 * @param {Page} page
 */
export async function terminalText(page) {
  const text = await page.locator('.terminal-wrapper.active .xterm-rows').innerText();
  return text.replaceAll('\u00a0', ' ');
}

/** @param {Page} page */
export async function statusBarText(page) {
  const texts = await page.locator('.part.statusbar .statusbar-item').allInnerTexts();
  return texts.map((text) => text.replaceAll('\u00a0', ' ').trim()).join('\n');
}
