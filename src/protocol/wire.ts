import { concat, label, utf8 } from '../crypto/bytes.js';
import { ED25519_PUBLIC_BYTES, ED25519_SIGNATURE_BYTES } from '../crypto/ed25519.js';
import { RSA_MAX_BYTES, RSA_MAX_SPKI } from '../crypto/rsa.js';
import {
  bytes,
  decode,
  encode,
  list,
  oneOf,
  struct,
  text,
  uint,
  variant,
  type Codec,
  type Variant,
} from './codec.js';
import { ProtocolError } from './errors.js';

/** Relay framing, version 1. A WebSocket message is a run of frames, each 4-byte big-endian length ‖ CBOR. */
export const SUBPROTOCOL = 'secure-chat.v1';
export const WIRE_VERSION = 1;
/** Bytes of the longest WebSocket message, of an envelope in a group channel, and of one in an inbox. */
export const MAX_PAYLOAD = 128 * 1024;
export const MAX_ENVELOPE = 64 * 1024;
export const MAX_INBOX_ENVELOPE = 8 * 1024;
/** Entries of one MPUB. */
export const MAX_MPUB = 30;
/** Arrays and their elements in one frame; a full MPUB has 123. */
const MAX_PARTS = 128;
export const NONCE_BYTES = 32;
export const IDEMPOTENCY_BYTES = 16;
/** A signed prekey, opaque to the relay. */
export const MAX_PREKEY = 3 * 1024;

/** inbox: the key is a fingerprint, read by its owner; group: an Ed25519 public key, read and written by proving it. */
export interface Channel {
  readonly kind: 'inbox' | 'group';
  readonly key: Uint8Array;
}
const channel: Codec<Channel> = struct<Channel>({
  kind: oneOf('inbox', 'group'),
  key: bytes(ED25519_PUBLIC_BYTES),
});
const id32 = bytes(32);
/** Of what follows it, too, a number can still say the place. */
export const MAX_SEQ = Number.MAX_SAFE_INTEGER - 1;
const seq = uint(MAX_SEQ);
const idempotencyKey = bytes(IDEMPOTENCY_BYTES);
/** Empty once the channel was proven on this connection. */
const proof = bytes(0, ED25519_SIGNATURE_BYTES);

/** Why the relay refused; `refused` in ERR is the idempotency or channel key of the frame it answers, or empty. */
export const ERROR_CODES = [
  'malformed',
  'login-refused',
  'not-logged-in',
  'bad-proof',
  'not-yours',
  'too-large',
  'inbox-full',
  'store-full',
  'too-many-channels',
  'slow-down',
  'internal',
] as const;
export type WireErrorCode = (typeof ERROR_CODES)[number];
export const GOAWAY_REASONS = ['shutting-down', 'logged-in-elsewhere', 'too-slow', 'idle'] as const;
export type GoawayReason = (typeof GOAWAY_REASONS)[number];

interface ClientFrames {
  hello: { version: number };
  auth: { signKey: Uint8Array; signature: Uint8Array };
  pub: { channel: Channel; proof: Uint8Array; idempotencyKey: Uint8Array; envelope: Uint8Array };
  mpub: { entries: readonly { inbox: Uint8Array; idempotencyKey: Uint8Array; envelope: Uint8Array }[] };
  /** `from` is the first seq wanted, under `storeId`; another store's position counts as 1. */
  sub: { channel: Channel; proof: Uint8Array; storeId: Uint8Array; from: number };
  unsub: { channel: Channel };
  /** Everything up to seq is stored here; an inbox drops it. */
  received: { channel: Channel; seq: number };
  'prekey-put': { prekey: Uint8Array };
  'prekey-get': { fingerprint: Uint8Array };
}

interface RelayFrames {
  challenge: { nonce: Uint8Array; relayId: Uint8Array; expiresIn: number };
  /**
   * Sizes in bytes. `credit`: items a subscription may be ahead of RECEIVED. `rate` and `burst`: PUB and MPUB frames a
   * second, and at once; a rate of 0 is none.
   */
  ready: {
    storeId: Uint8Array;
    maxEnvelope: number;
    maxInboxEnvelope: number;
    credit: number;
    rate: number;
    burst: number;
  };
  ack: { channel: Channel; idempotencyKey: Uint8Array; seq: number; duplicate: number };
  item: { channel: Channel; seq: number; envelope: Uint8Array };
  /** All up to seq was delivered; what follows is live. */
  live: { channel: Channel; seq: number };
  /** What was asked for is gone; delivery goes on at `oldest`: at the first that is there, or behind the last. */
  gap: { channel: Channel; oldest: number };
  /** Empty if there is none. */
  prekey: { fingerprint: Uint8Array; prekey: Uint8Array };
  err: { code: WireErrorCode; refused: Uint8Array; retryAfter: number; message: string };
  goaway: { reason: GoawayReason };
}

export type ClientFrame = Variant<ClientFrames>;
export type RelayFrame = Variant<RelayFrames>;

const clientFrame = variant<ClientFrames>({
  hello: [1, struct({ version: uint(255) })],
  auth: [2, struct({ signKey: bytes(1, RSA_MAX_SPKI), signature: bytes(1, RSA_MAX_BYTES) })],
  pub: [3, struct({ channel, proof, idempotencyKey, envelope: bytes(1, MAX_ENVELOPE) })],
  mpub: [
    4,
    struct({
      entries: list(
        struct({ inbox: id32, idempotencyKey, envelope: bytes(1, MAX_INBOX_ENVELOPE) }),
        MAX_MPUB,
      ),
    }),
  ],
  sub: [5, struct({ channel, proof, storeId: id32, from: uint() })],
  unsub: [6, struct({ channel })],
  received: [7, struct({ channel, seq })],
  'prekey-put': [8, struct({ prekey: bytes(1, MAX_PREKEY) })],
  'prekey-get': [9, struct({ fingerprint: id32 })],
});

const relayFrame = variant<RelayFrames>({
  challenge: [32, struct({ nonce: bytes(NONCE_BYTES), relayId: id32, expiresIn: uint() })],
  ready: [
    33,
    struct({
      storeId: id32,
      maxEnvelope: uint(),
      maxInboxEnvelope: uint(),
      credit: uint(),
      rate: uint(),
      burst: uint(undefined, 1),
    }),
  ],
  ack: [34, struct({ channel, idempotencyKey, seq, duplicate: uint(1) })],
  item: [35, struct({ channel, seq, envelope: bytes(1, MAX_ENVELOPE) })],
  live: [36, struct({ channel, seq })],
  gap: [37, struct({ channel, oldest: seq })],
  prekey: [38, struct({ fingerprint: id32, prekey: bytes(0, MAX_PREKEY) })],
  err: [
    39,
    struct({ code: oneOf(...ERROR_CODES), refused: bytes(0, 32), retryAfter: uint(), message: text(500) }),
  ],
  goaway: [40, struct({ reason: oneOf(...GOAWAY_REASONS) })],
});

export const encodeClientFrame = (frame: ClientFrame): Uint8Array => encode(clientFrame, frame);
export const encodeRelayFrame = (frame: RelayFrame): Uint8Array => encode(relayFrame, frame);
/** Throw ProtocolError 'malformed'. */
export const decodeClientFrame = (data: Uint8Array): ClientFrame =>
  decode(clientFrame, data, MAX_PAYLOAD, MAX_PARTS);
export const decodeRelayFrame = (data: Uint8Array): RelayFrame =>
  decode(relayFrame, data, MAX_PAYLOAD, MAX_PARTS);

/** One WebSocket message from encoded frames; the caller keeps it within MAX_PAYLOAD. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(frames.reduce((sum, frame) => sum + 4 + frame.length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length);
    packed.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return packed;
}

/** The encoded frames of one WebSocket message, without copying. Throws ProtocolError 'malformed'. */
export function unpackFrames(data: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    if (data.length - at < 4 || view.getUint32(at) > data.length - at - 4)
      throw new ProtocolError('malformed', 'Malformed data: a frame is cut off.');
    const end = at + 4 + view.getUint32(at);
    frames.push(data.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

const LOGIN_LABEL = label('relay login');
const CHANNEL_LABEL = label('channel proof');

/** What a login signs (RSA-PSS): the origin as dialled keeps a relay from forwarding another's challenge. */
export function loginParts(
  origin: string,
  relayId: Uint8Array,
  nonce: Uint8Array,
  signKey: Uint8Array,
): readonly [label: Uint8Array, ...parts: Uint8Array[]] {
  return [LOGIN_LABEL, utf8(`${origin}\0`), relayId, nonce, signKey];
}

/** What the channel's key signs (Ed25519), bound to the same challenge and login. */
export function channelProofBytes(
  origin: string,
  relayId: Uint8Array,
  nonce: Uint8Array,
  signKey: Uint8Array,
): Uint8Array {
  return concat(CHANNEL_LABEL, utf8(`${origin}\0`), relayId, nonce, signKey);
}
