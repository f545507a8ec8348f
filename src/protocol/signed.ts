import { RSA_MAX_BYTES, signPss, verifyPss, type KeyObject } from '../crypto/rsa.js';
import { label } from '../crypto/bytes.js';
import { bytes, decode, encode, struct, type Codec } from './codec.js';

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

/** What is signed together with its epoch's commit, so that it holds in no other: how it is made, read and verified. */
export function ofEpoch<T extends object>(purpose: string, codec: Codec<T>, maxBody: number) {
  const LABEL = label(purpose);
  return {
    make: (key: KeyObject, commitHash: Uint8Array, object: T): Uint8Array =>
      signBody(key, LABEL, encode(codec, object), commitHash),
    /** Throws ProtocolError 'malformed'. */
    parse: (data: Uint8Array): T & { readonly signed: Signed } => {
      const signed = parseSigned(data, maxBody);
      return { ...decode(codec, signed.body, maxBody), signed };
    },
    verify: ({ signed }: { readonly signed: Signed }, key: KeyObject, commitHash: Uint8Array): boolean =>
      verifySigned(key, LABEL, signed, commitHash),
  };
}
