import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { x25519 as noble } from '@noble/curves/ed25519.js';
import { concat, equal, fromHex } from './bytes.js';

/** X25519 (RFC 7748) with one secret; keys, points and results have 32 bytes. */
export interface X25519 {
  readonly publicKey: Uint8Array;
  /** Throws on a point of small order. */
  readonly agree: (point: Uint8Array) => Uint8Array;
}

/** RFC 8410: what stands before the 32 bytes of a key. */
const PKCS8_HEAD = fromHex('302e020100300506032b656e04220420');
const SPKI_HEAD = fromHex('302a300506032b656e032100');

const der = (head: Uint8Array, key: Uint8Array) =>
  ({ key: Buffer.from(concat(head, key)), format: 'der' }) as const;

function ofNode(secret: Uint8Array): X25519 {
  const privateKey = createPrivateKey({ ...der(PKCS8_HEAD, secret), type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_HEAD.length)),
    agree: (point) => {
      const publicKey = createPublicKey({ ...der(SPKI_HEAD, point), type: 'spki' });
      return new Uint8Array(diffieHellman({ privateKey, publicKey }));
    },
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
