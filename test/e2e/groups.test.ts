import type { FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { answerDialog, answerInput, chatFrame, notification, pick, runCommand } from '../workbench/page.mjs';
import { article, createParticipants, say, unlock, Windows } from './windows.js';

describe('a group that changes in VS Code', () => {
  let windows: Windows;
  let ada: Page;
  let bo: Page;
  let adaChat: FrameLocator;
  let boChat: FrameLocator;

  beforeAll(async () => {
    windows = await Windows.start();
    ada = await windows.open('ada');
    await createParticipants(ada, ['Ada', 'Bo', 'Cy']);
    await runCommand(ada, 'Secure Chat: Start relay');
    await notification(ada, /The relay is running/).waitFor({ timeout: 60_000 });
    bo = await windows.open('bo');
  }, 180_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await windows.screenshots(task.name);
  });
  afterAll(() => windows.close());

  const log = (chat: FrameLocator) => chat.getByRole('log', { name: 'Messages' });
  const told = (chat: FrameLocator, text: string) => log(chat).getByText(text).first().waitFor();

  it('is founded by two', async () => {
    adaChat = await unlock(ada, 'Ada');
    boChat = await unlock(bo, 'Bo');
    await runCommand(ada, 'Secure Chat: Invite group');
    await pick(ada, ['Bo']);
    await answerInput(ada, 'Incident');
    await boChat.getByRole('button', { name: 'Accept' }).click();
    await told(adaChat, 'Bo joined.');
  });

  it('takes a third one in, who reads on from there', async () => {
    await say(adaChat, 'before Cy');
    await article(boChat, 'Ada', 'before Cy').waitFor();
    await runCommand(ada, 'Secure Chat: Add members');
    await pick(ada, ['Cy']);
    await told(boChat, 'Ada invited Cy.');
    const cy = await windows.open('cy');
    const cyChat = await unlock(cy, 'Cy');
    await cyChat.getByRole('button', { name: 'Accept' }).click();
    await told(boChat, 'Cy joined.');
    await say(boChat, 'hello Cy');
    await article(cyChat, 'Bo', 'hello Cy').waitFor();
    expect(await article(cyChat, 'Ada', 'before Cy').count()).toBe(0);
    await cy.context().close();
  });

  it('renews its key, and changes a role', async () => {
    await runCommand(ada, 'Secure Chat: Renew group key');
    await pick(ada, 'Renew the key');
    await runCommand(ada, 'Secure Chat: Change role');
    await pick(ada, 'Bo');
    await pick(ada, 'Admin');
    await told(boChat, 'Bo is an admin now.');
    await say(boChat, 'still here');
    await article(adaChat, 'Bo', 'still here').waitFor();
  });

  it('removes one, and another leaves', async () => {
    await runCommand(ada, 'Secure Chat: Remove member');
    await pick(ada, 'Cy');
    await answerDialog(ada, 'Remove');
    await told(boChat, 'Ada removed Cy.');
    await runCommand(ada, 'Secure Chat: Leave group');
    await answerDialog(ada, 'Leave');
    await told(boChat, 'Ada left.');
    await chatFrame(ada).getByText('You left this group.').first().waitFor();
    await say(boChat, 'alone');
    await article(boChat, 'Bo', 'alone').waitFor();
  });
});
