import type { PersonView, Trust } from '../src/shared/view.js';
import { el, hiddenText } from './dom.js';
import { TRUST } from './format.js';
import { icon } from './icons.js';

/** A mark beside a name. A changed or revoked key says so in visible words, the others to screen readers and on hover. */
export function trustMark(trust: Trust): HTMLElement {
  const { icon: name, text, title } = TRUST[trust];
  const words = trust === 'changed' || trust === 'revoked' ? el('span', {}, text) : hiddenText(text);
  return el('span', { class: `trust ${trust}`, title }, icon(name), words);
}

/** Names are isolated, so that a right-to-left one doesn't reorder what stands beside it. */
export const nameText = (name: string): HTMLElement => el('bdi', { class: 'name' }, name);

export const person = (view: PersonView): HTMLElement =>
  el('span', { class: 'person' }, nameText(view.name), ' ', view.me ? '(you)' : trustMark(view.trust));
