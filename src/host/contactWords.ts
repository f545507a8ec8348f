import type { Import } from '../client/people.js';
import type { GroupView, PersonView } from '../shared/view.js';
import { TRUST_WORDS } from './trust.js';

/** A modal question: what happens on `action` is said before it is picked. */
export interface Question {
  readonly message: string;
  readonly detail: string;
  readonly action: string;
}

/** How a fingerprint begins, in two groups. */
const short = (fingerprint: string): string => `${fingerprint.slice(0, 4)} ${fingerprint.slice(4, 8)}`;

/** Asked before a card or revocation is imported, wherever it came from; `me` is who is unlocked. */
export function importQuestion({ effect, name, fingerprint }: Import, me: string): Question {
  const anybody = `Anybody can make a card with this name. Compare the safety number with ${name} before you rely on it. Its fingerprint begins with ${short(fingerprint)}.`;
  switch (effect) {
    case 'new':
      return {
        message: `Import the contact card of “${name}”?`,
        detail: `${me} will know ${name} by it. ${anybody}`,
        action: 'Import',
      };
    case 'again':
      return {
        message: `Use the contact card of “${name}” again?`,
        detail: `You had put it aside on this machine. ${anybody}`,
        action: 'Use again',
      };
    case 'changed':
      return {
        message: `Import another key under the name “${name}”?`,
        detail: `The name is taken by a key that you know. Nothing is sent to the new one until you have decided which is right. Its fingerprint begins with ${short(fingerprint)}.`,
        action: 'Import',
      };
    case 'revoke':
      return {
        message: `“${name}” revokes this contact card. Take note of it?`,
        detail: `${name} has signed that the card is not to be used any more. You will invite it to no group, and join none with it. This can’t be undone.`,
        action: 'Revoke',
      };
  }
}

/** Asked about a key that came up under a name which `rivals` have already; without rivals it is my own name. */
export function decideQuestion(
  { name, fingerprint }: PersonView,
  rivals: readonly PersonView[],
): { readonly message: string; readonly detail: string; readonly use: string; readonly keep: string } {
  if (rivals.length === 0)
    return {
      message: `Use a key of somebody who has your own name, “${name}”?`,
      detail: `Its fingerprint begins with ${short(fingerprint)}. Ask whom it belongs to, in another way than by this card. Until you decide nothing is sent to it.`,
      use: 'Use it',
      keep: 'Don’t use it',
    };
  const known = rivals.map((rival) => `${short(rival.fingerprint)} (${TRUST_WORDS[rival.trust]})`).join(', ');
  return {
    message: `Which key of “${name}” is right?`,
    detail: `You know ${name} with the key ${known}. Now there is the key ${short(fingerprint)}. ${name} may have a new one, or somebody poses as ${name}: ask in another way than by this card. Until you decide nothing is sent to the new key. If you use it, the old one is not used any more.`,
    use: 'Use the new key',
    keep: 'Keep the old key',
  };
}

/** Asked before a card is revoked: my own, or somebody's on this machine. */
export const revokeQuestion = ({ name, me }: PersonView): Question =>
  me
    ? {
        message: 'Revoke your own contact card?',
        detail: `${name} can’t found or join groups any more; the groups you are in go on. You get a signed revocation to hand out like a card: who imports it sends nothing more to your key. This can’t be undone.`,
        action: 'Revoke my card',
      }
    : {
        message: `Put the contact card of “${name}” aside?`,
        detail: `You will invite it to no group, and join none with it. ${name} is not told. Importing the card again undoes this.`,
        action: 'Put aside',
      };

/** What to do about the groups that somebody is still a member of; empty if there are none. */
export function stillMember(name: string, fingerprint: string, groups: readonly GroupView[]): string {
  const titles = groups
    .filter(({ members }) => members.some((member) => member.fingerprint === fingerprint))
    .map(({ title }) => `“${title}”`);
  return titles.length === 0
    ? ''
    : ` ${name} is still a member of ${titles.join(', ')} and reads what is written there, until an admin removes ${name}.`;
}
