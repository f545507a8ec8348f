import { toHex } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Tables } from '../store/schema.js';
import type { Contacts } from './contacts.js';
import { EpochState, type MemberState } from './epochState.js';

/** Builds a group's epoch from its rows. */
export function loadEpoch(
  store: ParticipantStore,
  chat: Tables['chat'],
  contacts: Contacts,
  me: Card,
): EpochState {
  const where = { chat: chat.id, epoch: chat.epoch };
  const [row] = store.all('epoch', where);
  if (!row) throw new Error('a group without its epoch');
  const members = store
    .all('member', where)
    .sort((a, b) => a.place - b.place)
    .map((member): MemberState => {
      const card =
        toHex(member.fingerprint) === toHex(me.fingerprint) ? me : contacts.get(member.fingerprint);
      if (!card) throw new Error('a member without a card');
      return { row: member, card, accepted: new Map(), skipped: new Map(), frontier: new Map() };
    });
  for (const { place, sqn, hash } of store.all('accepted', where)) members[place]?.accepted.set(sqn, hash);
  for (const { place, sqn, message_key } of store.all('skipped', where))
    members[place]?.skipped.set(sqn, message_key);
  for (const { by_place, of_place, sqn, hash } of store.all('frontier', where))
    members[by_place]?.frontier.set(of_place, { place: of_place, sqn, hash });
  return new EpochState(row, members);
}
