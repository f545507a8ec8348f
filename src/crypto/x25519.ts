import { diffieHellman } from 'node:crypto';
import { x25519 as noble } from '@noble/curves/ed25519.js';
import { equal } from './bytes.js';
import { nodeOrNoble, privateKeyOf, publicBytes, publicKeyOf } from './rfc8410.js';

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

export const x25519 = nodeOrNoble(ofNode, ofNoble, (mine, theirs) => {
  const { publicKey } = ofNoble(new Uint8Array(32).fill(2));
  return equal(mine.publicKey, theirs.publicKey) && equal(mine.agree(publicKey), theirs.agree(publicKey));
});
