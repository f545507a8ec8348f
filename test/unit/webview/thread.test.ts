import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { History } from '../../../webview/history.js';
import { growDown, growUp, RANGE_LIMIT, rangeAround, rangeAtEnd, widen } from '../../../webview/range.js';
import { rowsOf } from '../../../webview/rows.js';
import { locateUnread, Thread } from '../../../webview/thread.js';
import { ADA, BO, CY, message, messages, NOON } from '../../webview/fixtures.js';

describe('History', () => {
  test('is ordered by position and holds each message once, however they come in', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(40), { maxLength: 8 }), { maxLength: 20 }), (batches) => {
        const history = new History();
        const seen = new Set<number>();
        for (const batch of batches) {
          const fresh = new Set(batch.filter((position) => !seen.has(position)));
          const added = history.merge(batch.map((position) => message(position)));
          expect(new Set(added.map(({ position }) => position))).toEqual(fresh);
          expect(added).toHaveLength(fresh.size);
          for (const position of batch) seen.add(position);
        }
        const positions = history.messages.map(({ position }) => position);
        expect(positions).toEqual([...seen].sort((a, b) => a - b));
      }),
    );
  });

  test('replaces a message in place, and takes another position for another message', () => {
    const history = new History();
    history.merge(messages(0, 4, { sender: BO }));
    history.merge([message(2, { text: 'again' })]);
    expect(history.messages.map(({ text }) => text)).toEqual([
      'message 0',
      'message 1',
      'again',
      'message 3',
    ]);
    history.merge([{ ...message(0), position: 9 }]);
    expect(history.messages.map(({ position }) => position)).toEqual([0, 1, 2, 3, 9]);
  });

  test('takes equal ids of two senders for two messages', () => {
    const history = new History();
    expect(history.merge([message(0), message(1, { id: message(0).id, sender: CY })])).toHaveLength(2);
  });
});

describe('unread', () => {
  test('begins at the first of the last n that came in', () => {
    const list = [
      message(3),
      message(5, { sender: ADA }),
      message(6),
      message(7, { kind: 'notice' }),
      message(9),
    ];
    expect(locateUnread(list, 0)).toBeUndefined();
    expect(locateUnread(list, 1)).toEqual({ after: 8, missing: 0 });
    expect(locateUnread(list, 2)).toEqual({ after: 5, missing: 0 });
    expect(locateUnread(list, 5)).toEqual({ after: -1, missing: 2 });
  });

  test('is found again when older pages come in', () => {
    const thread = new Thread();
    thread.replace(messages(50, 100, { sender: BO }), true, 60);
    expect(thread.newAfter).toBe(-1);
    thread.prepend(messages(0, 50, { sender: BO }), false);
    expect(thread.newAfter).toBe(39);
  });

  test('begins where nobody looked, and ends with an own message', () => {
    const thread = new Thread();
    thread.replace(messages(0, 3), false, 0);
    thread.seen = 2;
    thread.add([message(3)], true);
    expect(thread.newAfter).toBeUndefined();
    thread.add([message(4)], false);
    thread.add([message(5)], false);
    expect(thread.newAfter).toBe(3);
    expect(thread.unseen).toBe(3);
    thread.add([message(6, { sender: ADA })], true);
    expect(thread.newAfter).toBeUndefined();
  });

  test('older messages that come by themselves wait for their page', () => {
    const thread = new Thread();
    thread.replace(messages(50, 60), true, 0);
    expect(thread.add([message(10)], true)).toEqual([]);
    expect(thread.messages[0]?.position).toBe(50);
  });

  test('an empty older page is the last one', () => {
    const thread = new Thread();
    thread.replace(messages(50, 60), true, 0);
    thread.prepend([], true);
    expect(thread.history.older).toBe(false);
  });
});

test('a range stays within its history and its limit', () => {
  const length = fc.nat(2000);
  fc.assert(
    fc.property(length, fc.nat(2000), fc.array(fc.constantFrom('up', 'down', 'widen')), (n, index, steps) => {
      let range = index < n ? rangeAround(index, n) : rangeAtEnd(n);
      if (index < n) expect(range.start <= index && index < range.end).toBe(true);
      for (const step of steps) {
        range = step === 'up' ? growUp(range) : step === 'down' ? growDown(range, n) : widen(range, n);
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThanOrEqual(n);
        expect(range.end - range.start).toBeLessThanOrEqual(RANGE_LIMIT);
      }
    }),
  );
});

describe('rows', () => {
  const all = (list: Parameters<typeof rowsOf>[0], newAfter?: number) =>
    rowsOf(list, { start: 0, end: list.length }, new Map(), newAfter).map((row) =>
      row.kind === 'message'
        ? `${row.head ? '+' : ''}${row.message.text}${row.showDelivery ? '' : '~'}`
        : row.kind,
    );

  test('run together while one person speaks, on one day, without a pause', () => {
    const list = [
      message(0),
      message(1),
      message(2, { sender: CY }),
      message(3, { sender: CY, time: NOON + 3_600_000 }),
      message(4, { sender: CY, kind: 'notice' }),
      message(5, { sender: CY, time: NOON + 86_400_000 }),
    ];
    expect(all(list)).toEqual([
      'day',
      '+message 0~',
      'message 1',
      '+message 2',
      '+message 3',
      '+message 4',
      'day',
      '+message 5',
    ]);
  });

  test('show a delivery state once for a run that shares it', () => {
    const own = (position: number, by: number) =>
      message(position, { sender: ADA, delivery: { state: 'received', by, of: 2 } });
    expect(all([own(0, 2), own(1, 2), own(2, 1)])).toEqual(['day', '+message 0~', 'message 1', 'message 2']);
  });

  test('mark where new ones begin, once, and not in a part that begins later', () => {
    const list = messages(0, 6, { sender: BO });
    expect(all(list, 2)).toEqual([
      'day',
      '+message 0~',
      'message 1~',
      'message 2~',
      'new',
      '+message 3~',
      'message 4~',
      'message 5',
    ]);
    const part = rowsOf(list, { start: 4, end: 6 }, new Map(), 2);
    expect(part.map(({ kind }) => kind)).toEqual(['message', 'message']);
  });
});
