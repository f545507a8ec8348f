import { label } from '../crypto/bytes.js';
import { hkdfSha256 } from '../crypto/hash.js';
import { KEM_SEED_BYTES, kemPublic } from '../crypto/kem.js';
import { generateRsa, parsePrivateKey, publicOf, type KeyObject } from '../crypto/rsa.js';
import type { Random } from '../crypto/random.js';
import { makeCard, makePrekey, openCard, PREKEY_ID_BYTES, type Card, type Prekey } from './card.js';

/** An unlocked participant. */
export interface Identity {
  readonly card: Card;
  readonly signKey: KeyObject;
  readonly transportKey: KeyObject;
  /** 32 bytes under which this participant's data is sealed. */
  readonly storageKey: Uint8Array;
}

/** What a key file keeps secret: DER PKCS #8 twice, and the storage key. */
export interface IdentitySecrets {
  readonly signKey: Uint8Array;
  readonly transportKey: Uint8Array;
  readonly storageKey: Uint8Array;
}

/** A prekey of one's own with its secret half, a 32-byte X-Wing seed. */
export interface OwnPrekey {
  readonly seed: Uint8Array;
  readonly signed: Uint8Array;
  readonly prekey: Prekey;
}

export function newPrekey(signKey: KeyObject, random: Random, now: number): OwnPrekey {
  const seed = random(KEM_SEED_BYTES);
  const prekey = { id: random(PREKEY_ID_BYTES), time: now, publicKey: kemPublic(seed) };
  return { seed, prekey, signed: makePrekey(signKey, prekey) };
}

/**
 * Two RSA pairs, a first prekey and the card over them. `name` is normalised and checked by the caller, and so is
 * `imported`, a private sign key (DER PKCS #8) to be used instead of a new one.
 */
export async function newIdentity(
  name: string,
  random: Random,
  now: number,
  imported?: Uint8Array,
): Promise<{ card: Card; secrets: IdentitySecrets; prekey: OwnPrekey }> {
  const [sign, transport] = await Promise.all([
    imported ? { privateKey: imported } : generateRsa(),
    generateRsa(),
  ]);
  const signKey = parsePrivateKey(sign.privateKey);
  const prekey = newPrekey(signKey, random, now);
  const card = makeCard(signKey, {
    name,
    signKey: publicOf(signKey),
    transportKey: transport.publicKey,
    prekey: prekey.signed,
    created: now,
  });
  return {
    card: openCard(card),
    secrets: { signKey: sign.privateKey, transportKey: transport.privateKey, storageKey: random(32) },
    prekey,
  };
}

const INBOX_LABEL = label('inbox');

/**
 * The key that blinds a participant's inbox items to the relay. Whoever holds the card knows it; the relay, which sees
 * sign keys only, does not.
 */
export const inboxKey = ({ transportSpki }: Card): Uint8Array =>
  hkdfSha256(transportSpki, undefined, INBOX_LABEL, 32);
