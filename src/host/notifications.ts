import { Disposable, commands, window } from 'vscode';
import type { ChatViews } from './chatViews.js';
import type { CurrentSession } from './currentSession.js';
import { setting } from './settings.js';

/** The few things that may interrupt: an invitation, what people must know, and messages if they want that. */
export function notifications(session: CurrentSession, views: ChatViews): Disposable {
  const show = async (text: string) => {
    if ((await window.showInformationMessage(text, 'Show')) === 'Show')
      await commands.executeCommand('secureChat.chat.focus');
  };
  return Disposable.from(
    session.onOpened((client) => {
      client.events.on('invited', (_id, from, title) => {
        if (setting('notifications') === 'none') return;
        void show(
          setting('discreetMode') ? 'You are invited to a group.' : `${from} invites you to “${title}”.`,
        );
      });
      client.events.on('notice', (text) => void window.showWarningMessage(text));
      client.events.on('messages', (_group, messages) => {
        const news = messages.find(
          ({ kind, sender, delivery }) => kind === 'text' && !sender.me && !delivery,
        );
        if (!news || views.visible || setting('notifications') !== 'all') return;
        void show(setting('discreetMode') ? 'A new message.' : `A new message from ${news.sender.name}.`);
      });
    }),
    session.onEnded((text) => {
      void window
        .showWarningMessage(text, ...(session.elsewhere ? ['Take over'] : ['Unlock participant']))
        .then((picked) => {
          if (picked === 'Take over') void commands.executeCommand('secureChat.takeOver');
          if (picked === 'Unlock participant') void commands.executeCommand('secureChat.unlockParticipant');
        });
    }),
  );
}
