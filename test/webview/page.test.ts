import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import {
  ADA,
  added,
  BO,
  CY,
  group,
  GROUP,
  invitation,
  message,
  messages,
  OTHER_GROUP,
  page,
  stateMessage,
} from './fixtures.js';
import {
  launchBrowser,
  openChat,
  THEMES,
  type ChatOptions,
  type ChatPage,
  type ThemeName,
} from './harness.mjs';

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

describe('the page and its host', () => {
  test('asks for everything once it is ready, and shows nothing of its own before', async () => {
    await open();
    expect(await chat.posted()).toEqual([{ type: 'ready' }]);
    expect(await chat.page.getByRole('status').count()).toBe(1);
  });

  test('shows messages as articles in a log, each named after its sender', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 6, { sender: BO })));
    await chat.log.getByRole('article', { name: /^Bo/ }).nth(5).waitFor();
    expect(await chat.articleCount()).toBe(6);
    await chat.send(
      added(message(6, { sender: ADA }), message(7, { sender: CY, kind: 'notice', text: 'Cy joined.' })),
    );
    expect(await chat.log.getByRole('article', { name: /^Ada/ }).count()).toBe(1);
    expect(await chat.log.getByRole('article', { name: /^Cy/ }).innerText()).toBe('Cy joined.');
    await chat.page.getByRole('button', { name: 'Send', exact: true }).waitFor();
  });

  test('replaces a known message, by sender and id', async () => {
    await open();
    const own = message(3, { sender: ADA, delivery: { state: 'queued' } });
    await chat.send(stateMessage(), page([own, message(4, { id: own.id, sender: BO })]));
    const article = chat.log.getByRole('article', { name: /^Ada/ });
    expect(await article.innerText()).toContain('Queued');
    for (const [delivery, text] of [
      [{ state: 'relayed' }, 'Relayed'],
      [{ state: 'received', by: 1, of: 2 }, 'Received by 1 of 2'],
      [{ state: 'received', by: 2, of: 2 }, 'Received by all'],
    ] as const) {
      await chat.send(added({ ...own, delivery }));
      expect(await article.innerText()).toContain(text);
    }
    expect(await chat.articleCount()).toBe(2);
  });

  test('a name that changes in the group changes on messages that were there before', async () => {
    await open();
    await chat.send(stateMessage(), page([message(0, { sender: CY })]));
    const members = group().members.map((each) =>
      each.name === 'Cy' ? { ...each, trust: 'changed' as const } : each,
    );
    await chat.send(stateMessage({ groups: [group({ members })] }));
    await chat.log.getByRole('article', { name: /^Cy, key changed/ }).waitFor();
  });

  test('text and names are never markup', async () => {
    await open();
    const evil = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
    const who = { ...BO, name: `<b>Bo</b>${evil}` };
    await chat.send(
      stateMessage({
        groups: [group({ title: evil })],
        invitations: [invitation({ from: who, title: evil })],
      }),
      page([message(0, { sender: who, text: evil })]),
      { type: 'sendFailed', group: GROUP, text: evil, error: evil },
    );
    expect(await chat.log.locator('.text').textContent()).toBe(evil);
    expect(await chat.page.locator('img, b, main script').count()).toBe(0);
    expect(await chat.page.title()).toBe('Secure Chat');
  });

  test('a time that is none is shown as unknown', async () => {
    await open();
    await chat.send(stateMessage(), page([message(0, { time: 9e15 })]));
    await chat.log.getByRole('article', { name: 'Bo, unknown time' }).waitFor();
  });

  test('switches groups, and an older state does not flip it back', async () => {
    await open();
    const groups = [group(), group({ id: OTHER_GROUP, title: 'Release night', unread: 3 })];
    await chat.send(stateMessage({ groups }), page([message(0)]));
    const switcher = chat.page.getByRole('combobox', { name: 'Group' });
    expect(await switcher.locator('option').allTextContents()).toEqual([
      'Incident 42',
      'Release night (3 unread)',
    ]);
    await switcher.selectOption({ label: 'Release night (3 unread)' });
    expect(await chat.posted('select')).toEqual([{ type: 'select', group: OTHER_GROUP }]);
    await chat.send(stateMessage({ groups }));
    expect(await switcher.inputValue()).toBe(OTHER_GROUP);
    expect(await chat.articleCount()).toBe(0);
    await chat.send(page([message(0, { group: OTHER_GROUP, text: 'over here' })], { group: OTHER_GROUP }));
    await chat.log.getByText('over here').waitFor();
    await chat.send(added(message(1, { text: 'for the other group' })));
    expect(await chat.articleCount()).toBe(1);
    await chat.send(stateMessage({ groups, selected: GROUP }));
    expect(await switcher.inputValue()).toBe(GROUP);
  });

  test('the unread mark leads to the next group with something new', async () => {
    await open();
    const groups = [group(), group({ id: OTHER_GROUP, title: 'Release night', unread: 3 })];
    await chat.send(stateMessage({ groups }), page([]));
    await chat.page.getByRole('button', { name: '3 unread messages in 1 other group' }).click();
    expect(await chat.posted('select')).toEqual([{ type: 'select', group: OTHER_GROUP }]);
  });

  test('members are counted, and listed by name on demand', async () => {
    await open();
    await chat.send(stateMessage({ groups: [group({ members: group().members.toReversed() })] }), page([]));
    await chat.page.getByText('3 members, 1 invited').click();
    const lines = await chat.page
      .getByRole('list', { name: 'Members' })
      .getByRole('listitem')
      .allInnerTexts();
    expect(lines.map((line) => line.replace(/\s+/g, ' '))).toEqual([
      'Ada (you) admin',
      'Bo verified',
      'Cy not verified',
      'Dee key changed invited',
    ]);
  });

  test('an invitation can be accepted or declined, once', async () => {
    await open();
    await chat.send(stateMessage({ groups: [], invitations: [invitation()] }));
    const card = chat.page.getByRole('article', { name: 'Bo invites you to Release night' });
    await card.getByRole('button', { name: 'Accept' }).click();
    await card.getByRole('button', { name: 'Decline' }).click({ force: true });
    expect(await chat.posted('accept')).toEqual([{ type: 'accept', invitation: 'c3' }]);
    expect(await chat.posted('decline')).toEqual([]);
    await chat.send(stateMessage({ groups: [], invitations: [invitation({ id: 'd4', title: 'Another' })] }));
    await chat.page.getByRole('button', { name: 'Decline' }).click();
    expect(await chat.posted('decline')).toEqual([{ type: 'decline', invitation: 'd4' }]);
  });

  test('what belongs to one participant goes when the participant goes', async () => {
    await open();
    await chat.send(stateMessage(), page([message(0, { text: 'a secret' })], { draft: 'another secret' }));
    await chat.send(added(message(1, { text: 'a third one' })));
    await chat.send(stateMessage({ me: undefined as never, groups: [], selected: undefined as never }));
    expect(await chat.html()).not.toContain('secret');
    expect(await chat.html()).not.toContain('third');
    expect(await chat.page.locator('textarea').inputValue()).toBe('');
  });

  test('names that are to be hidden are fetched anew', async () => {
    await open();
    await chat.send(stateMessage(), page([message(0)]));
    await chat.forgetPosted();
    await chat.send(stateMessage({ discreet: true }));
    expect(await chat.posted('select')).toEqual([{ type: 'select', group: GROUP }]);
    expect(await chat.articleCount()).toBe(0);
  });

  test('VS Code is given nothing to keep that says who or what', async () => {
    await open();
    await chat.send(stateMessage(), page(messages(0, 80), { draft: 'a draft' }));
    await chat.scrollTo(200);
    await chat.setFocused(false);
    expect(await chat.memory()).toEqual({
      members: false,
      place: { position: expect.any(Number) as number, below: expect.any(Number) as number },
    });
  });
});

describe('nothing to show', () => {
  const locked = { me: undefined as never, groups: [], selected: undefined as never };
  test.each([
    ['Create participants', 'createParticipants', { ...locked, participants: 0 }],
    ['Unlock participant', 'unlockParticipant', locked],
    ['Take over', 'takeOver', { ...locked, elsewhere: 'Ada' }],
    ['Invite group', 'inviteGroup', { groups: [], selected: undefined as never }],
    ['Start relay', 'startRelay', { connection: { state: 'offline', detail: 'Nobody answers.' } as const }],
  ])('offers "%s"', async (label, command, state) => {
    await open();
    await chat.send(stateMessage(state), page([]));
    await chat.page.getByRole('button', { name: label, exact: true }).click();
    expect(await chat.posted('command')).toEqual([{ type: 'command', command }]);
  });

  test('shows only what there is: neither a connection before the first participant, nor a header without a group', async () => {
    await open();
    await chat.send(stateMessage({ ...locked, participants: 0 }));
    expect(await chat.page.getByText('Locked').isVisible()).toBe(false);
    await chat.send(stateMessage(locked));
    expect(await chat.page.getByRole('status').isVisible()).toBe(true);
    await chat.send(stateMessage({ groups: [], invitations: [invitation()] }));
    expect(await chat.page.getByRole('banner').isVisible()).toBe(false);
  });

  test('says who is open elsewhere', async () => {
    await open();
    await chat.send(stateMessage({ ...locked, elsewhere: 'Ada' }));
    await chat.page.getByRole('heading', { name: 'Ada is open in another window' }).waitFor();
  });

  test('says in its status what the matter is', async () => {
    await open();
    await chat.send(stateMessage({ connection: { state: 'offline', detail: 'Nobody answers.' } }), page([]));
    expect(await chat.page.getByRole('status').textContent()).toBe('Offline. Nobody answers.');
  });

  test('goes to the editor area, unless it is there', async () => {
    await open();
    await chat.send(stateMessage(), page([]));
    await chat.page.getByRole('button', { name: 'Open in editor' }).click();
    expect(await chat.posted('command')).toEqual([{ type: 'command', command: 'openInEditor' }]);
    await chat.close();
    await open({ place: 'editor', width: 1100 });
    await chat.send(stateMessage(), page([]));
    expect(await chat.page.getByRole('button', { name: 'Open in editor' }).count()).toBe(0);
  });
});

test('a low view gives its height to the messages, not the other way round', async () => {
  await open({ width: 250, height: 260 });
  await chat.send(stateMessage(), page(messages(0, 40)));
  const bottom = await chat.edge(chat.page.getByRole('status'), 'bottom');
  expect(bottom).toBeLessThanOrEqual(260);
  expect((await chat.scroll()).toEnd).toBeLessThan(1);
});

test('nothing turns for those who want less motion', async () => {
  await open({ reducedMotion: 'reduce' });
  await chat.page.getByText('Loading…').waitFor();
  expect(await chat.page.getByRole('progressbar').count()).toBe(0);
});

describe.each(Object.keys(THEMES) as ThemeName[])('in the theme %s', (theme) => {
  test.each([
    ['the sidebar', { width: 250 }],
    ['the editor area', { width: 1100, place: 'editor' }],
    ['the sidebar at 200 %', { width: 400, height: 900, zoom: 2 }],
  ] as const)('nothing sticks out of %s, and axe has no complaint', async (_, options) => {
    await open({ theme, memory: { members: true }, ...options });
    expect(await chat.axe()).toEqual([]);
    const long = `https://example.com/${'x'.repeat(300)}`;
    const all = [...messages(0, 12), message(12, { text: long }), message(13, { sender: ADA, text: long })];
    const connection = { state: 'offline', detail: `Nobody answers at ${long}.` } as const;
    await chat.send(
      stateMessage({
        groups: [group({ unread: 2, title: long })],
        invitations: [invitation({ title: long })],
        connection,
      }),
      page(all),
      { type: 'sendFailed', group: GROUP, text: 'back again', error: `No room for ${long}.` },
    );
    expect(await chat.overflowing()).toEqual([]);
    expect(await chat.axe()).toEqual([]);
    await chat.send(stateMessage({ groups: [group({ stopped: 'Verify Cy first.' })] }));
    expect(await chat.axe()).toEqual([]);
    await chat.send(stateMessage({ groups: [] }));
    expect(await chat.overflowing()).toEqual([]);
    expect(await chat.axe()).toEqual([]);
  });
});
