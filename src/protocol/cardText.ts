import { MAX_CARD_BYTES, openCard, type Card } from './card.js';
import { MAX_CARD_TEXT } from './cardLink.js';
import { ProtocolError } from './errors.js';
import { MAX_REVOCATION_BYTES, openRevocation } from './revocation.js';

/** The version of the objects inside. */
const VERSION = 1;

const MAX_BYTES = { card: MAX_CARD_BYTES, revocation: MAX_REVOCATION_BYTES } as const;
export type CardTextKind = keyof typeof MAX_BYTES;

const TEXT = /^secure-chat-(card|revocation)-([1-9]\d{0,3})\.([\w-]+)$/;
const LINK = /^[a-z][a-z\d+.-]{0,31}:\/\/[^?#]{1,128}\?/i;

/** A card or revocation as one line of text, for files, clipboards and links: letters, digits, “-”, “_” and one dot. */
export const cardText = (kind: CardTextKind, data: Uint8Array): string =>
  `secure-chat-${kind}-${VERSION}.${Buffer.from(data).toString('base64url')}`;

/** What a text held. */
export interface FromCardText {
  readonly kind: CardTextKind;
  readonly card: Card;
  /** Of the card or revocation. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a text that cardText made, or a link to one, and checks what is in it. Spaces and line breaks don't matter.
 * Throws ProtocolError with a sentence for people: 'malformed', 'bad-card' and 'bad-signature'.
 */
export function readCardText(text: string): FromCardText {
  if (text.length > MAX_CARD_TEXT) throw notOne();
  const [, kind, version, data = ''] = TEXT.exec(text.replace(/\s/g, '').replace(LINK, '')) ?? [];
  if (kind !== 'card' && kind !== 'revocation') throw notOne();
  if (Number(version) > VERSION)
    throw new ProtocolError(
      'malformed',
      'The contact card was made by a newer version of Secure Chat. Update the extension, then import it again.',
    );
  const bytes = new Uint8Array(Buffer.from(data, 'base64url'));
  if (bytes.length > MAX_BYTES[kind] || Buffer.from(bytes).toString('base64url') !== data) throw notOne();
  return { kind, card: kind === 'card' ? openCard(bytes) : openRevocation(bytes).card, bytes };
}

const notOne = () =>
  new ProtocolError(
    'malformed',
    'This is not a whole contact card, which begins with “secure-chat-card-”. Ask for it again, as a file if it was cut off on the way.',
  );
