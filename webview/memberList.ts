import type { MemberView } from '../src/shared/view.js';
import { el, setText } from './dom.js';
import { memberSummary } from './format.js';
import { person } from './people.js';

const PRESENCE: Readonly<Record<MemberView['presence'], string | undefined>> = {
  present: undefined,
  invited: 'invited',
  left: 'left',
};

const { compare } = new Intl.Collator(undefined, { numeric: true });

function line(member: MemberView): HTMLElement {
  const facts = [member.admin ? 'admin' : undefined, PRESENCE[member.presence]].filter(
    (fact) => fact !== undefined,
  );
  return el(
    'li',
    { class: member.presence },
    person(member),
    facts.length === 0 ? undefined : el('span', { class: 'facts' }, facts.join(', ')),
  );
}

/** "3 members, 1 invited", and who they are once it is opened. */
export class MemberList {
  readonly element: HTMLDetailsElement;
  private readonly summary = el('summary');
  private readonly list = el('ul', { 'aria-label': 'Members', tabindex: 0 });
  private members: readonly MemberView[] = [];
  private shown = '';

  constructor(isOpen: boolean) {
    this.element = el('details', { class: 'members', open: isOpen }, this.summary, this.list);
    this.element.addEventListener('toggle', () => this.updateList());
  }

  update(members: readonly MemberView[], discreet: boolean): void {
    this.members = members;
    setText(this.summary, memberSummary(members) + (discreet ? ' · names hidden' : ''));
    this.updateList();
  }

  private updateList(): void {
    const members = this.element.open ? this.members : [];
    const shown = JSON.stringify(members);
    if (shown === this.shown) return;
    this.shown = shown;
    this.list.replaceChildren(...[...members].sort((a, b) => compare(a.name, b.name)).map(line));
  }
}
