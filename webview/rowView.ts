import type { MessageView } from '../src/shared/view.js';
import { el, setAttribute, setText } from './dom.js';
import { clock, dayLabel, deliveryText, fullDate } from './format.js';
import { icon } from './icons.js';
import { nameText, trustMark } from './people.js';
import type { MessageRow, Row } from './rows.js';

/** One row in the document. `update` touches only what has changed: a selection or the focus in it stays. */
export interface RowView {
  readonly element: HTMLElement;
  update(row: Row): void;
}

let ids = 0;

export function rowView(row: Row): RowView {
  const view = row.kind === 'message' ? new MessageRowView(row.message) : lineView(row.kind);
  view.update(row);
  return view;
}

function lineView(kind: 'day' | 'new'): RowView {
  const label = el('span');
  const element =
    kind === 'day' ? el('h2', { class: 'line day' }, label) : el('p', { class: 'line new' }, label);
  return {
    element,
    update(row) {
      setText(label, row.kind === 'day' ? dayLabel(row.time, Date.now()) : 'New');
      if (row.kind === 'day') setAttribute(element, 'title', fullDate(row.time));
    },
  };
}

function spokenName({ message, sender }: MessageRow): string {
  const parts = [sender.me ? `${sender.name} (you)` : sender.name];
  if (message.kind === 'notice') parts.push('notice');
  if (sender.trust === 'changed' && !sender.me) parts.push('key changed');
  if (sender.trust === 'revoked') parts.push('revoked');
  parts.push(clock(message.time));
  return parts.join(', ');
}

function head({ message, sender }: MessageRow): HTMLElement {
  return el(
    'div',
    { class: 'from' },
    sender.me ? el('span', { class: 'name' }, 'You') : nameText(sender.name),
    sender.me ? undefined : trustMark(sender.trust),
    el('time', { title: fullDate(message.time) }, clock(message.time)),
  );
}

class MessageRowView implements RowView {
  readonly element: HTMLElement;
  private readonly text: HTMLElement;
  private readonly delivery: HTMLElement;
  private head: HTMLElement | undefined;
  private headShown = '';
  private deliveryShown = '';

  constructor(message: MessageView) {
    ids += 1;
    this.text = el('div', { class: 'text', dir: 'auto', id: `text${ids}` });
    this.delivery = el('div', { class: 'delivery', id: `delivery${ids}`, hidden: true });
    const kind = message.kind === 'notice' ? 'notice' : message.sender.me ? 'own' : 'other';
    this.element = el(
      'article',
      {
        class: `message ${kind}`,
        tabindex: -1,
        'aria-describedby': `${this.text.id} ${this.delivery.id}`,
      },
      this.text,
      this.delivery,
    );
  }

  update(row: Row): void {
    if (row.kind !== 'message') return;
    setAttribute(this.element, 'aria-label', spokenName(row));
    setAttribute(this.element, 'data-position', row.message.position);
    setText(this.text, row.message.text);
    setAttribute(this.text, 'title', fullDate(row.message.time));
    this.element.classList.toggle('head', row.head);
    this.updateHead(row);
    this.updateDelivery(row);
  }

  private updateHead(row: MessageRow): void {
    const isShown = row.head && row.message.kind === 'text';
    const shown = isShown ? JSON.stringify([row.sender, row.message.time]) : '';
    if (shown === this.headShown) return;
    this.headShown = shown;
    this.head?.remove();
    this.head = isShown ? head(row) : undefined;
    if (this.head !== undefined) this.element.prepend(this.head);
  }

  private updateDelivery({ message, showDelivery }: MessageRow): void {
    const { delivery } = message;
    setAttribute(this.delivery, 'hidden', delivery === undefined);
    this.delivery.classList.toggle('sr', !showDelivery);
    const shown = JSON.stringify(delivery) ?? '';
    if (shown === this.deliveryShown || delivery === undefined) return;
    this.deliveryShown = shown;
    const { icon: name, text, title } = deliveryText(delivery);
    this.delivery.replaceChildren(icon(name), el('span', {}, text));
    setAttribute(this.delivery, 'title', title);
  }
}
