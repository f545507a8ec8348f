import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { parsePrivateKey } from '../../src/crypto/rsa.js';
import type { Card } from '../../src/protocol/card.js';
import { cardLink } from '../../src/protocol/cardLink.js';
import { cardText, readCardText } from '../../src/protocol/cardText.js';
import { newIdentity } from '../../src/protocol/identity.js';
import { makeRevocation } from '../../src/protocol/revocation.js';
import { safetyNumber } from '../../src/protocol/safetyNumber.js';
import { PYTHON_PASSWORD, PYTHON_PEM } from '../helpers/rsaKeys.js';
import {
  answerInput,
  chatFrame,
  notification,
  pick,
  quickInputMessage,
  runCommand,
} from '../workbench/page.mjs';
import { createParticipants, PASSWORD, statusShows, unlock, Windows } from './windows.js';

/** Answers the modal dialog that holds this text; another one may follow at once. */
async function answerDialog(page: Page, text: string, button: string): Promise<void> {
  const dialog = page.getByRole('dialog').filter({ hasText: text });
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

/**
 * Types a path into the file dialog that `ask` opens; another input may follow at once. The dialog reads folders while
 * one types, and may take the path for another one: then it is asked again.
 */
async function chooseFile(page: Page, path: string, ask: () => Promise<void>): Promise<void> {
  const input = page.locator('.quick-input-widget .quick-input-box input');
  const asks = async () => (await input.isVisible()) && (await input.inputValue()).startsWith('/');
  await expect
    .poll(
      async () => {
        while (await asks()) await input.press('Escape');
        await ask();
        await expect.poll(() => input.inputValue()).toMatch(/^\//);
        await input.fill(path);
        await page.waitForTimeout(1_000);
        await input.press('Enter');
        await page.waitForTimeout(1_000);
        return asks();
      },
      { timeout: 120_000 },
    )
    .toBe(false);
}

const made = async (name: string) => {
  const { card, secrets } = await newIdentity(name, systemRandom, Date.now());
  return { card, signKey: parsePrivateKey(secrets.signKey), text: cardText('card', card.bytes) };
};

describe('people of other machines', () => {
  let windows: Windows;
  let page: Page;
  let ada: Card;
  let bo: Awaited<ReturnType<typeof made>>;
  let other: Awaited<ReturnType<typeof made>>;

  beforeAll(async () => {
    [bo, other] = await Promise.all([made('Bo'), made('Bo')]);
    windows = await Windows.start();
    page = await windows.open('ada');
    await createParticipants(page, ['Ada']);
    await unlock(page, 'Ada');
  });
  afterAll(() => windows.close());
  afterEach((context) =>
    context.task.result?.state === 'fail' ? windows.screenshots(context.task.name) : undefined,
  );

  const clipboard = () => page.evaluate<string>('navigator.clipboard.readText()');
  const treeItem = (name: RegExp) => page.getByRole('treeitem', { name });
  const safetyView = () => chatFrame(page, 'editor');

  it('hands out a card as text, link and file', async () => {
    await runCommand(page, 'Secure Chat: Export contact card');
    await pick(page, 'Copy as text');
    await notification(page, 'The contact card of Ada is on the clipboard').waitFor();
    const text = await clipboard();
    ada = readCardText(text).card;
    expect(ada.name).toBe('Ada');
    await runCommand(page, 'Secure Chat: Export contact card');
    await pick(page, 'Copy as link');
    await notification(page, 'on the clipboard as a link').waitFor();
    const link = await clipboard();
    expect(link).toMatch(/^[a-z-]+:\/\/secure-chat\.secure-chat\/card\?secure-chat-card-1\./);
    expect(link.endsWith(text)).toBe(true);
    const file = join(windows.root, 'Ada.securechat');
    await chooseFile(page, file, async () => {
      await runCommand(page, 'Secure Chat: Export contact card');
      await pick(page, 'Save to a file');
    });
    await notification(page, 'The contact card of Ada is saved').waitFor();
    expect(await readFile(file, 'utf8')).toBe(`${text}\n`);
  });

  it('takes a card in, and compares the safety number', async () => {
    await runCommand(page, 'Secure Chat: Import contact card');
    await pick(page, 'Paste text or a link');
    await answerInput(page, 'hello');
    expect(await quickInputMessage(page)).toContain('not a whole contact card');
    await answerInput(page, bo.text);
    await answerDialog(page, 'Import the contact card of “Bo”?', 'Import');
    await treeItem(/^Bo: not verified/).waitFor();
    await notification(page, 'It is not verified yet')
      .getByRole('button', { name: 'Compare safety number' })
      .click();
    const view = safetyView();
    await view.getByRole('heading', { name: 'Safety number with Bo' }).waitFor();
    const digits = await view.getByLabel('Safety number').innerText();
    expect(digits.split(/\s+/)).toEqual(safetyNumber(ada.fingerprint, bo.card.fingerprint));
    expect(await view.getByRole('img', { name: 'QR code' }).isVisible()).toBe(true);
    await view.getByRole('button', { name: 'They match' }).click();
    await notification(page, 'Bo is verified.').waitFor();
    await treeItem(/^Bo: verified/).waitFor();
  });

  it('asks about a link that was opened, and says what is known already', async () => {
    await runCommand(page, 'Developer: Open URL');
    await answerInput(page, cardLink('code-oss://secure-chat.secure-chat/card', bo.text));
    await answerDialog(page, 'open this URI', 'Open');
    await notification(page, 'You have this card of Bo already').waitFor();
  });

  it('shows a changed key, and a view that is open says so', async () => {
    await runCommand(page, 'Secure Chat: Verify safety number');
    await pick(page, 'Bo');
    await safetyView().getByRole('heading', { name: 'Safety number with Bo' }).waitFor();
    await runCommand(page, 'Developer: Open URL');
    await answerInput(page, cardLink('code-oss://secure-chat.secure-chat/card', other.text));
    await answerDialog(page, 'open this URI', 'Open');
    await answerDialog(page, 'Import another key under the name “Bo”?', 'Import');
    await answerDialog(page, 'Which key of “Bo” is right?', 'Cancel');
    await safetyView().getByRole('heading', { name: 'The key of Bo changed' }).waitFor();
    await safetyView().getByRole('button', { name: 'Close' }).click();
    await treeItem(/^Bo: key changed/).click();
    await answerDialog(page, 'Which key of “Bo” is right?', 'Keep the old key');
    await treeItem(/^Bo: revoked/).waitFor();
    await treeItem(/^Bo: verified/).waitFor();
  });

  it('takes note of a revocation', async () => {
    const text = cardText('revocation', makeRevocation(bo.signKey, bo.card, Date.now()));
    const file = join(windows.root, 'bo.securechat');
    await writeFile(file, text);
    await chooseFile(page, file, async () => {
      await runCommand(page, 'Secure Chat: Import contact card');
      await pick(page, 'Choose a file');
    });
    await answerDialog(page, '“Bo” revokes this contact card', 'Revoke');
    await notification(page, 'The card of Bo is revoked.').waitFor();
    await expect.poll(() => treeItem(/^Bo: revoked/).count()).toBe(2);
  });

  it('changes a password', async () => {
    await runCommand(page, 'Secure Chat: Change password');
    await pick(page, 'Ada');
    await answerInput(page, 'wrong');
    expect(await quickInputMessage(page)).toMatch(/Wrong password/);
    await answerInput(page, `${PASSWORD} Ada`);
    await answerInput(page, 'another password');
    await answerInput(page, 'another password');
    await notification(page, 'The password of Ada is changed').waitFor();
    await runCommand(page, 'Secure Chat: Lock');
    await runCommand(page, 'Secure Chat: Unlock participant');
    await pick(page, 'Ada');
    await answerInput(page, `${PASSWORD} Ada`);
    expect(await quickInputMessage(page)).toMatch(/Wrong password/);
    await answerInput(page, 'another password');
    await statusShows(page, 'Ada');
  });

  it('imports a private key of the original program', async () => {
    const file = join(windows.root, 'a.pem');
    await writeFile(file, PYTHON_PEM);
    await chooseFile(page, file, () => runCommand(page, 'Secure Chat: Import private key'));
    await answerInput(page, 'wrong');
    expect(await quickInputMessage(page)).toMatch(/Wrong password/);
    await answerInput(page, PYTHON_PASSWORD);
    await expect.poll(() => quickInputMessage(page)).toContain('Name of the participant');
    await answerInput(page, 'ada');
    await expect.poll(() => quickInputMessage(page)).toMatch(/on this machine already/);
    await answerInput(page, 'A');
    await answerInput(page, 'a password');
    await answerInput(page, 'a password');
    await notification(page, 'The participants are ready').waitFor({ timeout: 60_000 });
    await treeItem(/^A: /).waitFor();
    await chooseFile(page, file, () => runCommand(page, 'Secure Chat: Import private key'));
    await answerInput(page, PYTHON_PASSWORD);
    await notification(page, 'This is the key of A already').waitFor();
  });

  it('revokes the own card', async () => {
    await runCommand(page, 'Secure Chat: Revoke contact');
    await pick(page, 'Ada');
    await answerDialog(page, 'Revoke your own contact card?', 'Revoke my card');
    await pick(page, 'Copy as text');
    await notification(page, 'The revocation of Ada is on the clipboard').waitFor();
    expect(readCardText(await clipboard()).kind).toBe('revocation');
    await treeItem(/^Ada: unlocked here, card revoked/).waitFor();
  });
});
