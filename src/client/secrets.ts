import { equal } from '../crypto/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Token } from '../protocol/invitation.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Tables } from '../store/schema.js';

/** Secrets kept of one sender for one group: more than a relay keeps unread of it. */
const OF_ONE = 128;
/** Secrets kept of everybody, for a group that I am only invited to. */
const WHILE_INVITED = 1024;

/** Throws ProtocolError 'too-many' if no other secret of this token's sender is kept. */
export function checkRoom(store: ParticipantStore, { group, from }: Token, invited = false): void {
  const kept = store.all('rekey', { chat: group });
  if (
    kept.filter(({ sender }) => equal(sender, from)).length >= OF_ONE ||
    (invited && kept.length >= WHILE_INVITED)
  )
    throw new ProtocolError('too-many', 'More keys for a group than are kept at once.');
}

/** The secret of a rekey token as it is kept. */
export const secretRow = (token: Token, secret: Uint8Array, at: number): Tables['rekey'] => {
  const { group: chat, epoch, commitHash: commit_hash, from: sender, welcomeHash: welcome_hash } = token;
  return { chat, epoch, commit_hash, sender, secret, welcome_hash, at };
};
