import type { Disposable } from 'vscode';
import { StatusBarAlignment, window, type StatusBarItem } from 'vscode';
import type { ChatState } from '../shared/view.js';
import type { ChatModel } from './chatModel.js';

const ICONS = {
  locked: 'lock',
  offline: 'debug-disconnect',
  connecting: 'sync~spin',
  online: 'comment-discussion',
} as const;

/** The one status-bar item: who is unlocked, whether the relay is there, what is unread. */
export class StatusBar implements Disposable {
  readonly #item: StatusBarItem = window.createStatusBarItem(
    'secureChat.status',
    StatusBarAlignment.Right,
    50,
  );
  readonly #subscription: Disposable;

  constructor(model: ChatModel) {
    this.#item.name = 'Secure Chat';
    this.#show(model.state());
    this.#subscription = model.onState(() => this.#show(model.state()));
  }

  #show(state: ChatState): void {
    const { participants, connection, groups, invitations } = state;
    const unread = groups.reduce((sum, group) => sum + group.unread, invitations.length);
    const icon = participants > 0 ? ICONS[connection.state] : 'comment-discussion';
    const { text, command } = who(state);
    this.#item.text = `$(${icon}) ${text}${unread > 0 ? ` · ${unread} unread` : ''}`;
    this.#item.tooltip = `Secure Chat. ${connection.detail}`;
    this.#item.accessibilityInformation = {
      label: text.startsWith('Secure Chat') ? text : `Secure Chat: ${text}`,
      role: 'button',
    };
    this.#item.command = `secureChat.${command}`;
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }
}

/** What the item says, and the command it leads to. */
function who({ me, connection, elsewhere, participants }: ChatState): { text: string; command: string } {
  if (me) return { text: `${me.name} · ${connection.state}`, command: 'connectionStatus' };
  if (elsewhere) return { text: `${elsewhere} is open elsewhere`, command: 'takeOver' };
  if (participants === 0) return { text: 'Secure Chat', command: 'createParticipants' };
  return { text: 'Secure Chat: locked', command: 'unlockParticipant' };
}
