import { aesCtr } from '../crypto/aesCtr.js';
import { concat, equal, label } from '../crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../crypto/hash.js';
import { RSA_MAX_BYTES, signPss, verifyPss, type KeyObject } from '../crypto/rsa.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { bytes, decode, encode, struct } from './codec.js';
import { GROUP_ID_BYTES, MAX_SQN } from './commit.js';
import { ProtocolError } from './errors.js';
import { MAX_PAYLOAD_BYTES } from './payload.js';
import { chainStep } from './schedule.js';
import { MAX_ENVELOPE } from './wire.js';

const SIGN_LABEL = label('message');
const KEY_LABEL = label('message keys');

export const SALT_BYTES = 16;
export const HEADER_BYTES = 1 + GROUP_ID_BYTES + 4 + 2 + 2 + SALT_BYTES + 32;
const VERSION = 1;

export interface MessageHeader {
  readonly group: Uint8Array;
  readonly epoch: number;
  /** The sender's index in the epoch's roster. */
  readonly place: number;
  /** 1 to 999 in each epoch. */
  readonly sqn: number;
  readonly salt: Uint8Array;
  /** Hash of the sender's previous message in this epoch; of the commit for the first. */
  readonly previous: Uint8Array;
}

export interface Message extends MessageHeader {
  /** SHA-256 of the message as it travels. */
  readonly hash: Uint8Array;
  readonly parts: {
    readonly header: Uint8Array;
    readonly ciphertext: Uint8Array;
    readonly tag: Uint8Array;
    readonly signature: Uint8Array;
  };
}

const messageCodec = struct<Message['parts']>({
  header: bytes(HEADER_BYTES),
  ciphertext: bytes(1, MAX_PAYLOAD_BYTES),
  tag: bytes(32),
  signature: bytes(1, RSA_MAX_BYTES),
});

function encodeHeader({ group, epoch, place, sqn, salt, previous }: MessageHeader): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint8(0, VERSION);
  header.set(group, 1);
  view.setUint32(17, epoch);
  view.setUint16(21, place);
  view.setUint16(23, sqn);
  header.set(salt, 25);
  header.set(previous, 41);
  return header;
}

/** Reads version, sizes and ranges. Nothing is authentic yet. Throws ProtocolError 'malformed'. */
export function parseMessage(data: Uint8Array): Message {
  const parts = decode(messageCodec, data, MAX_ENVELOPE);
  const { header } = parts;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const message = {
    group: header.subarray(1, 17),
    epoch: view.getUint32(17),
    place: view.getUint16(21),
    sqn: view.getUint16(23),
    salt: header.subarray(25, 41),
    previous: header.subarray(41, 73),
    hash: sha256(data),
    parts,
  };
  if (
    view.getUint8(0) !== VERSION ||
    message.place >= MAX_MEMBERS ||
    message.sqn < 1 ||
    message.sqn > MAX_SQN
  )
    throw new ProtocolError('malformed', 'Malformed data: a message header is out of range.');
  return message;
}

/** enc, nonce and MAC keys of one message. */
function messageKeys(messageKey: Uint8Array, salt: Uint8Array, header: Uint8Array) {
  const okm = hkdfSha256(messageKey, salt, concat(KEY_LABEL, sha256(header)), 72);
  return { enc: okm.subarray(0, 32), nonce: okm.subarray(32, 40), mac: okm.subarray(40) };
}

/** Encrypts, tags and signs a padded payload with the sender's chain key of this SQN. */
export function sealMessage(
  signKey: KeyObject,
  commitHash: Uint8Array,
  chain: Uint8Array,
  fields: MessageHeader,
  padded: Uint8Array,
): { bytes: Uint8Array; hash: Uint8Array; nextChain: Uint8Array } {
  const header = encodeHeader(fields);
  const { messageKey, next } = chainStep(chain);
  const { enc, nonce, mac } = messageKeys(messageKey, fields.salt, header);
  const ciphertext = aesCtr(enc, nonce, padded);
  const tag = hmacSha256(mac, header, ciphertext);
  const signature = signPss(signKey, SIGN_LABEL, commitHash, header, ciphertext, tag);
  const data = encode(messageCodec, { header, ciphertext, tag, signature });
  return { bytes: data, hash: sha256(data), nextChain: next };
}

/** That the owner of the key sent exactly this message in exactly this epoch. */
export const verifyMessage = ({ parts }: Message, key: KeyObject, commitHash: Uint8Array): boolean =>
  verifyPss(key, parts.signature, SIGN_LABEL, commitHash, parts.header, parts.ciphertext, parts.tag);

/** The padded payload of a verified message, or undefined if the tag does not hold. */
export function openMessage({ parts, salt }: Message, messageKey: Uint8Array): Uint8Array | undefined {
  const { enc, nonce, mac } = messageKeys(messageKey, salt, parts.header);
  if (!equal(hmacSha256(mac, parts.header, parts.ciphertext), parts.tag)) return undefined;
  return aesCtr(enc, nonce, parts.ciphertext);
}

/** Message keys from `chain` (that of SQN `next`) up to `sqn`: those jumped over, the wanted one, the chain after it. */
export function advanceChain(
  chain: Uint8Array,
  next: number,
  sqn: number,
): {
  skipped: readonly { sqn: number; messageKey: Uint8Array }[];
  messageKey: Uint8Array;
  chain: Uint8Array;
} {
  const skipped: { sqn: number; messageKey: Uint8Array }[] = [];
  let step = chainStep(chain);
  for (let i = next; i < sqn; i++) {
    skipped.push({ sqn: i, messageKey: step.messageKey });
    step = chainStep(step.next);
  }
  return { skipped, messageKey: step.messageKey, chain: step.next };
}
