import type { ScrollKeeper } from './scroll.js';

const step = (article: Element, direction: 'previous' | 'next'): Element | null => {
  let element: Element | null = article;
  do {
    element = direction === 'next' ? element.nextElementSibling : element.previousElementSibling;
  } while (element !== null && element.localName !== 'article');
  return element;
};

/** Arrow keys go from message to message, Escape leaves. Page Up, Page Down, Home and End scroll as ever. */
export function articleKeys(log: HTMLElement, scroll: ScrollKeeper, leave: () => void) {
  const target = (key: 'ArrowUp' | 'ArrowDown'): Element | null | undefined => {
    const focused = document.activeElement?.closest('article');
    if (focused != null && log.contains(focused)) {
      return step(focused, key === 'ArrowUp' ? 'previous' : 'next');
    }
    return key === 'ArrowUp' ? scroll.lastShown() : scroll.capture()?.article;
  };
  return (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === 'Escape') leave();
    else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      const article = target(event.key);
      event.preventDefault();
      if (!(article instanceof HTMLElement)) return;
      article.focus({ preventScroll: true });
      article.scrollIntoView({ block: 'nearest' });
    }
  };
}
