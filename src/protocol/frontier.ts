import { label } from '../crypto/bytes.js';
import type { KeyObject } from '../crypto/rsa.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, bytesOrNone, decode, encode, struct, uint, versioned } from './codec.js';
import { GROUP_ID_BYTES } from './commit.js';
import { frontierCodec, type FrontierEntry } from './payload.js';
import { parseSigned, signBody, verifySigned, type Signed } from './signed.js';
import { MAX_ENVELOPE } from './wire.js';

const LABEL = label('frontier');

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
/** Signed together with the epoch's commit, so that it holds in no other. */
export const makeFrontier = (signKey: KeyObject, commitHash: Uint8Array, frontier: Frontier): Uint8Array =>
  signBody(signKey, LABEL, encode(body, frontier), commitHash);

export interface ParsedFrontier extends Frontier {
  readonly signed: Signed;
}

/** Throws ProtocolError 'malformed'. */
export function parseFrontier(data: Uint8Array): ParsedFrontier {
  const signed = parseSigned(data, MAX_ENVELOPE);
  return { ...decode(body, signed.body, MAX_ENVELOPE), signed };
}

export const verifyFrontier = ({ signed }: ParsedFrontier, key: KeyObject, commitHash: Uint8Array): boolean =>
  verifySigned(key, LABEL, signed, commitHash);
