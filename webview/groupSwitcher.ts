import type { GroupView } from '../src/shared/view.js';
import { el, hiddenText, setAttribute } from './dom.js';
import { count } from './format.js';
import { badge } from './toolkit.js';

const label = (group: GroupView, isSelected: boolean): string =>
  group.unread === 0 || isSelected ? group.title : `${group.title} (${group.unread.toLocaleString()} unread)`;

/** A native list: it opens outside the narrow view, and types ahead in every language. */
export class GroupSwitcher {
  readonly element: HTMLElement;
  private readonly select = el('select', { 'aria-label': 'Group', dir: 'auto' });
  private readonly unread = el('button', { class: 'unread', type: 'button', hidden: true });
  private shown = '';
  private nextUnread: string | undefined;

  constructor(onPick: (group: string) => void) {
    this.element = el('div', { class: 'switcher' }, this.select, this.unread);
    this.select.addEventListener('change', () => onPick(this.select.value));
    this.unread.addEventListener('click', () => {
      if (this.nextUnread !== undefined) onPick(this.nextUnread);
    });
  }

  update(groups: readonly GroupView[], selected: string | undefined): void {
    const shown = JSON.stringify([groups.map(({ id, title, unread }) => [id, title, unread]), selected]);
    if (shown === this.shown) return;
    this.shown = shown;
    const options = groups.map((group) =>
      el('option', { value: group.id, dir: 'auto' }, label(group, group.id === selected)),
    );
    this.select.replaceChildren(...options);
    this.select.value = selected ?? '';
    this.select.title = groups.find((group) => group.id === selected)?.title ?? '';
    this.updateUnread(groups.filter((group) => group.id !== selected && group.unread > 0));
  }

  private updateUnread(others: readonly GroupView[]): void {
    const total = others.reduce((sum, group) => sum + group.unread, 0);
    this.nextUnread = others[0]?.id;
    setAttribute(this.unread, 'hidden', total === 0);
    if (total === 0) return;
    const words = `${count(total, 'unread message')} in ${count(others.length, 'other group')}`;
    const mark = badge(total > 99 ? '99+' : String(total));
    mark.setAttribute('aria-hidden', 'true');
    this.unread.title = words;
    this.unread.replaceChildren(mark, hiddenText(words));
  }
}
