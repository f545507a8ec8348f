import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, list, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES, MAX_SQN } from './commit.js';
import { ofEpoch } from './signed.js';

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
const object = ofEpoch('resend', body, 512);
export const makeResend = object.make;
export const parseResend = object.parse;
export const verifyResend = object.verify;
export type ParsedResend = ReturnType<typeof parseResend>;
