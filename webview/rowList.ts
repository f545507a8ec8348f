import type { Row } from './rows.js';
import { rowView, type RowView } from './rowView.js';

/** Makes the children of `element` show `rows`, and leaves every one that stays where it is. */
export class RowList {
  private views = new Map<string, RowView>();

  constructor(readonly element: HTMLElement) {}

  show(rows: readonly Row[]): void {
    const views = new Map<string, RowView>();
    for (const row of rows) {
      const known = this.views.get(row.key);
      known?.update(row);
      views.set(row.key, known ?? rowView(row));
    }
    for (const [key, view] of this.views) if (!views.has(key)) view.element.remove();
    this.views = views;
    let next = this.element.firstChild;
    for (const { element } of views.values()) {
      if (element === next) next = next.nextSibling;
      else this.element.insertBefore(element, next);
    }
  }

  elementOf(key: string): HTMLElement | undefined {
    return this.views.get(key)?.element;
  }
}
