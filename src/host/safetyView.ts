import { randomBytes } from 'node:crypto';
import { Disposable, ViewColumn, window } from 'vscode';
import type { ChatClient } from '../client/chatClient.js';
import type { Comparison } from '../client/people.js';
import type { CurrentSession } from './currentSession.js';
import { safetyPageHtml } from './safetyPage.js';

const QR_BORDER = 4;

/**
 * Shows a safety number until two people have compared it: whether it matched; undefined if the view was closed, or the
 * session ended. Says so, and takes no answer, once the comparison no longer holds.
 */
export async function askSafetyNumber(
  client: ChatClient,
  session: CurrentSession,
  comparison: Comparison,
): Promise<boolean | undefined> {
  const { renderSVG } = await import('uqr');
  const { person, number } = comparison;
  const qrCode = renderSVG(number.join(''), { border: QR_BORDER });
  const panel = window.createWebviewPanel('secureChat.safetyNumber', 'Safety number', ViewColumn.Active, {
    enableScripts: true,
    localResourceRoots: [],
  });
  let changed = false;
  const show = () => {
    const nonce = randomBytes(18).toString('base64');
    const { name: me } = client.view().me;
    panel.webview.html = safetyPageHtml({ name: person.name, me, number, qrCode, changed, nonce });
  };
  show();
  return new Promise((resolve) => {
    let answer: boolean | undefined;
    const subscriptions = Disposable.from(
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (!changed && (message === 'match' || message === 'differ')) answer = message === 'match';
        panel.dispose();
      }),
      session.onChanged(() => {
        if (session.client !== client) panel.dispose();
        else if (!changed && !client.directory.holds(comparison)) {
          changed = true;
          show();
        }
      }),
      panel.onDidDispose(() => {
        subscriptions.dispose();
        resolve(answer);
      }),
    );
  });
}
