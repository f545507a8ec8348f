import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import type { FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  answerInput,
  dismissPick,
  notification,
  pick,
  quickInputMessage,
  runCommand,
} from '../workbench/page.mjs';
import { article, PASSWORD, say, unlock, Windows } from './windows.js';

const NAMES = ['Ada', 'Bo', 'Cy'];

describe('what goes wrong in VS Code', () => {
  /** Has the port that the relay is to use. */
  const squatter = createServer();
  let port: number;
  let windows: Windows;
  let ada: Page, bo: Page;
  let adaChat: FrameLocator, boChat: FrameLocator;

  const refused = async (answer: string): Promise<string> => {
    await answerInput(ada, answer);
    return quickInputMessage(ada);
  };

  beforeAll(async () => {
    await once(squatter.listen(0, '127.0.0.1'), 'listening');
    ({ port } = squatter.address() as AddressInfo);
    windows = await Windows.start({ 'secureChat.relayPort': port });
    ada = await windows.open('ada');
  });
  afterAll(async () => {
    squatter.close();
    await windows.close();
  });
  afterEach((context) =>
    context.task.result?.state === 'fail' ? windows.screenshots(context.task.name) : undefined,
  );

  it('a key file that can not be read is not taken for none', async () => {
    const folder = join(windows.participants, '00');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'identity.key'), 'not a key file');
    await runCommand(ada, 'Secure Chat: Unlock participant');
    await notification(ada, 'The key file is damaged. Restore it from a backup').waitFor();
    expect(await notification(ada, 'There is no participant').count()).toBe(0);
    await rm(folder, { recursive: true });
  });

  it('names and passwords that can not be used: the box says why and stays', async () => {
    await runCommand(ada, 'Secure Chat: Create participants');
    for (const answer of ['0', '51', ''])
      expect(await refused(answer)).toBe('Type a number from 1 to 50, or names with commas between them.');
    expect(await refused('Ada, , Bo')).toContain('A name is missing before or after a comma.');
    expect(await refused('Ada, Bo, ada')).toContain('The name “ada” is there twice.');
    expect(await refused(`Ada, ${'x'.repeat(65)}`)).toContain('has 65 characters; at most 64 are allowed.');
    expect(await refused('Ada, \u202eoB')).toContain('“<U+202E>oB” holds invisible or direction-changing');
    await answerInput(ada, NAMES.join(', '));
    expect(await refused('')).toContain('The password is empty.');
    for (const name of NAMES) {
      await answerInput(ada, `${PASSWORD} ${name}`);
      if (name === 'Ada') expect(await refused(PASSWORD)).toContain('The two passwords differ.');
      await answerInput(ada, `${PASSWORD} ${name}`);
    }
    await notification(ada, 'The participants are ready').waitFor();
    await runCommand(ada, 'Secure Chat: Create participants');
    expect(await refused('Dee, ADA')).toContain('There is a participant “ADA” on this machine already.');
  });

  it('a key file that is cut off or of a newer version: unlocking says so', async () => {
    const folder = await windows.folderOf('Cy');
    const file = join(folder, 'identity.key');
    const whole = await readFile(file);
    const says = async (problem: string) => {
      await runCommand(ada, 'Secure Chat: Unlock participant');
      await notification(ada, new RegExp(`${problem}.*${basename(folder)}`)).waitFor();
      await dismissPick(ada, 'Ada');
    };
    await writeFile(file, whole.subarray(0, 1000));
    await says('The key file is damaged. Restore it from a backup');
    await writeFile(file, whole.with(1, 2));
    await says('made by a newer version of Secure Chat. Update the extension');
    await writeFile(file, whole);
  });

  it('a port that something else has: the relay says so and takes a free one', async () => {
    await runCommand(ada, 'Secure Chat: Start relay');
    await notification(ada, `Port ${port} is taken by something else, so it uses`).waitFor();
    adaChat = await unlock(ada, 'Ada');
    await adaChat.getByRole('status').getByText('Online').waitFor();
  });

  it('nobody to invite: the person is told to pick somebody', async () => {
    await runCommand(ada, 'Secure Chat: Invite group');
    await pick(ada, []);
    await notification(ada, 'Nobody was picked. Tick at least one person to invite.').waitFor();
  });

  it('an extension host that is killed while chatting: nothing accepted is lost or shown twice', async () => {
    await runCommand(ada, 'Secure Chat: Invite group');
    await pick(ada, ['Bo']);
    await answerInput(ada, 'Incident');
    bo = await windows.open('bo');
    boChat = await unlock(bo, 'Bo');
    await boChat.getByRole('button', { name: 'Accept' }).click();
    await say(boChat, 'hello');
    await article(adaChat, 'Bo', 'hello').waitFor();

    const pid = await windows.holderOf('Bo');
    for (let i = 0; i < 6; i++) await Promise.all([say(boChat, `Bo ${i}`), say(adaChat, `Ada ${i}`)]);
    const accepted = await texts(boChat, 'Bo');
    process.kill(pid, 'SIGKILL');
    await say(adaChat, 'while Bo was away');
    await article(adaChat, 'Ada', 'while Bo was away').waitFor();

    await bo.reload();
    boChat = await unlock(bo, 'Bo');
    await article(boChat, 'Ada', 'while Bo was away').waitFor();
    await say(boChat, 'back again');
    await article(adaChat, 'Bo', 'back again').waitFor();
    const own = await texts(boChat, 'Bo');
    expect(own).toEqual([...new Set(own)]);
    expect(own).toEqual(expect.arrayContaining(accepted));
    expect(await texts(adaChat, 'Bo')).toEqual(own);
    expect(await texts(boChat, 'Ada')).toEqual(await texts(adaChat, 'Ada'));
  });
});

/** What somebody wrote, as a window shows it. */
const texts = (chat: FrameLocator, sender: string): Promise<string[]> =>
  article(chat, sender, '').and(chat.locator(':not(.notice)')).locator('.text').allInnerTexts();
