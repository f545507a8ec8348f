import { ProgressLocation, window } from 'vscode';
import type { Progress } from './tokenThreads.js';

/** In the status bar: a change of a large group takes seconds, and goes on by itself. */
export const keyProgress: Progress = async (of, work) =>
  window.withProgress({ location: ProgressLocation.Window, title: 'Secure Chat' }, (progress) =>
    work((done) =>
      progress.report({
        message: `making the group’s new key for ${of} members, ${Math.floor((100 * done) / of)} %`,
      }),
    ),
  );
