import { RSA_MAX_BYTES, signPss, verifyPss, type KeyObject } from '../crypto/rsa.js';
import { bytes, decode, encode, struct } from './codec.js';

/** A body with its signature over label ‖ context ‖ body. The body travels as the bytes that were signed. */
export interface Signed {
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

const OVERHEAD = RSA_MAX_BYTES + 16;

const signedCodec = (maxBody: number) =>
  struct<Signed>({ body: bytes(1, maxBody), signature: bytes(1, RSA_MAX_BYTES) });

const NOTHING: Uint8Array = new Uint8Array(0);

/** Signs label ‖ context ‖ body; the context (of a fixed length for each label) is known to the verifier and does not travel. */
export function signBody(key: KeyObject, label: Uint8Array, body: Uint8Array, context = NOTHING): Uint8Array {
  const signature = signPss(key, label, context, body);
  return encode(signedCodec(body.length), { body, signature });
}

/** Takes the two apart; nothing is verified yet. Throws ProtocolError 'malformed'. */
export const parseSigned = (data: Uint8Array, maxBody: number): Signed =>
  decode(signedCodec(maxBody), data, maxBody + OVERHEAD);

export const verifySigned = (
  key: KeyObject,
  label: Uint8Array,
  { body, signature }: Signed,
  context = NOTHING,
): boolean => verifyPss(key, signature, label, context, body);
