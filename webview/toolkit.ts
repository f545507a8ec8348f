import {
  provideVSCodeDesignSystem,
  vsCodeBadge,
  vsCodeButton,
  vsCodeProgressRing,
} from '@vscode/webview-ui-toolkit';
import { el } from './dom.js';

provideVSCodeDesignSystem().register(vsCodeBadge(), vsCodeButton(), vsCodeProgressRing());

/** A button with text. `icon` goes in front of it. */
export function button(
  label: string,
  appearance: 'primary' | 'secondary',
  onClick: () => void,
  icon?: SVGElement,
): HTMLElement {
  const element = el('vscode-button', { appearance }, label);
  if (icon !== undefined) {
    icon.setAttribute('slot', 'start');
    element.prepend(icon);
  }
  element.addEventListener('click', () => {
    // The component's own click still fires on the host element while it is disabled.
    if (!element.hasAttribute('disabled')) onClick();
  });
  return element;
}

export const badge = (text: string): HTMLElement => el('vscode-badge', {}, text);

/** A ring that turns, or words for those who want nothing to move. */
export const progressRing = (label: string): HTMLElement =>
  el(
    'div',
    { class: 'loading' },
    el('vscode-progress-ring', { class: 'ring', 'aria-label': label }),
    el('span', { class: 'words' }, `${label}…`),
  );
