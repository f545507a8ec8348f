import { el, setAttribute, setText, type Attributes } from './dom.js';
import { icon } from './icons.js';

/** A sentence in a coloured box, with a sign for those who don't see the colour. Without text it is gone. */
export class Callout {
  private readonly text: HTMLElement;
  readonly element: HTMLElement;

  constructor(kind: 'error' | 'stopped', attributes: Attributes) {
    this.text = el('p', attributes);
    this.element = el('div', { class: `callout ${kind}`, hidden: true }, icon('warning'), this.text);
  }

  update(text: string | undefined): void {
    setAttribute(this.element, 'hidden', text === undefined);
    setText(this.text, text ?? '');
  }
}
