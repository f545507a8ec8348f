import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MAX_DRAFT_LENGTH, MAX_TEXT_BYTES } from '../../../src/shared/limits.js';
import { Drafts } from '../../../webview/drafts.js';
import { dayLabel, deliveryText, fullDate, memberSummary } from '../../../webview/format.js';
import { PageState, screenOf } from '../../../webview/state.js';
import { lengthNote } from '../../../webview/textLength.js';
import { BO, CY, group, invitation, member, NOON, OTHER_GROUP, state } from '../../webview/fixtures.js';

describe('the screen', () => {
  const locked = { me: undefined as never, groups: [] };
  test.each([
    ['create', { ...locked, participants: 0 }],
    ['unlock', locked],
    ['elsewhere', { ...locked, elsewhere: 'Ada' }],
    ['invite', { groups: [] }],
    ['invitations', { groups: [], invitations: [invitation()] }],
    ['chat', {}],
  ] as const)('is "%s"', (screen, more) => {
    expect(screenOf(state(more))).toBe(screen);
  });

  test('is "loading" before the host has said anything', () => {
    expect(screenOf(undefined)).toBe('loading');
  });
});

describe('the group', () => {
  const groups = [group(), group({ id: OTHER_GROUP })];

  test('is the one just picked, until the host agrees', () => {
    const page = new PageState();
    page.update(state({ groups }));
    page.pick(OTHER_GROUP);
    page.update(state({ groups }));
    expect(page.group?.id).toBe(OTHER_GROUP);
    page.confirm(OTHER_GROUP);
    expect(page.group?.id).toBe(OTHER_GROUP);
    page.update(state({ groups }));
    expect(page.group?.id).toBe(group().id);
  });

  test('falls back to the host’s when the picked one is gone', () => {
    const page = new PageState();
    page.update(state({ groups }));
    page.pick(OTHER_GROUP);
    page.update(state());
    expect(page.group?.id).toBe(group().id);
  });

  test('is not what it was for another participant', () => {
    const page = new PageState();
    expect(page.update(state())).toBe(false);
    expect(page.update(state())).toBe(false);
    expect(page.update(state({ me: BO }))).toBe(true);
    expect(page.update(state({ me: BO, discreet: true }))).toBe(true);
  });
});

describe('drafts', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('are saved once typing pauses, or at once', () => {
    const save = vi.fn();
    const drafts = new Drafts(save);
    drafts.edit('a', 'h');
    vi.advanceTimersByTime(200);
    drafts.edit('a', 'hi');
    vi.advanceTimersByTime(200);
    expect(save).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(save.mock.calls).toEqual([['a', 'hi']]);
    drafts.edit('b', 'x'.repeat(MAX_DRAFT_LENGTH + 1));
    drafts.flush();
    expect(save.mock.lastCall).toEqual(['b', 'x'.repeat(MAX_DRAFT_LENGTH)]);
    vi.runAllTimers();
    expect(save).toHaveBeenCalledTimes(2);
  });

  test('are not sent back to the host that they came from', () => {
    const save = vi.fn();
    const drafts = new Drafts(save);
    drafts.load('a', 'hi');
    drafts.flush();
    expect(drafts.get('a')).toBe('hi');
    expect(save).not.toHaveBeenCalled();
  });
});

describe('words', () => {
  test('for delivery', () => {
    expect(deliveryText({ state: 'queued' }).text).toBe('Queued');
    expect(deliveryText({ state: 'relayed' }).text).toBe('Relayed');
    expect(deliveryText({ state: 'received', by: 0, of: 0 }).text).toBe('Relayed');
    expect(deliveryText({ state: 'received', by: 1, of: 3 }).text).toBe('Received by 1 of 3');
    expect(deliveryText({ state: 'received', by: 3, of: 3 }).text).toBe('Received by all');
  });

  test('for members', () => {
    expect(memberSummary([member(BO)])).toBe('1 member');
    const left = member(CY, { presence: 'left' });
    expect(memberSummary([member(BO), member(CY, { presence: 'invited' }), left])).toBe(
      '1 member, 1 invited',
    );
  });

  test('for days and broken clocks', () => {
    expect(dayLabel(NOON, NOON)).toBe('Today');
    expect(dayLabel(NOON - 86_400_000, NOON)).toBe('Yesterday');
    expect(dayLabel(NOON, NOON + 400 * 86_400_000)).toContain('2025');
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, 9e15, -9e15]) {
      expect(fullDate(time)).toBe('unknown time');
      expect(dayLabel(time, NOON)).toBe('unknown time');
    }
  });

  test('for length', () => {
    expect(lengthNote(10)).toEqual({});
    expect(lengthNote(MAX_TEXT_BYTES)).toEqual({ note: '0 bytes left' });
    expect(lengthNote(MAX_TEXT_BYTES + 1).problem).toContain('1 byte too long');
  });
});
