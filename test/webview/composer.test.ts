import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { MAX_TEXT_BYTES } from '../../src/shared/limits.js';
import { group, GROUP, OTHER_GROUP, page, stateMessage } from './fixtures.js';
import { launchBrowser, openChat, type ChatPage } from './harness.mjs';

let browser: Browser;
let chat: ChatPage;

const groups = [group(), group({ id: OTHER_GROUP, title: 'Release night' })];

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

beforeEach(async () => {
  chat = await openChat(browser);
  await chat.send(stateMessage({ groups }), page([], { draft: '' }));
  await chat.forgetPosted();
});

afterEach(async () => {
  expect(await chat.violations()).toEqual([]);
  expect(chat.errors).toEqual([]);
  await chat.close();
});

const draft = (text: string, id = GROUP) => ({ type: 'draft', group: id, text });
const failure = (text: string, id = GROUP) =>
  ({ type: 'sendFailed', group: id, text, error: 'The disk is full.' }) as const;

describe('Enter', () => {
  test('sends and clears', async () => {
    await chat.input.fill('hello');
    await chat.input.press('Enter');
    expect(await chat.posted('send')).toEqual([{ type: 'send', group: GROUP, text: 'hello' }]);
    expect(await chat.input.inputValue()).toBe('');
    expect((await chat.posted('draft')).at(-1)).toEqual(draft(''));
  });

  test('with Shift makes a new line', async () => {
    await chat.input.fill('one');
    await chat.input.press('Shift+Enter');
    await chat.page.keyboard.type('two');
    await chat.input.press('Enter');
    expect(await chat.posted('send')).toEqual([{ type: 'send', group: GROUP, text: 'one\ntwo' }]);
  });

  test('does nothing while an input method is composing, and belongs to it', async () => {
    await chat.input.fill('にほん');
    expect(await chat.press({ key: 'Enter', isComposing: true })).toBe(true);
    expect(await chat.press({ key: 'Enter', keyCode: 229 })).toBe(true);
    expect(await chat.posted('send')).toEqual([]);
    expect(await chat.press({ key: 'Enter', keyCode: 13 })).toBe(false);
    expect(await chat.posted('send')).toHaveLength(1);
  });

  test('does not fire during a real composition', async () => {
    await chat.input.focus();
    const session = await chat.page.context().newCDPSession(chat.page);
    await session.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 });
    await session.send('Input.dispatchKeyEvent', {
      type: 'rawKeyDown',
      key: 'Enter',
      windowsVirtualKeyCode: 229,
    });
    expect(await chat.posted('send')).toEqual([]);
    await session.send('Input.insertText', { text: '日本' });
    await chat.input.press('Enter');
    expect(await chat.posted('send')).toEqual([{ type: 'send', group: GROUP, text: '日本' }]);
  });

  test('sends nothing that is blank', async () => {
    await chat.input.fill(' \n ');
    await chat.input.press('Enter');
    expect(await chat.posted('send')).toEqual([]);
  });
});

describe('a draft', () => {
  test('goes to the host a moment after the last key', async () => {
    await chat.input.pressSequentially('half');
    expect((await chat.posted('draft')).length).toBeLessThan(2);
    await expect.poll(() => chat.posted('draft')).toEqual([draft('half')]);
  });

  test('goes at once when the page loses the focus', async () => {
    await chat.input.fill('half');
    await chat.setFocused(false);
    expect(await chat.posted('draft')).toEqual([draft('half')]);
  });

  test('comes back with the page', async () => {
    await chat.send(page([], { draft: 'half a thought' }));
    expect(await chat.input.inputValue()).toBe('half a thought');
  });

  test('from the host does not replace what is being typed', async () => {
    await chat.input.fill('newer');
    await chat.send(page([], { draft: 'older' }));
    expect(await chat.input.inputValue()).toBe('newer');
  });

  test('belongs to its group', async () => {
    await chat.input.fill('for the incident');
    const switcher = chat.page.getByRole('combobox', { name: 'Group' });
    await switcher.selectOption(OTHER_GROUP);
    const sent = (await chat.posted()).filter(({ type }) => type === 'draft' || type === 'select');
    expect(sent).toEqual([draft('for the incident'), { type: 'select', group: OTHER_GROUP }]);
    expect(await chat.input.inputValue()).toBe('');
    await chat.page.keyboard.type('typed early');
    await chat.send(page([], { group: OTHER_GROUP, draft: 'kept' }));
    expect(await chat.input.inputValue()).toBe('kept\ntyped early');
    await switcher.selectOption(GROUP);
    await chat.send(page([], { draft: 'for the incident' }));
    expect(await chat.input.inputValue()).toBe('for the incident');
  });

  test('may be longer than a message', async () => {
    const text = 'x'.repeat(MAX_TEXT_BYTES + 1);
    await chat.input.fill(text);
    await chat.setFocused(false);
    expect(await chat.posted('draft')).toEqual([draft(text)]);
  });
});

describe('a message that could not be sent', () => {
  test('comes back in front of what was typed since, with the reason', async () => {
    await chat.input.fill('first');
    await chat.input.press('Enter');
    await chat.input.fill('second');
    await chat.send(failure('first'));
    expect(await chat.input.inputValue()).toBe('first\nsecond');
    expect(await chat.page.getByRole('alert').innerText()).toBe('The disk is full.');
    expect((await chat.posted('draft')).at(-1)).toEqual(draft('first\nsecond'));
    await chat.input.press('Enter');
    expect(await chat.page.getByRole('alert').count()).toBe(0);
  });

  test('comes back in its order', async () => {
    await chat.input.fill('typed since');
    await chat.send(failure('one'), failure('two'));
    expect(await chat.input.inputValue()).toBe('one\ntwo\ntyped since');
  });

  test('waits for its group, and for the draft that is there', async () => {
    await chat.send(failure('elsewhere', OTHER_GROUP));
    expect(await chat.input.inputValue()).toBe('');
    expect(await chat.posted('draft')).toEqual([]);
    await chat.page.getByRole('combobox', { name: 'Group' }).selectOption(OTHER_GROUP);
    await chat.send(page([], { group: OTHER_GROUP, draft: 'was there' }));
    expect(await chat.input.inputValue()).toBe('elsewhere\nwas there');
    expect(await chat.page.getByRole('alert').innerText()).toBe('The disk is full.');
  });
});

describe('limits', () => {
  test('shows what is left near the limit, in bytes', async () => {
    await chat.input.fill('ä'.repeat(MAX_TEXT_BYTES / 2 - 10));
    expect(await chat.page.locator('.length').innerText()).toBe('20 bytes left');
    await chat.input.fill('short');
    expect(await chat.page.locator('.length').textContent()).toBe('');
  });

  test('does not send what is too long, and keeps it', async () => {
    const text = 'ä'.repeat(MAX_TEXT_BYTES / 2 + 1);
    await chat.input.fill(text);
    await chat.input.press('Enter');
    expect(await chat.posted('send')).toEqual([]);
    expect(await chat.input.inputValue()).toBe(text);
    expect(await chat.page.getByRole('alert').innerText()).toContain('2 bytes too long');
  });

  test('a group that has stopped says why and takes nothing', async () => {
    await chat.input.fill('half');
    await chat.send(stateMessage({ groups: [group({ stopped: 'You have left this group.' })] }));
    expect(await chat.input.isDisabled()).toBe(true);
    expect(await chat.input.inputValue()).toBe('half');
    await chat.page.getByText('You have left this group.').waitFor();
    await chat.page.getByRole('button', { name: 'Send' }).click({ force: true });
    expect(await chat.posted('send')).toEqual([]);
  });

  test('the field grows with its text, up to a part of the page', async () => {
    const height = async () => (await chat.edge(chat.input, 'bottom')) - (await chat.edge(chat.input, 'top'));
    const one = await height();
    await chat.input.fill('a\nb\nc');
    expect(await height()).toBeGreaterThan(one * 1.5);
    await chat.input.fill('a\n'.repeat(100));
    expect(await height()).toBeLessThanOrEqual(0.4 * 640 + 1);
  });
});
