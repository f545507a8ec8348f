import { UserError } from '../protocol/errors.js';
import { window, type LogOutputChannel } from 'vscode';

/** A question with buttons, in a notification; the label picked. */
export const offer = (text: string, ...buttons: string[]): Thenable<string | undefined> =>
  window.showInformationMessage(text, ...buttons);

/** Errors for people are shown as they are; of any other the log gets the kind and the person a plain sentence. */
export function sayError(log: LogOutputChannel, error: unknown): void {
  if (error instanceof UserError || (error instanceof Error && error.name === 'SelfTestError')) {
    void window.showErrorMessage(error.message);
    return;
  }
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  void window
    .showErrorMessage(
      'Secure Chat: something unexpected went wrong. Nothing was lost; the log says more.',
      'Show log',
    )
    .then((picked) => picked && log.show());
}
