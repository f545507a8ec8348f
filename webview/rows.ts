import type { MessageView, PersonView } from '../src/shared/view.js';
import { isSameDay } from './format.js';
import { isIncoming, keyOf } from './history.js';
import type { Range } from './range.js';

export interface MessageRow {
  readonly kind: 'message';
  readonly key: string;
  readonly message: MessageView;
  /** As the group knows the sender now: names and trust change after a message was sent. */
  readonly sender: PersonView;
  /** First of a run by one sender: it shows who and when. */
  readonly head: boolean;
  /** Last of a run with the same delivery state: it shows that state. */
  readonly showDelivery: boolean;
}

export type Row =
  | { readonly kind: 'day'; readonly key: string; readonly time: number }
  | { readonly kind: 'new'; readonly key: string }
  | MessageRow;

export type People = ReadonlyMap<string, PersonView>;

const RUN_GAP = 5 * 60_000;

function continues(previous: MessageView | undefined, message: MessageView): boolean {
  return (
    previous?.kind === 'text' &&
    message.kind === 'text' &&
    previous.sender.fingerprint === message.sender.fingerprint &&
    Math.abs(message.time - previous.time) < RUN_GAP &&
    isSameDay(message.time, previous.time)
  );
}

const sameDelivery = (a: MessageView, b: MessageView): boolean =>
  JSON.stringify(a.delivery) === JSON.stringify(b.delivery);

/** Rows for `range` of `messages`. The line "New" goes in front of the first incoming one after `newAfter`. */
export function rowsOf(
  messages: readonly MessageView[],
  range: Range,
  people: People,
  newAfter: number | undefined,
): Row[] {
  const rows: Row[] = [];
  let isNewMarked = newAfter === undefined;
  if (newAfter !== undefined) {
    // The line may already be further up than the range.
    for (let i = range.start - 1; i >= 0 && !isNewMarked; i -= 1) {
      const message = messages[i]!;
      if (message.position <= newAfter) break;
      isNewMarked = isIncoming(message);
    }
  }
  for (let i = range.start; i < range.end; i += 1) {
    const message = messages[i]!;
    const key = keyOf(message);
    const previous = messages[i - 1];
    const next = messages[i + 1];
    if (previous === undefined || !isSameDay(previous.time, message.time)) {
      rows.push({ kind: 'day', key: `day ${key}`, time: message.time });
    }
    const isNew = !isNewMarked && message.position > (newAfter ?? 0) && isIncoming(message);
    if (isNew) {
      rows.push({ kind: 'new', key: 'new' });
      isNewMarked = true;
    }
    rows.push({
      kind: 'message',
      key,
      message,
      sender: people.get(message.sender.fingerprint) ?? message.sender,
      head: isNew || !continues(previous, message),
      showDelivery: next === undefined || !continues(message, next) || !sameDelivery(message, next),
    });
  }
  return rows;
}
