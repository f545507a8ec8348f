import { toHex } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Tables } from '../store/schema.js';
import type { Contacts } from './contacts.js';
import { EpochState, type MemberState } from './epochState.js';

/** Members of a fresh epoch; `cards` in roster order. */
export const loadMembers = (rows: readonly Tables['member'][], cards: readonly Card[]): MemberState[] =>
  rows.map((row, place) => ({
    row,
    card: cards[place]!,
    accepted: new Map(),
    skipped: new Map(),
    frontier: new Map(),
  }));

/** Builds a group's epochs from their rows. */
export function loadEpochs(
  store: ParticipantStore,
  chat: Tables['chat'],
  contacts: Contacts,
  me: Card,
): EpochState[] {
  return store.all('epoch', { chat: chat.id }).map((row) => {
    const where = { chat: chat.id, epoch: row.epoch };
    const rows = store.all('member', where).sort((a, b) => a.place - b.place);
    const cards = rows.map(({ fingerprint }) => {
      const card = toHex(fingerprint) === toHex(me.fingerprint) ? me : contacts.get(fingerprint);
      if (!card) throw new Error('a member without a card');
      return card;
    });
    const members = loadMembers(rows, cards);
    for (const { place, sqn, hash } of store.all('accepted', where)) members[place]?.accepted.set(sqn, hash);
    for (const { place, sqn, message_key, hash } of store.all('skipped', where))
      members[place]?.skipped.set(sqn, { messageKey: message_key, hash });
    for (const { by_place, of_place, sqn, hash } of store.all('frontier', where))
      members[by_place]?.frontier.set(of_place, { place: of_place, sqn, hash });
    return new EpochState(row, members);
  });
}
