import { equal, toHex } from '../crypto/bytes.js';
import { openCard, type Card } from '../protocol/card.js';
import { foldName } from '../protocol/names.js';
import { CARDS_AT_ONCE } from '../protocol/welcome.js';
import type { Work } from '../protocol/work.js';
import type { PersonView, Trust } from '../shared/view.js';
import type { Change, Tables } from '../store/schema.js';

export interface Contact {
  readonly card: Card;
  readonly trust: Trust;
  /** ms, UTC. */
  readonly added: number;
}

/** Everyone whose card is known, and how far that card is trusted. */
export class Contacts {
  readonly #byFingerprint = new Map<string, Contact>();
  /** Fingerprints under each name. */
  readonly #byName = new Map<string, Set<string>>();

  readonly #myId: string;

  constructor(private readonly me: Card) {
    this.#myId = toHex(me.fingerprint);
  }

  /** Takes what is stored. */
  *load(rows: Iterable<Tables['contact']>): Work<void> {
    let loaded = 0;
    for (const { card, trust, added } of rows) {
      if (loaded++ % CARDS_AT_ONCE === 0) yield;
      this.#set({ card: openCard(card), trust, added });
    }
  }

  get(fingerprint: Uint8Array): Card | undefined {
    return this.find(toHex(fingerprint))?.card;
  }

  /** The very card of a roster, mine or a contact's: one key may have several. */
  exact(fingerprint: Uint8Array, hash: Uint8Array): Card | undefined {
    const card = equal(fingerprint, this.me.fingerprint) ? this.me : this.get(fingerprint);
    return card && equal(card.hash, hash) ? card : undefined;
  }

  /** The records that keep a group's cards for the next start. */
  keep(cards: readonly Card[]): Change[] {
    return cards.flatMap(({ fingerprint, hash, bytes }): Change[] =>
      this.exact(fingerprint, hash) ? [] : [{ put: 'card', row: { hash, card: bytes } }],
    );
  }

  /** By fingerprint, hex. */
  find(fingerprint: string): Contact | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  all(): readonly Contact[] {
    return [...this.#byFingerprint.values()];
  }

  /** Whether anything may go to this key: not if it is revoked, or another was known under its name. */
  maySend(fingerprint: Uint8Array): boolean {
    const trust = this.find(toHex(fingerprint))?.trust;
    return trust === 'verified' || trust === 'unverified';
  }

  /** Other keys that are in use under the name of this card; not my own. */
  rivals(card: Card): readonly Contact[] {
    const own = toHex(card.fingerprint);
    return [...(this.#byName.get(foldName(card.name)) ?? [])].flatMap((fingerprint) => {
      const contact = this.find(fingerprint);
      return fingerprint === own || !contact || contact.trust === 'revoked' ? [] : [contact];
    });
  }

  /** The records that make an unknown card a contact; a name that another key has already is *changed*. */
  add(card: Card, now: number): Change[] {
    const id = toHex(card.fingerprint);
    if (this.#byFingerprint.has(id) || id === this.#myId) return [];
    return [this.put(card, this.firstTrust(card), now)];
  }

  /** The trust that a card begins with. */
  firstTrust(card: Card): Trust {
    const taken = foldName(this.me.name) === foldName(card.name) || this.rivals(card).length > 0;
    return taken ? 'changed' : 'unverified';
  }

  /** The record that makes a card a contact with this trust, or gives it to one. */
  put(card: Card, trust: Trust, now: number): Change {
    const known = this.find(toHex(card.fingerprint));
    const contact = { card: known?.card ?? card, trust, added: known?.added ?? now };
    this.#set(contact);
    const { fingerprint, bytes } = contact.card;
    return { put: 'contact', row: { fingerprint, card: bytes, trust, added: contact.added } };
  }

  /** A card as people see it: trust comes from the contacts, not from the card; of who is none, what it would be. */
  view(card: Card): PersonView {
    const fingerprint = toHex(card.fingerprint);
    const me = fingerprint === this.#myId;
    const trust = me ? 'verified' : (this.find(fingerprint)?.trust ?? this.firstTrust(card));
    return { fingerprint, name: card.name, trust, me };
  }

  /** Whoever has this fingerprint, as people see them. */
  viewOf(fingerprint: Uint8Array): PersonView {
    const card = equal(fingerprint, this.me.fingerprint) ? this.me : this.get(fingerprint);
    return card
      ? this.view(card)
      : { fingerprint: toHex(fingerprint), name: '?', trust: 'unverified', me: false };
  }

  #set(contact: Contact): void {
    const id = toHex(contact.card.fingerprint);
    this.#byFingerprint.set(id, contact);
    const name = foldName(contact.card.name);
    this.#byName.set(name, (this.#byName.get(name) ?? new Set()).add(id));
  }
}
