import { equal, label } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { KEM_PUBLIC_BYTES } from '../crypto/kem.js';
import { parsePublicKey, RSA_MAX_BYTES, RSA_MAX_SPKI, type KeyObject } from '../crypto/rsa.js';
import { bytes, decode, encode, struct, text, uint, versioned } from './codec.js';
import { ProtocolError } from './errors.js';
import { isName, MAX_NAME_BYTES } from './names.js';
import { parseSigned, signBody, verifySigned } from './signed.js';

const PREKEY_LABEL = label('prekey');
const CARD_LABEL = label('card');

export const PREKEY_ID_BYTES = 16;
/** Bytes of the longest signed prekey and card. */
export const MAX_PREKEY_BYTES = KEM_PUBLIC_BYTES + 64 + RSA_MAX_BYTES;
export const MAX_CARD_BYTES = 2 * RSA_MAX_SPKI + MAX_PREKEY_BYTES + MAX_NAME_BYTES + 64 + RSA_MAX_BYTES;

/** An X-Wing public key offered for tokens. `time` in ms, UTC. */
export interface Prekey {
  readonly id: Uint8Array;
  readonly time: number;
  readonly publicKey: Uint8Array;
}
const prekeyBody = versioned(
  1,
  struct<Prekey>({ id: bytes(PREKEY_ID_BYTES), time: uint(), publicKey: bytes(KEM_PUBLIC_BYTES) }),
);

export const makePrekey = (signKey: KeyObject, prekey: Prekey): Uint8Array =>
  signBody(signKey, PREKEY_LABEL, encode(prekeyBody, prekey));

/** A prekey signed by this key. Throws ProtocolError 'malformed' or 'bad-signature'. */
export function openPrekey(data: Uint8Array, signKey: KeyObject): Prekey {
  const signed = parseSigned(data, MAX_PREKEY_BYTES);
  if (!verifySigned(signKey, PREKEY_LABEL, signed))
    throw new ProtocolError('bad-signature', 'A prekey is not signed by its owner.');
  return decode(prekeyBody, signed.body, MAX_PREKEY_BYTES);
}

interface CardBody {
  readonly name: string;
  readonly signKey: Uint8Array;
  readonly transportKey: Uint8Array;
  readonly prekey: Uint8Array;
  readonly created: number;
}
const cardBody = versioned(
  1,
  struct<CardBody>({
    name: text(MAX_NAME_BYTES),
    signKey: bytes(1, RSA_MAX_SPKI),
    transportKey: bytes(1, RSA_MAX_SPKI),
    prekey: bytes(1, MAX_PREKEY_BYTES),
    created: uint(),
  }),
);

/** A participant's public identity, checked, with its keys parsed once. */
export interface Card {
  /** As it travels. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`. */
  readonly hash: Uint8Array;
  /** SHA-256 of the sign key's SPKI. */
  readonly fingerprint: Uint8Array;
  readonly name: string;
  readonly signKey: KeyObject;
  readonly transportKey: KeyObject;
  /** DER SPKI. */
  readonly signSpki: Uint8Array;
  readonly transportSpki: Uint8Array;
  /** As it travels, and opened. */
  readonly signedPrekey: Uint8Array;
  readonly prekey: Prekey;
  readonly created: number;
}

/** Makes and signs a card; `signedPrekey` comes from makePrekey. */
export function makeCard(signKey: KeyObject, body: CardBody): Uint8Array {
  return signBody(signKey, CARD_LABEL, encode(cardBody, body));
}

/** Checks a card with the key inside it. Throws ProtocolError 'bad-card'. */
export function openCard(data: Uint8Array): Card {
  try {
    const signed = parseSigned(data, MAX_CARD_BYTES);
    const body = decode(cardBody, signed.body, MAX_CARD_BYTES);
    if (!isName(body.name)) throw new Error('its name is not allowed');
    if (equal(body.signKey, body.transportKey)) throw new Error('one key for two purposes');
    const signKey = parsePublicKey(body.signKey);
    if (!verifySigned(signKey, CARD_LABEL, signed)) throw new Error('its signature does not hold');
    return {
      bytes: data,
      hash: sha256(data),
      fingerprint: sha256(body.signKey),
      name: body.name,
      signKey,
      transportKey: parsePublicKey(body.transportKey),
      signSpki: body.signKey,
      transportSpki: body.transportKey,
      signedPrekey: body.prekey,
      prekey: openPrekey(body.prekey, signKey),
      created: body.created,
    };
  } catch (error) {
    throw new ProtocolError(
      'bad-card',
      `The contact card is damaged or not genuine (${(error as Error).message}).`,
    );
  }
}
