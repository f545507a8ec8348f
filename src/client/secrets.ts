import { equal } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import { ProtocolError } from '../protocol/errors.js';
import { openToken, verifyToken, type Token } from '../protocol/invitation.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Change } from '../store/schema.js';
import type { Session } from './session.js';

/** Secrets kept of one sender for one group: more than a relay keeps unread of it. */
const OF_ONE = 128;
/** Secrets kept of everybody, for a group that I am only invited to. */
const WHILE_INVITED = 1024;

/** Takes the secret of a rekey token, from its sender. `changes` come along in the record. Throws ProtocolError. */
export async function takeSecret(
  session: Session,
  token: Token,
  sender: Card,
  changes: readonly Change[],
  invited = false,
): Promise<void> {
  const { store, prekeys, identity, effects, connection } = session;
  const verified = verifyToken(token, sender);
  checkRoom(store, token, invited);
  const seed = prekeys.seed(token.prekeyId);
  if (!seed) throw new ProtocolError('prekey-gone', 'A key for a prekey that is gone.');
  const secret = openToken(verified, identity, seed);
  const at = effects.clock.now();
  const { group: chat, epoch, commitHash: commit_hash, from, welcomeHash: welcome_hash } = token;
  await session.record([
    ...changes,
    { put: 'rekey', row: { chat, epoch, commit_hash, sender: from, secret, welcome_hash, at } },
    ...prekeys.markUsed(token.prekeyId, at),
    ...prekeys.tend(at),
  ]);
  connection.putPrekey(prekeys.newest());
}

/** Throws ProtocolError 'too-many' if no other secret of this token's sender is kept. */
function checkRoom(store: ParticipantStore, { group, from }: Token, invited: boolean): void {
  const kept = store.all('rekey', { chat: group });
  if (
    kept.filter(({ sender }) => equal(sender, from)).length >= OF_ONE ||
    (invited && kept.length >= WHILE_INVITED)
  )
    throw new ProtocolError('too-many', 'More keys for a group than are kept at once.');
}
