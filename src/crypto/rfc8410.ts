import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { concat, fromHex } from './bytes.js';

/** What stands in DER before the 32 bytes of a private key and of a public one (RFC 8410). */
const HEADS = {
  x25519: [fromHex('302e020100300506032b656e04220420'), fromHex('302a300506032b656e032100')],
  ed25519: [fromHex('302e020100300506032b657004220420'), fromHex('302a300506032b6570032100')],
} as const;
type Curve = keyof typeof HEADS;

const der = (head: Uint8Array, key: Uint8Array) =>
  ({ key: Buffer.from(concat(head, key)), format: 'der' }) as const;

/**
 * node:crypto takes a fraction of noble's time; what an editor's BoringSSL lacks or does otherwise, noble does. Which it
 * is is found out once, when it is first needed.
 */
export function nodeOrNoble<T>(
  ofNode: (secret: Uint8Array) => T,
  ofNoble: (secret: Uint8Array) => T,
  agree: (mine: T, theirs: T) => boolean,
): (secret: Uint8Array) => T {
  const trial = new Uint8Array(32).fill(1);
  const agrees = () => {
    const theirs = ofNoble(trial);
    try {
      return agree(ofNode(trial), theirs);
    } catch {
      return false;
    }
  };
  let best: typeof ofNode | undefined;
  return (secret) => (best ??= agrees() ? ofNode : ofNoble)(secret);
}

/** Keys of node:crypto out of 32 bytes and back. Throws where it lacks the curve. */
export const privateKeyOf = (curve: Curve, secret: Uint8Array): KeyObject =>
  createPrivateKey({ ...der(HEADS[curve][0], secret), type: 'pkcs8' });
export const publicKeyOf = (curve: Curve, point: Uint8Array): KeyObject =>
  createPublicKey({ ...der(HEADS[curve][1], point), type: 'spki' });
export function publicBytes(curve: Curve, privateKey: KeyObject): Uint8Array {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return new Uint8Array(spki.subarray(HEADS[curve][1].length));
}
