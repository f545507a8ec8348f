import { ed25519Verify } from '../crypto/ed25519.js';
import { sha256 } from '../crypto/hash.js';
import { parsePublicKey, RsaKeyError, verifyPss } from '../crypto/rsa.js';
import { channelProofBytes, loginParts, type Channel } from '../protocol/wire.js';

/** What a login and its channel proofs sign: good for one connection of one relay under the origin that was dialled. */
export interface Challenge {
  readonly origin: string;
  readonly relayId: Uint8Array;
  readonly nonce: Uint8Array;
}

/** The fingerprint (SHA-256 of the SPKI) of who answered the challenge; undefined if the key or signature is wrong. */
export function verifyLogin(
  { origin, relayId, nonce }: Challenge,
  signKey: Uint8Array,
  signature: Uint8Array,
): Uint8Array | undefined {
  try {
    const key = parsePublicKey(signKey);
    const valid = verifyPss(key, signature, ...loginParts(origin, relayId, nonce, signKey));
    return valid ? sha256(signKey) : undefined;
  } catch (error) {
    if (error instanceof RsaKeyError) return undefined;
    throw error;
  }
}

/** Whether the proof was made by the channel's key for this login. */
export const verifyProof = (
  { origin, relayId, nonce }: Challenge,
  signKey: Uint8Array,
  channel: Channel,
  proof: Uint8Array,
): boolean => ed25519Verify(channel.key, proof, channelProofBytes(origin, relayId, nonce, signKey));
