import { label } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, encode, list, oneOf, struct } from './codec.js';

export type Role = 'admin' | 'member';

export interface RosterEntry {
  readonly fingerprint: Uint8Array;
  readonly role: Role;
  readonly cardHash: Uint8Array;
}

/** The members of an epoch, sorted by fingerprint; an index into it is a *place*. */
export type Roster = readonly RosterEntry[];

export const role = oneOf('admin', 'member');
export const rosterCodec = list(
  struct<RosterEntry>({ fingerprint: bytes(32), role, cardHash: bytes(32) }),
  MAX_MEMBERS,
);

const LABEL = label('roster');

/** Entries in roster order: by fingerprint, bytewise. */
export const sortRoster = (entries: Roster): Roster =>
  [...entries].sort((a, b) => Buffer.compare(a.fingerprint, b.fingerprint));

/** SHA-256(label ‖ CBOR of the roster): 32 bytes. */
export const rosterHash = (roster: Roster): Uint8Array => sha256(LABEL, encode(rosterCodec, roster));

/** The place of a fingerprint in a sorted roster, or −1. */
export function placeOf(roster: Roster, fingerprint: Uint8Array): number {
  let from = 0;
  for (let to = roster.length; from < to;) {
    const middle = (from + to) >> 1;
    const order = Buffer.compare(roster[middle]!.fingerprint, fingerprint);
    if (order === 0) return middle;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return -1;
}
