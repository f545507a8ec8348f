// Arranges a window for a picture, and takes it.
import { join } from 'node:path';
import { ROOT } from './install.mjs';
import { notification, runCommand } from './page.mjs';

/** @typedef {import('playwright-core').Page} Page */

const IMAGES = join(ROOT, 'docs/images');

/** @param {Page} page */
export async function clearNotifications(page) {
  if ((await notification(page, '').count()) === 0) return;
  await runCommand(page, 'Notifications: Clear All Notifications');
  await notification(page, '').waitFor({ state: 'detached' });
}

/**
 * Drags the sidebar's edge.
 *
 * @param {Page} page
 * @param {number} width px
 */
export async function setSidebarWidth(page, width) {
  const box = await page.locator('.part.sidebar').boundingBox();
  if (!box) throw new Error('There is no sidebar.');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + width, y, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(box.x + width + 200, y);
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
export async function toggle(page, view) {
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
 * Photographs the window, or the parts of it that lie beside each other.
 *
 * @param {Page} page
 * @param {string} picture
 * @param {string[]} parts
 */
export async function shoot(page, picture, ...parts) {
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
