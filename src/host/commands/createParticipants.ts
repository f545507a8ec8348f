import { ProgressLocation, ThemeIcon, window, type CancellationToken, type LogOutputChannel } from 'vscode';
import { parseNames, passwordProblem, repetitionProblem } from '../newParticipants.js';
import type { LocalParticipants } from '../participants.js';
import { askLine } from '../prompts.js';
import { offer } from '../say.js';

const TITLE = 'Create participants';

/** "Secure Chat: Create participants": names, passwords, keys, all files or none. */
export async function createParticipants(
  participants: LocalParticipants,
  log: LogOutputChannel,
): Promise<boolean> {
  const taken = (await participants.list((problem) => log.warn(problem))).map(({ card }) => card.name);
  let names: readonly string[] = [];
  const answer = await askLine(
    {
      title: TITLE,
      prompt: 'How many participants (3 makes A, B and C), or their names with commas between them',
      placeholder: '3, or Ada, Bo, Cy',
    },
    (value) => {
      const parsed = parseNames(value, taken);
      if (typeof parsed === 'string') return parsed;
      names = parsed;
      return undefined;
    },
  );
  if (!answer) return false;
  const people = await askPasswords(names);
  if (!people) return false;
  const done = await window.withProgress(
    {
      location: ProgressLocation.Notification,
      title: 'Secure Chat: creating participants',
      cancellable: true,
    },
    async (progress, token) => {
      const { makeParticipants } = await import('../makeParticipants.js');
      return makeParticipants(participants.root, people, signalOf(token), (made, name) =>
        progress.report({ message: `${name} (${made} of ${people.length})`, increment: 100 / people.length }),
      );
    },
  );
  if (!done) {
    void window.showInformationMessage('Cancelled: no participant was created.');
    return false;
  }
  log.info(`created ${people.length} participants`);
  return true;
}

/** Offers the next step of a first session. */
export async function offerUnlock(): Promise<boolean> {
  return (
    (await offer('The participants are ready. Unlock one in each window.', 'Unlock participant')) !==
    undefined
  );
}

interface NewParticipant {
  readonly name: string;
  readonly password: string;
}

async function askPasswords(names: readonly string[]): Promise<NewParticipant[] | undefined> {
  const people: NewParticipant[] = [];
  const same = {
    iconPath: new ThemeIcon('check-all'),
    tooltip: 'Use this password for all that follow, too',
  };
  for (const [i, name] of names.entries()) {
    const step = names.length > 1 ? ` (${i + 1} of ${names.length})` : '';
    const first = await askLine(
      { title: `${TITLE}${step}`, prompt: `Password for ${name}`, password: true },
      passwordProblem,
    );
    if (!first) return undefined;
    const last = i === names.length - 1;
    const again = await askLine(
      {
        title: `${TITLE}${step}`,
        prompt: `Password for ${name} once more`,
        password: true,
        buttons: last ? [] : [same],
      },
      (value) => repetitionProblem(first.value, value),
    );
    if (!again) return undefined;
    people.push({ name, password: first.value });
    if (again.button) {
      for (const other of names.slice(i + 1)) people.push({ name: other, password: first.value });
      return people;
    }
  }
  return people;
}

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}
