import type { MessageView } from '../src/shared/view.js';
import { el } from './dom.js';
import { count } from './format.js';
import { isIncoming } from './history.js';

const MAX_SPOKEN = 300;
const MAX_MESSAGES = 3;

/** Reads out what has just come in: neither own messages, nor older pages, nor delivery states. */
export class Announcer {
  readonly element = el('div', { class: 'sr', 'aria-live': 'polite' });

  announce(messages: readonly MessageView[]): void {
    const incoming = messages.filter((message) => isIncoming(message) || message.kind === 'notice');
    if (incoming.length === 0) return;
    const texts = incoming.map(({ kind, sender, text }) => {
      const short = text.length > MAX_SPOKEN ? `${text.slice(0, MAX_SPOKEN)}…` : text;
      return kind === 'notice' ? short : `${sender.name}: ${short}`;
    });
    const spoken = texts.length > MAX_MESSAGES ? [count(texts.length, 'new message')] : texts;
    this.element.replaceChildren(...spoken.map((text) => el('p', {}, text)));
  }

  clear(): void {
    this.element.replaceChildren();
  }
}
