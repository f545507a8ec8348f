import { toHex } from '../crypto/bytes.js';
import { openCard, type Card } from '../protocol/card.js';
import { foldName } from '../protocol/names.js';
import type { PersonView, Trust } from '../shared/view.js';
import type { Change, Tables } from '../store/schema.js';

interface Contact {
  readonly card: Card;
  readonly trust: Trust;
}

/** Everyone whose card is known, and how far that card is trusted. */
export class Contacts {
  readonly #byFingerprint = new Map<string, Contact>();

  constructor(
    private readonly me: Card,
    rows: readonly Tables['contact'][],
  ) {
    for (const { card, trust } of rows) this.#set({ card: openCard(card), trust });
  }

  get(fingerprint: Uint8Array): Card | undefined {
    return this.#byFingerprint.get(toHex(fingerprint))?.card;
  }

  all(): readonly Contact[] {
    return [...this.#byFingerprint.values()];
  }

  /** The records that make an unknown card a contact; a name that another key has already is *changed*. */
  add(card: Card, now: number): Change[] {
    const id = toHex(card.fingerprint);
    if (this.#byFingerprint.has(id) || id === toHex(this.me.fingerprint)) return [];
    const name = foldName(card.name);
    const taken = [this.me, ...this.all().map((contact) => contact.card)].some(
      (known) => foldName(known.name) === name,
    );
    const trust: Trust = taken ? 'changed' : 'unverified';
    this.#set({ card, trust });
    return [{ put: 'contact', row: { fingerprint: card.fingerprint, card: card.bytes, trust, added: now } }];
  }

  /** A card as people see it: trust comes from the contacts, not from the card. */
  view(card: Card): PersonView {
    const fingerprint = toHex(card.fingerprint);
    const me = fingerprint === toHex(this.me.fingerprint);
    const trust = me ? 'verified' : (this.#byFingerprint.get(fingerprint)?.trust ?? 'unverified');
    return { fingerprint, name: card.name, trust, me };
  }

  #set(contact: Contact): void {
    this.#byFingerprint.set(toHex(contact.card.fingerprint), contact);
  }
}
