import type { ChatClient } from '../../client/chatClient.js';
import { nameProblem } from '../../protocol/names.js';
import { UserError } from '../../protocol/errors.js';
import { MAX_NAME_LENGTH } from '../../shared/limits.js';
import { askLine, askMany } from '../prompts.js';
import { personChoices } from '../trust.js';

const TITLE = 'Invite group';

/** "Secure Chat: Invite group": people, a name, and the group's id once it is made; undefined when dismissed. */
export async function inviteGroup(client: ChatClient): Promise<string | undefined> {
  const people = client.people().filter(({ trust }) => trust === 'verified' || trust === 'unverified');
  if (people.length === 0)
    throw new UserError(
      'nobody-known',
      'You know nobody yet who can be invited. Create more participants here, or import a contact card.',
    );
  const picked = await askMany(TITLE, 'Who is invited?', personChoices(people));
  if (!picked) return undefined;
  if (picked.length === 0)
    throw new UserError('nobody', 'Nobody was picked. Tick at least one person to invite.');
  const names = [client.view().me.name, ...picked.map(({ name }) => name)].join(', ');
  const title = await askLine(
    {
      title: TITLE,
      prompt: 'A name for the group',
      value: Array.from(names).length > MAX_NAME_LENGTH ? '' : names,
    },
    (value) =>
      nameProblem(value) ??
      alreadyThere(
        client,
        value,
        picked.map(({ fingerprint }) => fingerprint),
      ),
  );
  return (
    title &&
    client.invite(
      title.value,
      picked.map(({ fingerprint }) => fingerprint),
    )
  );
}

/** The same name with the same people is most likely a second click. */
function alreadyThere(
  client: ChatClient,
  title: string,
  fingerprints: readonly string[],
): string | undefined {
  const wanted = [...fingerprints].sort().join();
  const same = client.view().groups.some(
    (group) =>
      group.title === title.trim() &&
      group.members
        .filter(({ me }) => !me)
        .map(({ fingerprint }) => fingerprint)
        .sort()
        .join() === wanted,
  );
  return same
    ? `There is a group “${title.trim()}” with the same people already. Give this one another name.`
    : undefined;
}
