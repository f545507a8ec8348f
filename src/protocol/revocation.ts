import { label } from '../crypto/bytes.js';
import { RSA_MAX_BYTES, type KeyObject } from '../crypto/rsa.js';
import { MAX_CARD_BYTES, openCard, type Card } from './card.js';
import { bytes, decode, encode, struct, uint, versioned } from './codec.js';
import { ProtocolError } from './errors.js';
import { parseSigned, signBody, verifySigned } from './signed.js';

const LABEL = label('revocation');
const MAX_BODY = MAX_CARD_BYTES + 16;
export const MAX_REVOCATION_BYTES = MAX_BODY + RSA_MAX_BYTES + 16;

interface Body {
  readonly card: Uint8Array;
  readonly time: number;
}
const body = versioned(1, struct<Body>({ card: bytes(1, MAX_CARD_BYTES), time: uint() }));

/** "Use this card no longer", signed by the card's own sign key. */
export interface Revocation {
  readonly card: Card;
  /** ms, UTC. */
  readonly time: number;
}

export const makeRevocation = (signKey: KeyObject, card: Card, time: number): Uint8Array =>
  signBody(signKey, LABEL, encode(body, { card: card.bytes, time }));

/** Checks a revocation with the key of the card inside it. Throws ProtocolError 'malformed', 'bad-card' and 'bad-signature'. */
export function openRevocation(data: Uint8Array): Revocation {
  const signed = parseSigned(data, MAX_BODY);
  const { card: cardBytes, time } = decode(body, signed.body, MAX_BODY);
  const card = openCard(cardBytes);
  if (!verifySigned(card.signKey, LABEL, signed))
    throw new ProtocolError('bad-signature', 'The revocation is damaged or not genuine.');
  return { card, time };
}
