import { toHex } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import { cardText, readCardText, type CardTextKind, type FromCardText } from '../protocol/cardText.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { makeRevocation } from '../protocol/revocation.js';
import { safetyNumber } from '../protocol/safetyNumber.js';
import type { PersonView } from '../shared/view.js';
import type { Change } from '../store/schema.js';
import type { Contact } from './contacts.js';
import type { Session } from './session.js';

/**
 * What importing a text would do: make a new contact; make one whose key is *changed*; take one back that was put aside
 * here; revoke one.
 */
export interface Import {
  readonly effect: 'new' | 'changed' | 'again' | 'revoke';
  readonly name: string;
  /** Hex. */
  readonly fingerprint: string;
}

/** Two people's safety number, and what it was computed for. */
export interface Comparison {
  readonly person: PersonView;
  /** 12 groups of 5 digits. */
  readonly number: readonly string[];
  /** The keys in use under that name when it was computed. */
  readonly keys: string;
}

/** Contact cards of others and one's own: handing out, taking in, verifying, revoking. Fingerprints are hex. */
export class People {
  readonly #me: string;

  constructor(private readonly session: Session) {
    this.#me = toHex(session.identity.card.fingerprint);
  }

  /** What to hand out: my card, or its revocation once there is one. */
  handOut(): { readonly kind: CardTextKind; readonly text: string } {
    const revocation = this.#revocation(this.#me);
    const kind = revocation ? 'revocation' : 'card';
    return { kind, text: cardText(kind, revocation ?? this.session.identity.card.bytes) };
  }

  /** Of all contacts, whatever their trust. */
  cards(): Card[] {
    return this.session.contacts.all().map(({ card }) => card);
  }

  /** Whether I have revoked my own card. */
  get revoked(): boolean {
    return this.#revocation(this.#me) !== undefined;
  }

  /** What importing this text would do. Throws UserError: 'bad-card', 'own-card', 'known-card', 'revoked-card'. */
  look(text: string): Import {
    return this.#look(text).found;
  }

  /** Imports a text. Throws as look does. */
  async import(text: string): Promise<Import> {
    const { contacts, effects } = this.session;
    const { found, card, bytes } = this.#look(text);
    const now = effects.clock.now();
    if (found.effect === 'revoke')
      await this.#record([
        { put: 'meta', row: { key: revocationKey(found.fingerprint), value: bytes } },
        contacts.put(card, 'revoked', now),
      ]);
    else await this.#record([contacts.put(card, contacts.firstTrust(card), now)]);
    return found;
  }

  #look(text: string): FromCardText & { found: Import } {
    const read = this.#read(text);
    const { card, kind } = read;
    const fingerprint = toHex(card.fingerprint);
    const { name } = card;
    const known = this.session.contacts.find(fingerprint);
    const revoked = known && this.#revocation(fingerprint) !== undefined;
    if (fingerprint === this.#me)
      throw new UserError(
        'own-card',
        'This is your own contact card. Give it to other people; they import it.',
      );
    if (revoked)
      throw new UserError(
        'revoked-card',
        `${name} has revoked this card, and you know that already. Ask ${name} for the card that replaces it.`,
      );
    const found = (effect: Import['effect']) => ({ ...read, found: { effect, name, fingerprint } });
    if (kind === 'revocation') return found('revoke');
    if (known?.trust === 'revoked') return found('again');
    if (known) throw new UserError('known-card', `You have this card of ${name} already.`);
    return found(this.session.contacts.firstTrust(card) === 'changed' ? 'changed' : 'new');
  }

  #read(text: string): FromCardText {
    try {
      return readCardText(text);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const way = error.code === 'malformed' ? '' : ' Ask for it again, from its owner.';
      throw new UserError('bad-card', error.message + way);
    }
  }

  /** The safety number with this person. Throws UserError 'unknown-person' and 'revoked-card'. */
  compare(fingerprint: string): Comparison {
    const { contacts, identity } = this.session;
    const { card, trust } = this.#contact(fingerprint);
    if (trust === 'revoked')
      throw new UserError(
        'revoked-card',
        `The card of ${card.name} is revoked, so there is nothing to compare. Import the card that replaces it.`,
      );
    const keys = [card, ...contacts.rivals(card).map((rival) => rival.card)].map((each) => toHex(each.hash));
    return {
      person: contacts.view(card),
      number: safetyNumber(identity.card.fingerprint, card.fingerprint),
      keys: keys.join(),
    };
  }

  /** Whether what was compared is still so: nothing was revoked, and no other key came up under that name. */
  holds({ person, keys }: Comparison): boolean {
    try {
      return this.compare(person.fingerprint).keys === keys;
    } catch {
      return false;
    }
  }

  /**
   * The number was compared: the person is verified if it matches, and else is not. Throws UserError 'key-changed' if
   * the comparison no longer holds.
   */
  async compared(comparison: Comparison, match: boolean): Promise<void> {
    const { contacts, effects } = this.session;
    const { name, fingerprint } = comparison.person;
    if (!this.holds(comparison))
      throw new UserError(
        'key-changed',
        `The key of ${name} changed while you compared. Nothing was verified; compare the number anew.`,
      );
    const { card, trust } = this.#contact(fingerprint);
    if (match || trust === 'verified')
      await this.#record([contacts.put(card, match ? 'verified' : 'unverified', effects.clock.now())]);
  }

  /** The keys that stand against a changed one under its name. Throws UserError 'unknown-person'. */
  rivals(fingerprint: string): PersonView[] {
    const { contacts } = this.session;
    return contacts.rivals(this.#contact(fingerprint).card).map(({ card }) => contacts.view(card));
  }

  /** Decides about a changed key: use it and put the others under its name aside, or put it aside. */
  async decide(fingerprint: string, use: boolean): Promise<void> {
    const { contacts, effects } = this.session;
    const { card, trust } = this.#contact(fingerprint);
    if (trust !== 'changed') return;
    const now = effects.clock.now();
    const aside = use ? contacts.rivals(card).map((rival) => contacts.put(rival.card, 'revoked', now)) : [];
    await this.#record([...aside, contacts.put(card, use ? 'unverified' : 'revoked', now)]);
  }

  /**
   * Revokes my card by a signed statement for others to import, or puts somebody's card aside on this machine. Throws
   * UserError 'unknown-person'.
   */
  async revoke(fingerprint: string): Promise<void> {
    const { contacts, effects, identity } = this.session;
    const now = effects.clock.now();
    if (fingerprint !== this.#me)
      return this.#record([contacts.put(this.#contact(fingerprint).card, 'revoked', now)]);
    if (this.revoked) return;
    const value = makeRevocation(identity.signKey, identity.card, now);
    await this.#record([{ put: 'meta', row: { key: revocationKey(this.#me), value } }]);
  }

  /**
   * Throws UserError unless I may be in a new group with these people: 'revoked-self', 'changed-key', 'revoked-card'.
   */
  mayMeet(fingerprints: readonly string[]): void {
    if (this.revoked)
      throw new UserError(
        'revoked-self',
        'You have revoked your contact card, so you can’t be in new groups. Create a participant with a new one.',
      );
    for (const fingerprint of fingerprints) {
      const { card, trust } = this.session.contacts.find(fingerprint) ?? {};
      if (trust === 'revoked')
        throw new UserError('revoked-card', `The card of ${card?.name} is revoked: nothing is sent to it.`);
      if (trust === 'changed')
        throw new UserError(
          'changed-key',
          `Another key is known as ${card?.name}. Decide first which one is right: “Secure Chat: Verify safety number”.`,
        );
    }
  }

  /** Throws ProtocolError 'bad-card' for somebody to whom nothing may be sent. */
  refuse(fingerprint: Uint8Array): void {
    const trust = this.session.contacts.find(toHex(fingerprint))?.trust;
    if (trust === 'changed' || trust === 'revoked')
      throw new ProtocolError('bad-card', 'The sender’s card is revoked, or its key has changed.');
  }

  #contact(fingerprint: string): Contact {
    const contact = this.session.contacts.find(fingerprint);
    if (!contact) throw new UserError('unknown-person', 'This person is not among your contacts.');
    return contact;
  }

  #revocation(fingerprint: string): Uint8Array | undefined {
    return this.session.store.all('meta', { key: revocationKey(fingerprint) })[0]?.value;
  }

  async #record(changes: Change[]): Promise<void> {
    await this.session.record(changes);
    this.session.events.emit('changed');
  }
}

const revocationKey = (fingerprint: string): string => `revocation:${fingerprint}`;
