import { aesCtr } from '../crypto/aesCtr.js';
import { equal, label } from '../crypto/bytes.js';
import { hmacSha256 } from '../crypto/hash.js';
import {
  COST_BOUNDS,
  DEFAULT_COST,
  passwordKey,
  SCRYPT_SALT_BYTES,
  type ScryptCost,
} from '../crypto/password.js';
import { parsePrivateKey, publicOf } from '../crypto/rsa.js';
import type { Random } from '../crypto/random.js';
import { MAX_CARD_BYTES, openCard, type Card } from './card.js';
import { bytes, decode, encode, struct, uint, type Codec } from './codec.js';
import { UserError } from './errors.js';
import type { Identity, IdentitySecrets } from './identity.js';

const LABEL = label('key file');
const VERSION = 1;
const MAX_SECRETS = 16 * 1024;
export const MAX_KEY_FILE_BYTES = 64 * 1024;

interface KeyFile {
  readonly version: number;
  readonly body: Uint8Array;
  readonly tag: Uint8Array;
}
const keyFile: Codec<KeyFile> = struct({
  version: uint(),
  body: bytes(1, MAX_KEY_FILE_BYTES),
  tag: bytes(32),
});

interface Body extends ScryptCost {
  readonly salt: Uint8Array;
  readonly card: Uint8Array;
  readonly ciphertext: Uint8Array;
}
const body: Codec<Body> = struct<Body>({
  logN: uint(),
  r: uint(),
  p: uint(),
  salt: bytes(SCRYPT_SALT_BYTES),
  card: bytes(1, MAX_CARD_BYTES),
  ciphertext: bytes(1, MAX_SECRETS),
});

const secretsCodec: Codec<IdentitySecrets> = struct<IdentitySecrets>({
  signKey: bytes(1, MAX_SECRETS),
  transportKey: bytes(1, MAX_SECRETS),
  storageKey: bytes(32),
});

async function passwordKeys(password: string, salt: Uint8Array, cost: ScryptCost) {
  const key = await passwordKey(password, salt, cost, 72);
  return { enc: key.subarray(0, 32), nonce: key.subarray(32, 40), mac: key.subarray(40) };
}

/** Seals a participant under a password: scrypt, AES-256-CTR, HMAC-SHA-256 over everything with the parameters. */
export async function sealKeyFile(
  card: Uint8Array,
  secrets: IdentitySecrets,
  password: string,
  random: Random,
  cost: ScryptCost = DEFAULT_COST,
): Promise<Uint8Array> {
  const salt = random(SCRYPT_SALT_BYTES);
  const { enc, nonce, mac } = await passwordKeys(password, salt, cost);
  const ciphertext = aesCtr(enc, nonce, encode(secretsCodec, secrets));
  const sealed = encode(body, { ...cost, salt, card, ciphertext });
  return encode(keyFile, { version: VERSION, body: sealed, tag: hmacSha256(mac, LABEL, sealed) });
}

const damaged = () =>
  new UserError(
    'damaged-key-file',
    'The key file is damaged. Restore it from a backup; nothing was changed.',
  );

function parse(file: Uint8Array): { outer: KeyFile; inner: Body } {
  try {
    const outer = decode(keyFile, file, MAX_KEY_FILE_BYTES);
    if (outer.version > VERSION)
      throw new UserError(
        'newer-key-file',
        'The key file was made by a newer version of Secure Chat. Update the extension to open it.',
      );
    // The MAC starts at the body: the version is held by being the only one there is.
    if (outer.version !== VERSION) throw damaged();
    const inner = decode(body, outer.body, MAX_KEY_FILE_BYTES);
    const within = (['logN', 'r', 'p'] as const).every(
      (name) => inner[name] >= COST_BOUNDS[name][0] && inner[name] <= COST_BOUNDS[name][1],
    );
    if (!within)
      throw new UserError(
        'bad-key-file-cost',
        'The key file asks for password settings outside the allowed range, so it is damaged or was tampered with. Restore it from a backup; nothing was changed.',
      );
    return { outer, inner };
  } catch (error) {
    throw error instanceof UserError ? error : damaged();
  }
}

/** Whose key file this is, without the password: good for a list of names, for nothing else. Throws UserError. */
export function keyFileCard(file: Uint8Array): Card {
  try {
    return openCard(parse(file).inner.card);
  } catch (error) {
    throw error instanceof UserError ? error : damaged();
  }
}

async function openSecrets(file: Uint8Array, password: string) {
  const { outer, inner } = parse(file);
  const { enc, nonce, mac } = await passwordKeys(password, inner.salt, inner);
  if (!equal(hmacSha256(mac, LABEL, outer.body), outer.tag))
    throw new UserError('wrong-password', 'Wrong password (or the key file is damaged). Try again.');
  try {
    const secrets = decode(secretsCodec, aesCtr(enc, nonce, inner.ciphertext), MAX_SECRETS);
    const card = openCard(inner.card);
    const signKey = parsePrivateKey(secrets.signKey);
    const transportKey = parsePrivateKey(secrets.transportKey);
    if (!equal(publicOf(signKey), card.signSpki) || !equal(publicOf(transportKey), card.transportSpki))
      throw damaged();
    return { secrets, identity: { card, signKey, transportKey, storageKey: secrets.storageKey } };
  } catch {
    throw damaged();
  }
}

/**
 * Unlocks a key file. Throws UserError: 'wrong-password' for a wrong password and for damage alike,
 * 'damaged-key-file', 'newer-key-file', 'bad-key-file-cost'.
 */
export async function openKeyFile(file: Uint8Array, password: string): Promise<Identity> {
  return (await openSecrets(file, password)).identity;
}

/** The same participant under another password, with a new salt and the cost of new files. Throws as openKeyFile does. */
export async function rewrapKeyFile(
  file: Uint8Array,
  password: string,
  newPassword: string,
  random: Random,
  cost: ScryptCost = DEFAULT_COST,
): Promise<Uint8Array> {
  const { secrets, identity } = await openSecrets(file, password);
  return sealKeyFile(identity.card.bytes, secrets, newPassword, random, cost);
}
