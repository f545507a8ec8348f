import type { InvitationView } from '../src/shared/view.js';
import { el, setAttribute, setText } from './dom.js';
import { fullDate, moment } from './format.js';
import { icon } from './icons.js';
import { nameText, person, trustMark } from './people.js';
import { button } from './toolkit.js';

export interface InvitationOptions {
  readonly accept: (invitation: string) => void;
  readonly decline: (invitation: string) => void;
}

/** An answer that the host could not carry out leaves the card: after this long it can be given again. */
const RETRY_MS = 5_000;

function card(invitation: InvitationView, options: InvitationOptions): HTMLElement {
  const { id, from, title, sent, expires } = invitation;
  const now = Date.now();
  const note = el('p', { class: 'note', title: fullDate(expires) });
  const answer = (act: (id: string) => void, words: string): void => {
    act(id);
    const before = note.textContent ?? '';
    const setAnswered = (isAnswered: boolean): void => {
      for (const each of [accept, decline]) setAttribute(each, 'disabled', isAnswered);
      setText(note, isAnswered ? words : before);
    };
    setAnswered(true);
    setTimeout(() => setAnswered(false), RETRY_MS);
  };
  const accept = button('Accept', 'primary', () => answer(options.accept, 'Joining…'));
  const decline = button('Decline', 'secondary', () => answer(options.decline, 'Declining…'));
  const isExpired = expires <= now;
  setAttribute(accept, 'disabled', isExpired);
  setText(note, isExpired ? 'This invitation has expired.' : `Valid until ${moment(expires, now)}`);
  return el(
    'article',
    { class: 'invitation', 'aria-label': `${from.name} invites you to ${title}` },
    el(
      'div',
      { class: 'headline' },
      icon('mail'),
      el(
        'p',
        {},
        el('span', { class: 'person' }, nameText(from.name), ' ', trustMark(from.trust)),
        ' invites you to ',
        nameText(title),
      ),
    ),
    el('p', { class: 'with', title: `Sent ${fullDate(sent)}` }, ...company(invitation)),
    note,
    el('div', { class: 'actions' }, accept, decline),
  );
}

/** Who is in it besides the two that the headline is about. */
function company({ from, members }: InvitationView): (Node | string)[] {
  const others = members.filter((each) => !each.me && each.fingerprint !== from.fingerprint);
  if (others.length === 0) return ['Just the two of you'];
  return others.flatMap((each, index) => [index === 0 ? 'With ' : ', ', person(each)]);
}

export class Invitations {
  readonly element = el('section', { class: 'invitations', 'aria-label': 'Invitations', hidden: true });
  private readonly cards = new Map<string, { readonly shown: string; readonly element: HTMLElement }>();

  constructor(private readonly options: InvitationOptions) {}

  update(invitations: readonly InvitationView[]): void {
    setAttribute(this.element, 'hidden', invitations.length === 0);
    const ids = new Set(invitations.map(({ id }) => id));
    for (const [id, { element }] of this.cards) {
      if (ids.has(id)) continue;
      element.remove();
      this.cards.delete(id);
    }
    for (const invitation of invitations) {
      const known = this.cards.get(invitation.id);
      const shown = JSON.stringify(invitation);
      if (known?.shown === shown) continue;
      const element = card(invitation, this.options);
      if (known === undefined) this.element.append(element);
      else known.element.replaceWith(element);
      this.cards.set(invitation.id, { shown, element });
    }
  }
}
