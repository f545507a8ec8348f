import { diffieHellman } from 'node:crypto';
import { x25519 as noble } from '@noble/curves/ed25519.js';
import { equal } from './bytes.js';
import { privateKeyOf, publicBytes, publicKeyOf } from './rfc8410.js';

/** X25519 (RFC 7748) with one secret; keys, points and results have 32 bytes. */
export interface X25519 {
  readonly publicKey: Uint8Array;
  /** Throws on a point of small order. */
  readonly agree: (point: Uint8Array) => Uint8Array;
}

function ofNode(secret: Uint8Array): X25519 {
  const privateKey = privateKeyOf('x25519', secret);
  return {
    publicKey: publicBytes('x25519', privateKey),
    agree: (point) => new Uint8Array(diffieHellman({ privateKey, publicKey: publicKeyOf('x25519', point) })),
  };
}

const ofNoble = (secret: Uint8Array): X25519 => ({
  publicKey: noble.getPublicKey(secret),
  agree: (point) => noble.getSharedSecret(secret, point),
});

let best: typeof ofNode | undefined;

/** node:crypto takes a fraction of noble's time; what an editor's BoringSSL lacks or does otherwise, noble does. */
export function x25519(secret: Uint8Array): X25519 {
  best ??= agreesWithNoble() ? ofNode : ofNoble;
  return best(secret);
}

function agreesWithNoble(): boolean {
  const secret = new Uint8Array(32).fill(1);
  const [mine, theirs] = [ofNoble(secret), ofNoble(new Uint8Array(32).fill(2))];
  try {
    const { publicKey, agree } = ofNode(secret);
    return equal(publicKey, mine.publicKey) && equal(agree(theirs.publicKey), mine.agree(theirs.publicKey));
  } catch {
    return false;
  }
}
