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

  #show({ me, connection, groups, invitations, elsewhere }: ChatState): void {
    const unread = groups.reduce((sum, group) => sum + group.unread, invitations.length);
    const who = me?.name ?? (elsewhere ? `${elsewhere} is open elsewhere` : 'Secure Chat: locked');
    const state = me ? ` · ${connection.state}` : '';
    this.#item.text = `$(${ICONS[connection.state]}) ${who}${state}${unread > 0 ? ` · ${unread} unread` : ''}`;
    this.#item.tooltip = `Secure Chat. ${connection.detail}`;
    this.#item.accessibilityInformation = { label: `Secure Chat: ${who}${state}`, role: 'button' };
    this.#item.command = me
      ? 'secureChat.connectionStatus'
      : elsewhere
        ? 'secureChat.takeOver'
        : 'secureChat.unlockParticipant';
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }
}
