import { label } from '../crypto/bytes.js';
import { seal, unseal } from '../crypto/sealed.js';
import { MAX_CARD_BYTES, MAX_PREKEY_BYTES } from './card.js';
import { bytes, decode, encode, struct, variant, type Variant } from './codec.js';
import { ProtocolError } from './errors.js';
import { MAX_TOKEN_BYTES } from './invitation.js';
import { MAX_REQUEST_BYTES } from './rejoin.js';
import { MAX_INBOX_ENVELOPE } from './wire.js';
import { RSA_MAX_BYTES, signPss, verifyPss, type KeyObject } from '../crypto/rsa.js';

const LABEL = label('inbox item');
const GONE_LABEL = label('prekey gone');

interface PrekeyGone {
  from: Uint8Array;
  tokenHash: Uint8Array;
  prekey: Uint8Array;
  signature: Uint8Array;
}

interface InboxItems {
  join: { token: Uint8Array; card: Uint8Array };
  rekey: { token: Uint8Array };
  /** With the card of its sender, as in a join. */
  rejoin: { token: Uint8Array; card: Uint8Array };
  /** From a member that can no longer follow: rejoin.ts. */
  'rejoin-request': { request: Uint8Array };
  /** To an inviter whose token used a prekey that is gone: the token's hash, the newest prekey, signed by its owner. */
  'prekey-gone': PrekeyGone;
}
export type InboxItem = Variant<InboxItems>;

const token = bytes(1, MAX_TOKEN_BYTES);
const inboxItem = variant<InboxItems>({
  join: [1, struct({ token, card: bytes(1, MAX_CARD_BYTES) })],
  rekey: [2, struct({ token })],
  rejoin: [3, struct({ token, card: bytes(1, MAX_CARD_BYTES) })],
  'prekey-gone': [
    4,
    struct({
      from: bytes(32),
      tokenHash: bytes(32),
      prekey: bytes(1, MAX_PREKEY_BYTES),
      signature: bytes(1, RSA_MAX_BYTES),
    }),
  ],
  'rejoin-request': [5, struct({ request: bytes(1, MAX_REQUEST_BYTES) })],
});

/** An envelope for the inbox whose blinding key this is (identity.inboxKey). `salt`: 16 random bytes. */
export const sealInboxItem = (key: Uint8Array, item: InboxItem, salt: Uint8Array): Uint8Array =>
  seal(key, LABEL, salt, encode(inboxItem, item));

/** Throws ProtocolError 'malformed'. */
export function openInboxItem(key: Uint8Array, envelope: Uint8Array): InboxItem {
  const plain = envelope.length <= MAX_INBOX_ENVELOPE ? unseal(key, LABEL, envelope) : undefined;
  if (!plain) throw new ProtocolError('malformed', 'Something in the inbox is not sealed for me.');
  return decode(inboxItem, plain, MAX_INBOX_ENVELOPE);
}

/** `tokenHash` says which token; `prekey` is the signed one to use instead. */
export const makePrekeyGone = (
  signKey: KeyObject,
  from: Uint8Array,
  tokenHash: Uint8Array,
  prekey: Uint8Array,
): InboxItem => ({
  type: 'prekey-gone',
  from,
  tokenHash,
  prekey,
  signature: signPss(signKey, GONE_LABEL, from, tokenHash, prekey),
});

export const verifyPrekeyGone = (item: PrekeyGone, key: KeyObject): boolean =>
  verifyPss(key, item.signature, GONE_LABEL, item.from, item.tokenHash, item.prekey);
