import { concat, label, uintBytes } from '../crypto/bytes.js';
import { hkdfExpand, hkdfExtract, hmacSha256, sha256 } from '../crypto/hash.js';
import type { Work } from './work.js';

/** Every secret here is 32 bytes. */
export const SECRET_BYTES = 32;
const ZEROS = new Uint8Array(SECRET_BYTES);

const L = {
  joinerHash: label('joiner hash'),
  epoch: label('epoch'),
  init: label('init'),
  channel: label('channel'),
  seal: label('channel seal'),
  chain: label('chain'),
  welcome: label('welcome'),
  welcomeChannel: label('welcome channel'),
};

/** joiner(n) = HKDF-Extract(salt = init(n−1), or zeros for a first or reset commit; commit_secret). */
export const joinerSecret = (init: Uint8Array | undefined, commitSecret: Uint8Array): Uint8Array =>
  hkdfExtract(init ?? ZEROS, commitSecret);

/** What a commit says of its joiner secret. */
export const joinerHash = (joiner: Uint8Array): Uint8Array => sha256(L.joinerHash, joiner);

export interface EpochSecrets {
  /** Salt of the next epoch's joiner secret. */
  readonly init: Uint8Array;
  /** Ed25519 seed of the group channel. */
  readonly channelSeed: Uint8Array;
  /** Key of the outer seal. */
  readonly sealKey: Uint8Array;
  /** First chain key of each place. */
  readonly chains: readonly Uint8Array[];
}

/** Chains made before something else may be done; each takes 10 µs or so. */
const CHAINS_AT_ONCE = 256;

/** All secrets of an epoch with `members` places; the epoch secret itself is not kept. */
export function* epochSecrets(
  joiner: Uint8Array,
  commitHash: Uint8Array,
  members: number,
): Work<EpochSecrets> {
  const epoch = hkdfExpand(joiner, concat(L.epoch, commitHash));
  const chains: Uint8Array[] = [];
  for (let place = 0; place < members; place++) {
    if (place % CHAINS_AT_ONCE === 0) yield;
    chains.push(hkdfExpand(epoch, concat(L.chain, uintBytes(place, 2))));
  }
  return {
    init: hkdfExpand(epoch, L.init),
    channelSeed: hkdfExpand(epoch, L.channel),
    sealKey: hkdfExpand(epoch, L.seal),
    chains,
  };
}

/** Key and channel seed of the welcome that belongs to a joiner secret. */
export const welcomeSecrets = (joiner: Uint8Array) => ({
  key: hkdfExpand(joiner, L.welcome),
  channelSeed: hkdfExpand(joiner, L.welcomeChannel),
});

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

/** One step of a sender's chain: mk(i) = HMAC(chain(i), 1), chain(i+1) = HMAC(chain(i), 2). */
export const chainStep = (chain: Uint8Array): { messageKey: Uint8Array; next: Uint8Array } => ({
  messageKey: hmacSha256(chain, ONE),
  next: hmacSha256(chain, TWO),
});
