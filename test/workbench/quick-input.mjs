// The palette, input boxes and picks: one widget of the workbench plays all of them.

/** @typedef {import('playwright-core').Page} Page */

const TRY_MS = 2000;
const WAIT_MS = 30_000;

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
 * Does something to the quick input and waits until it closes, asks the next
 * question or rejects the answer: what follows must not end up in the old box.
 *
 * @param {Page} page
 * @param {() => Promise<void>} act
 */
async function settle(page, act) {
  const before = await page.evaluate(changed, '');
  await act();
  await page.waitForFunction(changed, before, { timeout: WAIT_MS });
}

/**
 * Runs in the page.
 *
 * @param {string} before what the quick input showed, or '' for nothing yet
 * @returns {string} what it shows, once that is something else
 */
function changed(before) {
  const widget = /** @type {HTMLElement | null} */ (document.querySelector('.quick-input-widget'));
  if (!widget || widget.style.display === 'none') return 'closed';
  const parts = widget.querySelectorAll('.quick-input-title, .quick-input-message, .label-name');
  const input = /** @type {HTMLInputElement | null} */ (widget.querySelector('.quick-input-box input'));
  const texts = Array.from(parts, (part) => part.textContent);
  const now = ['open', input?.type, input?.placeholder, input?.value, ...texts].join('\n');
  const rejected = before && widget.querySelector('.monaco-inputbox.error');
  return rejected || now !== before ? now : '';
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
      await entry.waitFor({ timeout: TRY_MS });
    } catch {
      await page.keyboard.press('Escape');
      continue;
    }
    return settle(page, () => entry.click());
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
  await settle(page, () => inputBox(page).press('Enter'));
}

/**
 * Types without accepting, to see what is said about it.
 *
 * @param {Page} page
 * @param {string} text
 */
export async function typeInput(page, text) {
  const error = quickInput(page).locator('.monaco-inputbox.error');
  await inputBox(page).waitFor({ timeout: WAIT_MS });
  const rejected = (await error.count()) > 0;
  await inputBox(page).fill(text);
  // The verdict on the last answer would be taken for the one on this.
  if (rejected) await error.waitFor({ state: 'detached', timeout: TRY_MS }).catch(() => {});
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
  if (!many) return settle(page, () => row(page, wanted[0]).click());

  for (const label of wanted) {
    // Only the rows in sight are in the page.
    await inputBox(page).fill(label);
    await row(page, label).getByRole('checkbox').setChecked(true);
  }
  await inputBox(page).fill('');
  return settle(page, () => quickInput(page).getByRole('button', { name: 'OK' }).click());
}

/**
 * What the input box says under it: its prompt, or why it rejects the answer.
 *
 * @param {Page} page
 */
export async function quickInputMessage(page) {
  return quickInput(page).locator('.quick-input-message').innerText();
}
