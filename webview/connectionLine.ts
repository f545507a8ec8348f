import type { ConnectionView } from '../src/shared/view.js';
import { el, hiddenText, setAttribute, setText } from './dom.js';
import type { RunCommand } from './emptyState.js';
import { button } from './toolkit.js';

const WORDS: Readonly<Record<ConnectionView['state'], string>> = {
  locked: 'Locked',
  offline: 'Offline',
  connecting: 'Connecting…',
  online: 'Online',
};

/** The last line of the page: quiet while all is well, with the reason and a way out when not. */
export class ConnectionLine {
  readonly element: HTMLElement;
  private readonly word = el('span', { class: 'word' });
  private readonly detail = el('span', { class: 'detail' });
  private readonly actions: HTMLElement;

  constructor(run: RunCommand) {
    const dot = el('span', { class: 'dot', 'aria-hidden': 'true' });
    const status = el('p', { role: 'status' }, dot, this.word, hiddenText('. '), this.detail);
    const details = el('button', { class: 'link', type: 'button' }, 'Details');
    details.addEventListener('click', () => run('connectionStatus'));
    const start = button('Start relay', 'secondary', () => run('startRelay'));
    this.actions = el('div', { class: 'actions', hidden: true }, start, details);
    this.element = el('footer', { class: 'connection' }, status, this.actions);
  }

  update({ state, detail }: ConnectionView): void {
    setAttribute(this.element, 'data-state', state);
    setText(this.word, WORDS[state]);
    setText(this.detail, detail);
    this.detail.classList.toggle('sr', state !== 'offline');
    setAttribute(this.element, 'title', detail);
    setAttribute(this.actions, 'hidden', state !== 'offline');
  }
}
