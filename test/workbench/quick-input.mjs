// The palette, input boxes and picks: one widget of the workbench plays all of them.

/** @typedef {import('playwright-core').Page} Page */

const TRY_MS = 2000;
const WAIT_MS = 60_000;

/** @param {Page} page */
const quickInput = (page) => page.locator('.quick-input-widget');
/** @param {Page} page */
const inputBox = (page) => quickInput(page).locator('.quick-input-box input');

/**
 * @param {Page} page
 * @param {string} label
 */
function row(page, label) {
  const name = page.locator('.label-name', { hasText: exactly(label) });
  return quickInput(page).locator('.monaco-list-row').filter({ has: name }).first();
}

/** @param {string} text */
function exactly(text) {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
}

/**
 * Waits until what was typed and accepted makes the quick input close, ask the next
 * question or reject the answer: what follows must not end up in the old box.
 *
 * @param {Page} page
 * @param {string} typed
 */
async function settle(page, typed) {
  await page.waitForFunction(isTaken, typed, { timeout: WAIT_MS });
}

/**
 * Runs in the page. The next question begins with another text, mostly none.
 *
 * @param {string} typed
 */
function isTaken(typed) {
  const widget = /** @type {HTMLElement | null} */ (document.querySelector('.quick-input-widget'));
  const input = /** @type {HTMLInputElement | null} */ (widget?.querySelector('.quick-input-box input'));
  const isClosed = !widget || widget.style.display === 'none';
  return isClosed || input?.value !== typed || widget.querySelector('.monaco-inputbox.error') !== null;
}

/**
 * Runs a command from the palette.
 *
 * @param {Page} page
 * @param {string} title with its category, as in "Secure Chat: Invite group"
 */
export async function runCommand(page, title) {
  const deadline = Date.now() + WAIT_MS;
  const entry = row(page, title);
  // Extensions register their commands some time after the window is there, and an
  // open palette doesn't notice.
  while (Date.now() < deadline) {
    try {
      await page.keyboard.press('F1');
      await inputBox(page).fill(`>${title}`, { timeout: TRY_MS });
      await entry.click({ timeout: TRY_MS });
    } catch {
      await page.keyboard.press('Escape');
      continue;
    }
    return settle(page, `>${title}`);
  }
  throw new Error(`The command palette has no entry "${title}".`);
}

/**
 * Types an answer into the input box that is open, or is about to be, and accepts it.
 * A rejected answer leaves the box open: see `quickInputMessage`.
 *
 * @param {Page} page
 * @param {string} text
 */
export async function answerInput(page, text) {
  await typeInput(page, text);
  await inputBox(page).press('Enter');
  await settle(page, text);
}

/**
 * Types without accepting, to see what is said about it.
 *
 * @param {Page} page
 * @param {string} text
 */
export async function typeInput(page, text) {
  const box = inputBox(page);
  await box.waitFor({ timeout: WAIT_MS });
  const isAnother = (await box.inputValue()) !== text;
  await box.fill(text);
  // The verdict on the last answer goes when another is typed; it must not be taken for the one on this.
  const verdict = quickInput(page).locator('.monaco-inputbox.error');
  if (isAnother) await verdict.waitFor({ state: 'detached', timeout: WAIT_MS });
}

/**
 * Chooses in the quick pick that is open or is about to be; all of the labels, where
 * several can be chosen.
 *
 * @param {Page} page
 * @param {string | string[]} labels
 */
export async function pick(page, labels) {
  const wanted = [labels].flat();
  await quickInput(page).locator('.monaco-list-row').first().waitFor({ timeout: WAIT_MS });
  const many = (await page.locator('.quick-input-widget.show-checkboxes').count()) > 0;
  for (const label of wanted) {
    // Only the rows in sight are in the page.
    await inputBox(page).fill(label);
    if (many) await row(page, label).getByRole('checkbox').setChecked(true);
    else await row(page, label).click();
  }
  if (many) await quickInput(page).getByRole('button', { name: 'OK' }).click();
  await settle(page, wanted.at(-1) ?? '');
}

/**
 * Dismisses the quick pick that is open or is about to be.
 *
 * @param {Page} page
 * @param {string} label of a row, to know it by
 */
export async function dismissPick(page, label) {
  await row(page, label).waitFor({ timeout: WAIT_MS });
  await inputBox(page).press('Escape');
  await quickInput(page).waitFor({ state: 'hidden' });
}

/**
 * What the input box that is open, or is about to be, says under it: its prompt, or why it rejects the answer.
 *
 * @param {Page} page
 */
export async function quickInputMessage(page) {
  // A closed one keeps its last text.
  const message = quickInput(page).locator('.quick-input-message');
  await message.waitFor();
  return message.innerText();
}
