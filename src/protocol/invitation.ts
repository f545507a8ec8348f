import { aesCtr } from '../crypto/aesCtr.js';
import { concat, equal, label } from '../crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../crypto/hash.js';
import { decapsulate, encapsulate, KEM_CIPHERTEXT_BYTES } from '../crypto/kem.js';
import type { Random } from '../crypto/random.js';
import { leafHash, merkleRoot, merkleTree } from '../crypto/merkle.js';
import {
  decryptOaep,
  encryptOaep,
  parsePublicKey,
  RSA_MAX_BYTES,
  signPss,
  verifyPss,
} from '../crypto/rsa.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { PREKEY_ID_BYTES, type Card, type Prekey } from './card.js';
import { bytes, decode, encode, list, oneOf, struct, uint, versioned } from './codec.js';
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
  readonly parts: {
    readonly head: Uint8Array;
    readonly secret: Uint8Array;
    /** The token's place among those that were signed together, and its path to the root that was signed. */
    readonly index: number;
    readonly size: number;
    readonly path: readonly Uint8Array[];
    readonly signature: Uint8Array;
  };
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
const MAX_PATH = Math.ceil(Math.log2(MAX_MEMBERS));
const BATCH_LABEL = label('token batch');
const SEALED_SECRET_BYTES = SECRET_BYTES + 32;
const tokenCodec = struct<Token['parts']>({
  head: bytes(1, MAX_TOKEN_BYTES),
  secret: bytes(SEALED_SECRET_BYTES),
  index: uint(MAX_MEMBERS - 1),
  size: uint(MAX_MEMBERS, 1),
  path: list(bytes(32), MAX_PATH),
  signature: bytes(1, RSA_MAX_BYTES),
});

const labels = Object.fromEntries(
  TOKEN_TYPES.map((type) => [
    type,
    { leaf: label(`${type} token`), block: label(`${type} token block`), key: label(`${type} token key`) },
  ]),
) as Record<TokenType, Record<'leaf' | 'block' | 'key', Uint8Array>>;

/** k = HKDF(r ‖ ss, SHA-256(head)): 72 bytes for encryption, nonce and MAC. */
function tokenKeys(type: TokenType, r: Uint8Array, shared: Uint8Array, head: Uint8Array) {
  const k = hkdfSha256(concat(r, shared), undefined, concat(labels[type].key, sha256(head)), 72);
  return { enc: k.subarray(0, 32), nonce: k.subarray(32, 40), mac: k.subarray(40) };
}

/** One token to be made. */
export interface TokenDraft {
  readonly type: TokenType;
  readonly to: Card;
  readonly prekey: Prekey;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** Zeros where there is no welcome. */
  readonly welcomeHash: Uint8Array;
}

/** What all tokens of one commit have in common. */
export type TokenContent = Pick<TokenHead, 'time' | 'group' | 'epoch' | 'commitHash'>;

/** The public-key part of a token, which needs no secret of its sender. Plain data, for a thread of its own. */
export interface WrapJob {
  readonly type: TokenType;
  /** DER SPKI, and an X-Wing public key. */
  readonly transportKey: Uint8Array;
  readonly prekey: Uint8Array;
  /** A ‖ B ‖ r. */
  readonly block: Uint8Array;
}
export interface Wrapped {
  readonly encryptedBlock: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly shared: Uint8Array;
}

/** To both keys of the receiver; undefined if they are unusable, whatever the card says. */
export function wrap({ type, transportKey, prekey, block }: WrapJob, random: Random): Wrapped | undefined {
  try {
    return {
      ...encapsulate(prekey, random),
      encryptedBlock: encryptOaep(parsePublicKey(transportKey), labels[type].block, block),
    };
  } catch {
    return undefined;
  }
}

export const wrapJob = (me: Identity, { type, to, prekey }: TokenDraft, random: Random): WrapJob => ({
  type,
  transportKey: to.transportSpki,
  prekey: prekey.publicKey,
  block: concat(me.card.fingerprint, to.fingerprint, random(SECRET_BYTES)),
});

/** A token before its signature. */
interface Unsigned {
  readonly head: Uint8Array;
  readonly secret: Uint8Array;
  readonly leaf: Uint8Array;
}

/** Seals one token's secret; undefined if the receiver's keys are unusable. */
export function sealToken(
  me: Identity,
  content: TokenContent,
  { type, to, prekey, secret, welcomeHash }: TokenDraft,
  job: WrapJob,
  wrapped: Wrapped | undefined,
  random: Random,
): Unsigned | undefined {
  if (!wrapped) return undefined;
  const head = encode(headCodec, {
    ...content,
    type,
    from: me.card.fingerprint,
    to: to.fingerprint,
    random: random(16),
    prekeyId: prekey.id,
    welcomeHash,
    encryptedBlock: wrapped.encryptedBlock,
    kemCiphertext: wrapped.ciphertext,
  });
  const { enc, nonce, mac } = tokenKeys(type, job.block.subarray(-SECRET_BYTES), wrapped.shared, head);
  const encrypted = aesCtr(enc, nonce, secret);
  const sealed = concat(encrypted, hmacSha256(mac, encrypted));
  return { head, secret: sealed, leaf: leafHash(labels[type].leaf, head, sealed) };
}

/** Signs tokens together: one signature over the root of a Merkle tree. Undefined stays undefined. */
export function signTokens(
  me: Identity,
  tokens: readonly (Unsigned | undefined)[],
): (Uint8Array | undefined)[] {
  const leaves = tokens.flatMap((token) => token?.leaf ?? []);
  if (leaves.length === 0) return [...tokens] as undefined[];
  const { root, paths } = merkleTree(leaves);
  const signature = signPss(me.signKey, BATCH_LABEL, root);
  let index = 0;
  return tokens.map((token) => {
    if (!token) return undefined;
    const { head, secret } = token;
    const path = paths[index]!;
    return encode(tokenCodec, { head, secret, index: index++, size: leaves.length, path, signature });
  });
}

/** One token alone. Throws ProtocolError 'bad-card' if the receiver's keys are unusable. */
export function makeToken(
  me: Identity,
  content: TokenContent,
  draft: TokenDraft,
  random: Random,
): Uint8Array {
  const job = wrapJob(me, draft, random);
  const [token] = signTokens(me, [sealToken(me, content, draft, job, wrap(job, random), random)]);
  if (!token)
    throw new ProtocolError('bad-card', `The keys on the contact card of “${draft.to.name}” cannot be used.`);
  return token;
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

/** A token whose sender is known to have signed it: only such a one is decrypted. */
export type VerifiedToken = Token & { readonly verified: true };

/** That A, whose card this is, signed the token. Throws ProtocolError 'bad-card' or 'bad-signature'. */
export function verifyToken(token: Token, from: Card): VerifiedToken {
  if (!equal(from.fingerprint, token.from))
    throw new ProtocolError('bad-card', 'The contact card with an invitation is not its sender’s.');
  const { head, secret, index, size, path, signature } = token.parts;
  const root = merkleRoot(leafHash(labels[token.type].leaf, head, secret), index, size, path);
  if (!root || !verifyPss(from.signKey, signature, BATCH_LABEL, root))
    throw new ProtocolError('bad-signature', 'An invitation is not signed by its sender.');
  return { ...token, verified: true };
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
export function openToken(token: VerifiedToken, me: Identity, prekeySeed: Uint8Array): Uint8Array {
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
