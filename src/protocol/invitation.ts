import { aesCtr } from '../crypto/aesCtr.js';
import { concat, equal, label } from '../crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../crypto/hash.js';
import { decapsulate, encapsulate, KEM_CIPHERTEXT_BYTES } from '../crypto/kem.js';
import type { Random } from '../crypto/random.js';
import { decryptOaep, encryptOaep, RSA_MAX_BYTES, signPss, verifyPss } from '../crypto/rsa.js';
import { PREKEY_ID_BYTES, type Card, type Prekey } from './card.js';
import { bytes, decode, encode, oneOf, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES } from './commit.js';
import { ProtocolError } from './errors.js';
import type { Identity } from './identity.js';
import { SECRET_BYTES } from './schedule.js';

/** join carries joiner(n) to an invitee, rekey the commit secret to who stays, rejoin joiner(n) to who was lost. */
export const TOKEN_TYPES = ['join', 'rekey', 'rejoin'] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

export const MAX_TOKEN_BYTES = 6 * 1024;
/** How far ahead of this clock a token may be dated before it is refused rather than held, ms. */
export const MAX_FUTURE = 24 * 60 * 60 * 1000;

/** ISO/IEC 11770-3, key transport mechanism 2: everything the token says before the sealed secret. */
export interface TokenHead {
  readonly type: TokenType;
  /** Fingerprints of sender A and receiver B. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** The time-variant parameter: ms UTC and 16 random bytes. */
  readonly time: number;
  readonly random: Uint8Array;
  readonly group: Uint8Array;
  readonly epoch: number;
  readonly commitHash: Uint8Array;
  readonly prekeyId: Uint8Array;
  /** SHA-256 of the sealed welcome; zeros in a rekey token. */
  readonly welcomeHash: Uint8Array;
  /** BE = OAEP_B(A ‖ B ‖ r). */
  readonly encryptedBlock: Uint8Array;
  readonly kemCiphertext: Uint8Array;
}

export interface Token extends TokenHead {
  /** SHA-256 over head and sealed secret: what "seen before" means. */
  readonly hash: Uint8Array;
  readonly parts: { readonly head: Uint8Array; readonly secret: Uint8Array; readonly signature: Uint8Array };
}

const headCodec = versioned(
  1,
  struct<TokenHead>({
    type: oneOf(...TOKEN_TYPES),
    from: bytes(32),
    to: bytes(32),
    time: uint(),
    random: bytes(16),
    group: bytes(GROUP_ID_BYTES),
    epoch: uint(2 ** 32 - 1, 1),
    commitHash: bytes(32),
    prekeyId: bytes(PREKEY_ID_BYTES),
    welcomeHash: bytes(32),
    encryptedBlock: bytes(1, RSA_MAX_BYTES),
    kemCiphertext: bytes(KEM_CIPHERTEXT_BYTES),
  }),
);
const SEALED_SECRET_BYTES = SECRET_BYTES + 32;
const tokenCodec = struct<Token['parts']>({
  head: bytes(1, MAX_TOKEN_BYTES),
  secret: bytes(SEALED_SECRET_BYTES),
  signature: bytes(1, RSA_MAX_BYTES),
});

const labels = Object.fromEntries(
  TOKEN_TYPES.map((type) => [
    type,
    { sign: label(`${type} token`), block: label(`${type} token block`), key: label(`${type} token key`) },
  ]),
) as Record<TokenType, Record<'sign' | 'block' | 'key', Uint8Array>>;

/** k = HKDF(r ‖ ss, SHA-256(head)): 72 bytes for encryption, nonce and MAC. */
function tokenKeys(type: TokenType, r: Uint8Array, shared: Uint8Array, head: Uint8Array) {
  const k = hkdfSha256(concat(r, shared), undefined, concat(labels[type].key, sha256(head)), 72);
  return { enc: k.subarray(0, 32), nonce: k.subarray(32, 40), mac: k.subarray(40) };
}

/** To both keys of the receiver. What its card says of them is only its word: they may be unusable. */
function wrap(to: Card, prekey: Prekey, blockLabel: Uint8Array, block: Uint8Array, random: Random) {
  try {
    return {
      ...encapsulate(prekey.publicKey, random),
      encryptedBlock: encryptOaep(to.transportKey, blockLabel, block),
    };
  } catch {
    throw new ProtocolError('bad-card', `The keys on the contact card of “${to.name}” cannot be used.`);
  }
}

/**
 * Makes a token that carries `secret` (32 bytes) from `me` to the owner of `to`. Throws ProtocolError 'bad-card' if the
 * receiver's keys are unusable.
 */
export function makeToken(
  me: Identity,
  to: Card,
  prekey: Prekey,
  content: Pick<TokenHead, 'type' | 'time' | 'group' | 'epoch' | 'commitHash' | 'welcomeHash'>,
  secret: Uint8Array,
  random: Random,
): Uint8Array {
  const { type } = content;
  const from = me.card.fingerprint;
  const r = random(SECRET_BYTES);
  const { ciphertext, shared, encryptedBlock } = wrap(
    to,
    prekey,
    labels[type].block,
    concat(from, to.fingerprint, r),
    random,
  );
  const head = encode(headCodec, {
    ...content,
    from,
    to: to.fingerprint,
    random: random(16),
    prekeyId: prekey.id,
    encryptedBlock,
    kemCiphertext: ciphertext,
  });
  const { enc, nonce, mac } = tokenKeys(type, r, shared, head);
  const sealed = aesCtr(enc, nonce, secret);
  const sealedSecret = concat(sealed, hmacSha256(mac, sealed));
  const signature = signPss(me.signKey, labels[type].sign, head, sealedSecret);
  return encode(tokenCodec, { head, secret: sealedSecret, signature });
}

/** Size, encoding, type and addressee: the first checks. Throws ProtocolError. */
export function parseToken(data: Uint8Array, type: TokenType, me: Uint8Array): Token {
  const parts = decode(tokenCodec, data, MAX_TOKEN_BYTES);
  const head = decode(headCodec, parts.head, MAX_TOKEN_BYTES);
  if (head.type !== type)
    throw new ProtocolError('wrong-type', `A ${head.type} token where a ${type} token belongs.`);
  if (!equal(head.to, me)) throw new ProtocolError('not-for-me', 'A token for somebody else.');
  return { ...head, parts, hash: sha256(parts.head, parts.secret) };
}

/** That A, whose card this is, signed the token. Throws ProtocolError 'bad-card' or 'bad-signature'. */
export function verifyToken(token: Token, from: Card): void {
  if (!equal(from.fingerprint, token.from))
    throw new ProtocolError('bad-card', 'The contact card with an invitation is not its sender’s.');
  if (
    !verifyPss(
      from.signKey,
      token.parts.signature,
      labels[token.type].sign,
      token.parts.head,
      token.parts.secret,
    )
  )
    throw new ProtocolError('bad-signature', 'An invitation is not signed by its sender.');
}

/** Age against `lifetime` (ms). Throws ProtocolError 'expired' or 'from-the-future'. */
export function checkTokenTime(token: Token, now: number, lifetime: number): void {
  if (token.time > now)
    throw new ProtocolError(
      'from-the-future',
      'An invitation is dated in the future. One of the two clocks is wrong; it is kept until its time if that is within a day.',
    );
  if (now - token.time > lifetime)
    throw new ProtocolError('expired', 'The invitation has expired. Ask for a new one.');
}

/** The secret inside a verified token. Throws ProtocolError 'undecryptable', whichever step failed. */
export function openToken(token: Token, me: Identity, prekeySeed: Uint8Array): Uint8Array {
  const { type, parts } = token;
  const block = decryptOaep(me.transportKey, labels[type].block, token.encryptedBlock);
  const names = concat(token.from, token.to);
  const genuine =
    block?.length === names.length + SECRET_BYTES && equal(block.subarray(0, names.length), names);
  const r = genuine ? block.subarray(names.length) : new Uint8Array(SECRET_BYTES);
  const { enc, nonce, mac } = tokenKeys(type, r, decapsulate(prekeySeed, token.kemCiphertext), parts.head);
  const sealed = parts.secret.subarray(0, SECRET_BYTES);
  if (!equal(hmacSha256(mac, sealed), parts.secret.subarray(SECRET_BYTES)) || !genuine)
    throw new ProtocolError('undecryptable', 'An invitation could not be decrypted.');
  return aesCtr(enc, nonce, sealed);
}
