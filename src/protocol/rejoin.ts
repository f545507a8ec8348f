import { label } from '../crypto/bytes.js';
import { RSA_MAX_BYTES, type KeyObject } from '../crypto/rsa.js';
import { MAX_PREKEY_BYTES } from './card.js';
import { bytes, decode, encode, oneOf, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES } from './commit.js';
import { ProtocolError } from './errors.js';
import { parseSigned, signBody, verifySigned } from './signed.js';

const LABEL = label('rejoin request');

/** Why a member can't follow its group any more. */
export const LOST_REASONS = ['no-token', 'bad-secret', 'gap', 'away', 'rolled-back', 'damaged'] as const;
export type LostReason = (typeof LOST_REASONS)[number];

/** A member asks to be given the group's secret anew. */
export interface RejoinRequest {
  readonly group: Uint8Array;
  /** Fingerprint of who asks. */
  readonly from: Uint8Array;
  /** The last epoch it was in, and the hash of that commit. */
  readonly epoch: number;
  readonly commitHash: Uint8Array;
  /** A fresh signed prekey for the answer. */
  readonly prekey: Uint8Array;
  readonly reason: LostReason;
  /** ms, UTC. */
  readonly time: number;
}
const requestBody = versioned(
  1,
  struct<RejoinRequest>({
    group: bytes(GROUP_ID_BYTES),
    from: bytes(32),
    epoch: uint(2 ** 32 - 1, 1),
    commitHash: bytes(32),
    prekey: bytes(1, MAX_PREKEY_BYTES),
    reason: oneOf(...LOST_REASONS),
    time: uint(),
  }),
);
const MAX_BODY = MAX_PREKEY_BYTES + 256;
export const MAX_REQUEST_BYTES = MAX_BODY + RSA_MAX_BYTES + 16;

export const makeRejoinRequest = (signKey: KeyObject, request: RejoinRequest): Uint8Array =>
  signBody(signKey, LABEL, encode(requestBody, request));

/** What a request says before anything is verified: where it belongs. Throws ProtocolError 'malformed'. */
export const peekRejoinRequest = (data: Uint8Array): RejoinRequest =>
  decode(requestBody, parseSigned(data, MAX_BODY).body, MAX_BODY);

/** Reads a request; `keyOf` gives the sign key of a fingerprint. Throws ProtocolError 'malformed' or 'bad-signature'. */
export function openRejoinRequest(
  data: Uint8Array,
  keyOf: (request: RejoinRequest) => KeyObject | undefined,
): RejoinRequest {
  const signed = parseSigned(data, MAX_BODY);
  const request = peekRejoinRequest(data);
  const key = keyOf(request);
  if (!key || !verifySigned(key, LABEL, signed))
    throw new ProtocolError('bad-signature', 'A request to rejoin is not signed by a member.');
  return request;
}
