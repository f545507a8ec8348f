import { bytes, decode, encode, list, oneOf, struct, uint, type Codec } from './codec.js';
import { MAX_SQN } from './commit.js';
import { ProtocolError } from './errors.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { MAX_ENVELOPE } from './wire.js';

export const MESSAGE_ID_BYTES = 16;
/** Bytes of a padded payload: what is left of an envelope. */
export const MAX_PAYLOAD_BYTES = MAX_ENVELOPE - 2048;
const MIN_PADDED = 256;

export const PAYLOAD_KINDS = [
  'text',
  'snippet',
  'attachment',
  'reaction',
  'edit',
  'delete',
  'leave',
] as const;

/** The highest gap-free SQN held from a place, with that message's hash. */
export interface FrontierEntry {
  readonly place: number;
  readonly sqn: number;
  readonly hash: Uint8Array;
}
export const frontierCodec: Codec<readonly FrontierEntry[]> = list(
  struct<FrontierEntry>({ place: uint(MAX_MEMBERS - 1), sqn: uint(MAX_SQN, 1), hash: bytes(32) }),
  MAX_MEMBERS,
);

export interface Payload {
  readonly kind: (typeof PAYLOAD_KINDS)[number];
  readonly id: Uint8Array;
  /** The sender's clock, ms UTC. */
  readonly time: number;
  /** By kind; a text is UTF-8. */
  readonly content: Uint8Array;
  /** Entries that changed since the sender's previous message. */
  readonly frontier: readonly FrontierEntry[];
}
const payloadCodec = struct<Payload>({
  kind: oneOf(...PAYLOAD_KINDS),
  id: bytes(MESSAGE_ID_BYTES),
  time: uint(),
  content: bytes(0, MAX_PAYLOAD_BYTES),
  frontier: frontierCodec,
});

/** Padmé (Nikitin et al., PoPETs 2019): a length that leaks O(log log L) bits, at most 12 % more; 256 at least. */
export function paddedLength(length: number): number {
  if (length <= MIN_PADDED) return MIN_PADDED;
  const e = Math.floor(Math.log2(length));
  const s = Math.floor(Math.log2(e)) + 1;
  const mask = 2 ** (e - s) - 1;
  return Math.ceil(length / (mask + 1)) * (mask + 1);
}

/** Encoded and padded: 0x80, then zeros (ISO/IEC 7816-4). Throws RangeError above MAX_PAYLOAD_BYTES. */
export function encodePayload(payload: Payload): Uint8Array {
  const body = encode(payloadCodec, payload);
  const length = paddedLength(body.length + 1);
  if (length > MAX_PAYLOAD_BYTES) throw new RangeError(`A payload of ${length} bytes is too large.`);
  const padded = new Uint8Array(length);
  padded.set(body);
  padded[body.length] = 0x80;
  return padded;
}

/** Throws ProtocolError 'malformed'. */
export function decodePayload(padded: Uint8Array): Payload {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== 0x80 || paddedLength(end + 1) !== padded.length)
    throw new ProtocolError('malformed', 'Malformed data: the padding is wrong.');
  return decode(payloadCodec, padded.subarray(0, end), MAX_PAYLOAD_BYTES);
}
