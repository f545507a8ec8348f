import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, bytesOrNone, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES } from './commit.js';
import { frontierCodec, type FrontierEntry } from './payload.js';
import { ofEpoch } from './signed.js';
import { MAX_ENVELOPE } from './wire.js';

/** A frontier that travels alone: it uses up no SQN and no key. With no entries it only says "I am here". */
export interface Frontier {
  readonly group: Uint8Array;
  readonly epoch: number;
  readonly place: number;
  readonly entries: readonly FrontierEntry[];
  /** Hash of the commit this member took as the next one; empty while there is none. */
  readonly next: Uint8Array;
}
const body = versioned(
  1,
  struct<Frontier>({
    group: bytes(GROUP_ID_BYTES),
    epoch: uint(2 ** 32 - 1, 1),
    place: uint(MAX_MEMBERS - 1),
    entries: frontierCodec,
    next: bytesOrNone(32),
  }),
);
const object = ofEpoch('frontier', body, MAX_ENVELOPE);
export const makeFrontier = object.make;
export const parseFrontier = object.parse;
export const verifyFrontier = object.verify;
export type ParsedFrontier = ReturnType<typeof parseFrontier>;
