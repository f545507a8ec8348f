import { el, hiddenText, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';

/** Floats over the list while its end is out of sight. */
export class JumpButton {
  private readonly count = el('span', { class: 'count' });
  readonly element: HTMLElement;

  constructor(onClick: () => void) {
    this.element = el(
      'button',
      { class: 'jump', type: 'button', hidden: true, title: 'Go to the newest message' },
      icon('down'),
      this.count,
      hiddenText('Go to the newest message'),
    );
    this.element.addEventListener('click', onClick);
  }

  update(unseen: number, isFar: boolean): void {
    setAttribute(this.element, 'hidden', unseen === 0 && !isFar);
    setText(this.count, unseen === 0 ? '' : `${unseen.toLocaleString()} new`);
  }
}
