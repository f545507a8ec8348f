import { ProgressLocation, ThemeIcon, window, type CancellationToken, type LogOutputChannel } from 'vscode';
import { foldName, nameProblem, normaliseName, sameName } from '../../protocol/names.js';
import { MAX_PARTICIPANTS } from '../../shared/limits.js';
import type { LocalParticipants } from '../participants.js';
import { askLine } from '../prompts.js';
import { offer } from '../say.js';

const TITLE = 'Create participants';

/** Names for a number: A, B, C… as far as they are free, then A2, B2… */
export function lettersFor(count: number, taken: readonly string[]): string[] {
  const folded = new Set(taken.map(foldName));
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const name = String.fromCharCode(65 + (i % 26)) + (i < 26 ? '' : String(Math.floor(i / 26) + 1));
    if (!folded.has(foldName(name))) names.push(name);
  }
  return names;
}

/** What a person typed, "3" or "Ada, Bo, Cy", as names; or what is wrong with it. */
export function parseNames(input: string, taken: readonly string[]): readonly string[] | string {
  const text = input.trim();
  if (/^[+-]?\d+([.,]\d+)?$/.test(text)) {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > MAX_PARTICIPANTS)
      return `Type a number from 1 to ${MAX_PARTICIPANTS}, or names with commas between them.`;
    return lettersFor(count, taken);
  }
  const names = text.split(',');
  if (names.length > MAX_PARTICIPANTS)
    return `At most ${MAX_PARTICIPANTS} participants can be created at once.`;
  for (const [i, name] of names.entries()) {
    const problem = nameProblem(name);
    if (problem) return problem;
    if (names.slice(0, i).some((other) => sameName(other, name)))
      return `The name “${normaliseName(name)}” is there twice. Give everyone a name of their own.`;
    if (taken.some((other) => sameName(other, name)))
      return `There is a participant “${normaliseName(name)}” on this machine already. Choose another name.`;
  }
  return names.map(normaliseName);
}

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
      (value) =>
        value === '' ? 'The password is empty. Type at least one character; longer is safer.' : undefined,
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
      (value) =>
        value === first.value
          ? undefined
          : 'The two passwords differ. Type the first one again, or press Escape and start over.',
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
