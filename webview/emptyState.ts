import type { ChatState, PAGE_COMMANDS } from '../src/shared/view.js';
import { el } from './dom.js';
import type { IconName } from './iconPaths.js';
import { icon } from './icons.js';
import { nameText } from './people.js';
import type { Screen } from './state.js';
import { button } from './toolkit.js';

export type PageCommand = (typeof PAGE_COMMANDS)[number];
export type RunCommand = (command: PageCommand) => void;
export type EmptyScreen = Exclude<Screen, 'loading' | 'invitations' | 'chat'>;

interface Step {
  readonly icon: IconName;
  readonly title: readonly (Node | string)[];
  readonly text: string;
  readonly label: string;
  readonly command: PageCommand;
}

function stepOf(screen: EmptyScreen, state: ChatState): Step {
  switch (screen) {
    case 'create':
      return {
        icon: 'people',
        title: ['Chat that no server can read'],
        text: 'Make a participant for yourself, or a few to try it out. Their keys stay on this machine, under a password each.',
        label: 'Create participants',
        command: 'createParticipants',
      };
    case 'elsewhere':
      return {
        icon: 'windows',
        title: [nameText(state.elsewhere ?? ''), ' is open in another window'],
        text: 'Only one window at a time can send and receive for a participant. Taking over closes it there; nothing is lost.',
        label: 'Take over',
        command: 'takeOver',
      };
    case 'unlock':
      return {
        icon: 'lock',
        title: ['Locked'],
        text: 'Messages and keys on this machine are encrypted. Unlock a participant to read and write; “Start relay” comes next, unless one is running.',
        label: 'Unlock participant',
        command: 'unlockParticipant',
      };
    case 'invite':
      return {
        icon: 'mail',
        title: ['No group yet'],
        text: 'Invite people whose contact cards you have. They needn’t be online: the invitation waits for them.',
        label: 'Invite group',
        command: 'inviteGroup',
      };
  }
}

/** What stands where messages would be: one sentence and one next step. */
export function emptyState(screen: EmptyScreen, state: ChatState, run: RunCommand): HTMLElement {
  const step = stepOf(screen, state);
  return el(
    'div',
    { class: 'empty' },
    icon(step.icon),
    el('h2', {}, ...step.title),
    el('p', {}, step.text),
    button(step.label, 'primary', () => run(step.command)),
  );
}
