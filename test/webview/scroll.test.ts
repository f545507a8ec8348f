import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { ADA, added, BO, group, GROUP, message, messages, page, stateMessage } from './fixtures.js';
import { launchBrowser, openChat, type ChatOptions, type ChatPage } from './harness.mjs';

let browser: Browser;
let chat: ChatPage;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(options?: ChatOptions): Promise<void> {
  chat = await openChat(browser, options);
}

afterEach(async () => {
  expect(await chat.violations()).toEqual([]);
  expect(chat.errors).toEqual([]);
  await chat.close();
});

/** Text whose height depends on the width of the page. */
const WORDS = 'some words that need more than one line in a narrow view ';
const wordy = (from: number, to: number) =>
  messages(from, to).map((each) => ({
    ...each,
    text: `${each.text} ${WORDS.repeat(each.position % 4)}`.trim(),
  }));

describe('at the newest message', () => {
  test('starts there and stays there', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60), { older: true }));
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
    await chat.send(added(message(60), message(61)));
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
  });

  test('stays there while the composer grows, the view narrows and something is said above it', async () => {
    await open();
    await chat.send(stateMessage(), page(wordy(0, 60)));
    await chat.input.fill('one\ntwo\nthree\nfour\nfive');
    await chat.settle();
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
    await chat.page.setViewportSize({ width: 250, height: 500 });
    await chat.settle();
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
    await chat.send({ type: 'sendFailed', group: GROUP, text: 'x', error: 'No room. '.repeat(20) });
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
  });

  test('stays there when a late scroll event comes in between', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60)));
    await chat.shrinkBeforeScrollEvent();
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
  });

  test('an own message leads there', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60)));
    await chat.scrollTo(100);
    await chat.send(added(message(60, { sender: ADA })));
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
  });
});

describe('further up', () => {
  test('new messages move nothing, and a button says how many there are', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60)));
    await chat.scrollTo(400);
    const before = await chat.scroll();
    await chat.send(added(message(60), message(61), message(62)));
    expect((await chat.scroll()).top).toBe(before.top);
    const jump = chat.page.getByRole('button', { name: '3 new' });
    await jump.click();
    await chat.settle();
    expect((await chat.scroll()).toEnd).toBeLessThan(1);
    expect(await jump.isVisible()).toBe(false);
    expect(await chat.isFocused(chat.input)).toBe(true);
  });

  test('older pages come in without moving what is read', async () => {
    await open({ width: 250 });
    await chat.send(stateMessage(), page(wordy(500, 550), { older: true }));
    await chat.scrollTo(0);
    const asked = await chat.posted('older');
    expect(asked).toEqual([{ type: 'older', group: GROUP, before: 500 }]);
    for (let from = 450; from >= 0; from -= 50) {
      const text = wordy(from + 50, from + 51)[0]?.text ?? '';
      await chat.scrollTo(0);
      const before = await chat.topOf(text);
      await chat.send(page(wordy(from, from + 50), { older: from > 0, before: from + 50 }));
      expect(await chat.topOf(text)).toBeCloseTo(before, 0);
      expect(await chat.articleCount()).toBeLessThanOrEqual(240);
    }
    expect((await chat.posted('older')).map(({ before }) => before)).toEqual([
      500, 450, 400, 350, 300, 250, 200, 150, 100, 50,
    ]);
    await chat.scrollTo(0);
    await chat.log.getByText('This is the beginning.').waitFor();
  });

  test('all that was dropped from the document on the way up is there on the way down', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 2000)));
    for (let seen = 1999; seen > 0;) {
      await chat.scrollTo(0);
      const first = await chat.log.getByRole('article').first().locator('.text').innerText();
      seen = Number(first.split(' ')[1]);
    }
    const steps = new Set<number>();
    for (let end = false; !end;) {
      const shown = await chat.log.locator('.text').allInnerTexts();
      for (const text of shown) steps.add(Number(text.split(' ')[1]));
      await chat.scrollTo('end');
      end = steps.has(1999);
    }
    expect(steps.size).toBe(2000);
  });

  test('a narrower view keeps the message that is read in its place', async () => {
    await open({ width: 500 });
    await chat.send(stateMessage(), page(wordy(0, 80)));
    await chat.scrollTo(900);
    const top = await chat.edge(chat.log, 'top');
    const texts = wordy(0, 80).map(({ text }) => text);
    const tops = await Promise.all(texts.map((text) => chat.topOf(text)));
    const first = texts[tops.findIndex((each) => each >= top)] ?? '';
    await chat.page.setViewportSize({ width: 250, height: 640 });
    await chat.settle();
    expect(await chat.topOf(first)).toBeGreaterThanOrEqual(top - 60);
    expect(await chat.topOf(first)).toBeLessThan(top + 200);
  });

  test('a page that is opened again is where it was, however far up', async () => {
    await open({ memory: { place: { position: 120, below: 90 } } });
    await chat.send(stateMessage(), page(messages(200, 250), { older: true }));
    await chat.send(page(messages(150, 200), { older: true, before: 200 }));
    await chat.send(page(messages(100, 150), { older: true, before: 150 }));
    const top = await chat.edge(chat.log, 'top');
    const bottom = await chat.edge(chat.log.getByText('message 120', { exact: true }), 'bottom');
    expect(bottom - top).toBeCloseTo(90, 0);
  });

  test('a page that is sent again keeps the place', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60)));
    await chat.scrollTo(400);
    const before = await chat.scroll();
    await chat.send(page(messages(0, 62)));
    expect((await chat.scroll()).top).toBeCloseTo(before.top, 0);
  });
});

describe('unread', () => {
  test('opens at the first unread message and reports what has been in sight', async () => {
    await open();
    await chat.send(stateMessage({ groups: [group({ unread: 40 })] }), page(messages(0, 60, { sender: BO })));
    const top = await chat.edge(chat.log, 'top');
    const line = await chat.edge(chat.log.getByText('New', { exact: true }), 'top');
    expect(line - top).toBeGreaterThanOrEqual(0);
    expect(line - top).toBeLessThan(40);
    const [first] = await chat.posted('read');
    expect(first?.upTo).toBeGreaterThan(20);
    expect(first?.upTo).toBeLessThan(59);
    await chat.scrollTo('end');
    expect((await chat.posted('read')).at(-1)).toEqual({ type: 'read', group: GROUP, upTo: 59 });
  });

  test('is not read while nobody looks, nor while it is out of sight', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 60)));
    expect(await chat.posted('read')).toEqual([{ type: 'read', group: GROUP, upTo: 59 }]);
    await chat.forgetPosted();
    await chat.setFocused(false);
    await chat.send(added(message(60)));
    expect(await chat.posted('read')).toEqual([]);
    await chat.log.getByText('New', { exact: true }).waitFor();
    await chat.setFocused(true);
    expect(await chat.posted('read')).toEqual([{ type: 'read', group: GROUP, upTo: 60 }]);
    await chat.scrollTo(200);
    await chat.send(added(message(61)));
    expect(await chat.posted('read')).toHaveLength(1);
    await chat.scrollTo('end');
    expect((await chat.posted('read')).at(-1)?.upTo).toBe(61);
  });

  test('is read out, while older pages and delivery states are not', async () => {
    await open();
    const spoken = chat.page.locator('[aria-live=polite]');
    const own = message(59, { sender: ADA, delivery: { state: 'queued' } });
    await chat.send(stateMessage(), page([...messages(10, 59), own], { older: true }));
    await chat.send(page(messages(0, 10), { before: 10 }));
    await chat.send(added({ ...own, delivery: { state: 'relayed' } }));
    expect(await spoken.textContent()).toBe('');
    await chat.send(added(message(60)));
    expect(await spoken.textContent()).toBe('Bo: message 60');
    expect(await chat.log.getAttribute('aria-live')).toBe('off');
  });
});

test('arrow keys go from message to message, and Escape to the composer', async () => {
  await open();
  await chat.send(stateMessage(), page(messages(0, 60)));
  const focused = () => chat.page.locator(':focus .text').innerText();
  await chat.log.focus();
  await chat.page.keyboard.press('ArrowUp');
  expect(await focused()).toBe('message 59');
  for (let i = 0; i < 41; i += 1) await chat.page.keyboard.press('ArrowUp');
  await chat.page.keyboard.press('ArrowDown');
  expect(await focused()).toBe('message 19');
  await chat.page.keyboard.press('Escape');
  expect(await chat.isFocused(chat.input)).toBe(true);
});

test('ten thousand messages stay quick', async () => {
  await open();
  await chat.send(stateMessage(), page([]));
  const all = messages(0, 10_000);
  const load = await chat.measure(page(all));
  expect(await chat.articleCount()).toBeLessThanOrEqual(240);
  const times: number[] = [];
  for (let i = 0; i < 50; i += 1) times.push(await chat.measure(added(message(10_000 + i))));
  times.sort((a, b) => a - b);
  const median = times[25] ?? Infinity;
  console.log(
    `10,000 messages: ${load.toFixed(0)} ms to load, ${median.toFixed(1)} ms for one more (median)`,
  );
  expect(load).toBeLessThan(2_000);
  expect(median).toBeLessThan(50);
});
