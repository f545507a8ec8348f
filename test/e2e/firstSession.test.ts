import type { FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  chatFrame,
  notification,
  pick,
  runCommand,
  terminalText,
  answerInput,
  quickInputMessage,
} from '../workbench/page.mjs';
import { article, createParticipants, PASSWORD, say, statusShows, unlock, Windows } from './windows.js';

describe('a first session in VS Code', () => {
  let windows: Windows;
  let ada: Page, bo: Page, cy: Page;
  let adaChat: FrameLocator, boChat: FrameLocator, cyChat: FrameLocator;

  beforeAll(async () => {
    windows = await Windows.start();
  });
  afterAll(() => windows.close());
  afterEach((context) =>
    context.task.result?.state === 'fail' ? windows.screenshots(context.task.name) : undefined,
  );

  it('creates participants', async () => {
    ada = await windows.open('ada');
    await createParticipants(ada, ['Ada', 'Bo', 'Cy']);
    await expect.poll(() => ada.getByRole('treeitem', { name: /^Ada/ }).count()).toBe(1);
  });

  it('starts the relay in a terminal', async () => {
    await runCommand(ada, 'Secure Chat: Start relay');
    await notification(ada, /The relay is running on ws:/).waitFor({ timeout: 30_000 });
    await expect.poll(() => terminalText(ada)).toMatch(/Relay listening on ws:\/\/127\.0\.0\.1:\d+/);
    await runCommand(ada, 'Secure Chat: Start relay');
    await notification(ada, /The relay is running already/).waitFor();
  });

  it('unlocks one participant in each of three windows, asking again after a wrong password', async () => {
    adaChat = await unlock(ada, 'Ada');
    await statusShows(ada, /Ada.*online/);
    bo = await windows.open('bo');
    await runCommand(bo, 'Secure Chat: Unlock participant');
    await pick(bo, 'Bo');
    await answerInput(bo, 'wrong');
    expect(await quickInputMessage(bo)).toMatch(/Wrong password/);
    await answerInput(bo, `${PASSWORD} Bo`);
    await statusShows(bo, /Bo.*online/);
    boChat = chatFrame(bo);
  });

  it('invites a group, also who is not there yet', async () => {
    await runCommand(ada, 'Secure Chat: Invite group');
    await pick(ada, ['Bo', 'Cy']);
    await answerInput(ada, 'Incident');
    await notification(bo, 'Ada invites you to “Incident”').waitFor();
    await boChat.getByRole('article', { name: /Ada/ }).getByRole('button', { name: 'Accept' }).click();
    cy = await windows.open('cy');
    cyChat = await unlock(cy, 'Cy');
    await cyChat.getByRole('button', { name: 'Accept' }).click();
    await adaChat.getByRole('log', { name: 'Messages' }).getByText('Cy joined.').waitFor();
  });

  it('chats, and shows how far each message got', async () => {
    await say(adaChat, 'The key is rotated <b>now</b>.');
    for (const chat of [boChat, cyChat])
      await article(chat, 'Ada', 'The key is rotated <b>now</b>.').waitFor();
    await article(adaChat, 'Ada', 'The key is rotated')
      .getByText(/by all/)
      .waitFor();
    await say(boChat, 'Thanks! 👍');
    await article(adaChat, 'Bo', 'Thanks! 👍').waitFor();
    await article(cyChat, 'Bo', 'Thanks! 👍').waitFor();
    // Everything is on the screen: nothing is unread.
    for (const page of [ada, bo, cy])
      await expect
        .poll(() => page.locator('.part.activitybar .action-item.checked .badge').isVisible())
        .toBe(false);
  });

  it('loses nothing when a window is closed and opened again', async () => {
    const before = await windows.quiet();
    const box = () => boChat.getByRole('textbox', { name: 'Message' });
    await box().fill('not sent yet');
    await expect.poll(() => windows.stored()).toBeGreaterThan(before);
    await bo.reload();
    await say(adaChat, 'while Bo was away');
    boChat = await unlock(bo, 'Bo');
    await article(boChat, 'Ada', 'while Bo was away').waitFor();
    await article(boChat, 'Ada', 'The key is rotated').waitFor();
    await expect.poll(() => box().inputValue()).toBe('not sent yet');
  });

  it('says who is open elsewhere and takes over', async () => {
    const second = await windows.open('second');
    await runCommand(second, 'Secure Chat: Unlock participant');
    await pick(second, 'Bo');
    await answerInput(second, `${PASSWORD} Bo`);
    await notification(second, /Bo is open/)
      .getByRole('button', { name: 'Take over' })
      .click();
    const chat = chatFrame(second);
    await article(chat, 'Ada', 'while Bo was away').waitFor();
    await boChat.getByRole('button', { name: 'Take over' }).waitFor();
    await say(chat, 'from the other window');
    await article(adaChat, 'Bo', 'from the other window').waitFor();
    await second.context().close();
  });

  it('locks, and stops the relay cleanly', async () => {
    await runCommand(cy, 'Secure Chat: Lock');
    await statusShows(cy, 'locked');
    await cyChat.getByRole('button', { name: 'Unlock participant' }).waitFor();
    await runCommand(ada, 'Secure Chat: Stop relay');
    await notification(ada, 'The relay was stopped').waitFor({ timeout: 30_000 });
    await statusShows(ada, /Ada.*offline/);
    await say(adaChat, 'queued');
    await article(adaChat, 'Ada', 'queued')
      .getByText(/queued|waiting/i)
      .first()
      .waitFor();
  });
});
