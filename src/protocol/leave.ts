import { equal, label } from '../crypto/bytes.js';
import { RSA_MAX_BYTES, type KeyObject } from '../crypto/rsa.js';
import { bytes, bytesOrNone, decode, encode, struct, uint, versioned } from './codec.js';
import { ProtocolError } from './errors.js';
import { parseSigned, signBody, verifySigned } from './signed.js';

const LABEL = label('leave');
const GROUP_ID_BYTES = 16;

/** A member's word that it leaves, good for the commit after the epoch it was given in. */
export interface Leave {
  readonly group: Uint8Array;
  readonly epoch: number;
  /** Hash of that epoch's commit. */
  readonly parent: Uint8Array;
  /** Fingerprint. */
  readonly member: Uint8Array;
  /** Fingerprint of the admin-to-be when the only admin leaves, else empty. */
  readonly successor: Uint8Array;
}
const leaveBody = versioned(
  1,
  struct<Leave>({
    group: bytes(GROUP_ID_BYTES),
    epoch: uint(2 ** 32 - 1, 1),
    parent: bytes(32),
    member: bytes(32),
    successor: bytesOrNone(32),
  }),
);
const MAX_BODY = 256;
/** Bytes of the longest signed statement. */
export const MAX_LEAVE_BYTES = MAX_BODY + RSA_MAX_BYTES + 16;

export const makeLeave = (signKey: KeyObject, leave: Leave): Uint8Array =>
  signBody(signKey, LABEL, encode(leaveBody, leave));

/** A statement signed by this key about its own owner. Throws ProtocolError 'malformed' or 'bad-signature'. */
export function openLeave(data: Uint8Array, member: Uint8Array, signKey: KeyObject): Leave {
  const signed = parseSigned(data, MAX_BODY);
  if (!verifySigned(signKey, LABEL, signed))
    throw new ProtocolError('bad-signature', 'A leave statement is not signed by its member.');
  const leave = decode(leaveBody, signed.body, MAX_BODY);
  if (!equal(leave.member, member))
    throw new ProtocolError('bad-signature', 'A leave statement is about another member.');
  return leave;
}
