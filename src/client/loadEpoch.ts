import { toHex } from '../crypto/bytes.js';
import { openCard, type Card } from '../protocol/card.js';
import type { Work } from '../protocol/work.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Change, Tables } from '../store/schema.js';
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
export function* loadEpochs(
  store: ParticipantStore,
  chat: Tables['chat'],
  contacts: Contacts,
): Work<EpochState[]> {
  const epochs: EpochState[] = [];
  for (const row of store.all('epoch', { chat: chat.id })) {
    const where = { chat: chat.id, epoch: row.epoch };
    const rows = store.all('member', where).sort((a, b) => a.place - b.place);
    yield;
    const cards = rows.map(({ fingerprint, card_hash: hash }) => {
      const card = contacts.exact(fingerprint, hash);
      if (card) return card;
      const [kept] = store.all('card', { hash });
      if (!kept) throw new Error('a member without a card');
      return openCard(kept.card);
    });
    const members = loadMembers(rows, cards);
    for (const { place, sqn, hash } of store.all('accepted', where)) members[place]?.accepted.set(sqn, hash);
    for (const { place, sqn, message_key, hash } of store.all('skipped', where))
      members[place]?.skipped.set(sqn, { messageKey: message_key, hash });
    for (const { by_place, of_place, sqn, hash } of store.all('frontier', where))
      members[by_place]?.frontier.set(of_place, { place: of_place, sqn, hash });
    yield;
    epochs.push(new EpochState(row, members));
  }
  return epochs;
}

/** Drops the cards that no roster names any more: at the start, when none is on its way into the store. */
export function unusedCards(store: ParticipantStore): Change[] {
  const cards = store.all('card');
  if (cards.length === 0) return [];
  const needed = new Set(store.all('member').map(({ card_hash }) => toHex(card_hash)));
  return cards.flatMap(({ hash }): Change[] =>
    needed.has(toHex(hash)) ? [] : [{ drop: 'card', key: [hash] }],
  );
}
