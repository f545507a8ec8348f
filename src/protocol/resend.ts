import { label } from '../crypto/bytes.js';
import type { KeyObject } from '../crypto/rsa.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, decode, encode, list, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES, MAX_SQN } from './commit.js';
import { parseSigned, signBody, verifySigned, type Signed } from './signed.js';

const LABEL = label('resend');
/** SQNs asked for at once. */
export const MAX_ASKED = 100;

/** A member asks whoever holds them to publish these messages of a sender again. */
export interface Resend {
  readonly group: Uint8Array;
  readonly epoch: number;
  /** Who asks, and whose messages are missing. */
  readonly place: number;
  readonly of: number;
  readonly sqns: readonly number[];
}
const body = versioned(
  1,
  struct<Resend>({
    group: bytes(GROUP_ID_BYTES),
    epoch: uint(2 ** 32 - 1, 1),
    place: uint(MAX_MEMBERS - 1),
    of: uint(MAX_MEMBERS - 1),
    sqns: list(uint(MAX_SQN, 1), MAX_ASKED),
  }),
);
const MAX_BODY = 512;

/** Signed together with the epoch's commit, as a frontier is. */
export const makeResend = (signKey: KeyObject, commitHash: Uint8Array, resend: Resend): Uint8Array =>
  signBody(signKey, LABEL, encode(body, resend), commitHash);

export interface ParsedResend extends Resend {
  readonly signed: Signed;
}

/** Throws ProtocolError 'malformed'. */
export function parseResend(data: Uint8Array): ParsedResend {
  const signed = parseSigned(data, MAX_BODY);
  return { ...decode(body, signed.body, MAX_BODY), signed };
}

export const verifyResend = ({ signed }: ParsedResend, key: KeyObject, commitHash: Uint8Array): boolean =>
  verifySigned(key, LABEL, signed, commitHash);
