import { equal, label } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { seal, unseal } from '../crypto/sealed.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import { MAX_CARD_BYTES, openCard, type Card } from './card.js';
import { bytes, decode, encode, list, struct, uint } from './codec.js';
import { checkJoining, MAX_COMMIT_BYTES, parseCommit, verifyCommit, type Commit } from './commit.js';
import { ProtocolError } from './errors.js';
import type { Token } from './invitation.js';
import { placeOf, rosterHash, rosterCodec, type Roster } from './roster.js';
import { joinerHash, welcomeSecrets } from './schedule.js';
import type { Work } from './work.js';

const LABEL = label('welcome');

export const CHUNK_BYTES = 48 * 1024;
export const MAX_WELCOME_BYTES = 8 * 1024 * 1024;
export const MAX_CHUNKS = Math.ceil(MAX_WELCOME_BYTES / CHUNK_BYTES);

/** What a joiner needs to know of a group: the commit it joins by, the roster after it, and everybody's card. */
interface WelcomeBody {
  readonly commit: Uint8Array;
  readonly roster: Roster;
  /** In roster order. */
  readonly cards: readonly Uint8Array[];
}
const welcomeBody = struct<WelcomeBody>({
  commit: bytes(1, MAX_COMMIT_BYTES),
  roster: rosterCodec,
  cards: list(bytes(1, MAX_CARD_BYTES), MAX_MEMBERS),
});

/** One piece of a sealed welcome, as published on its channel. */
interface Chunk {
  readonly index: number;
  readonly total: number;
  readonly data: Uint8Array;
}
const chunkCodec = struct<Chunk>({
  index: uint(MAX_CHUNKS - 1),
  total: uint(MAX_CHUNKS, 1),
  data: bytes(1, CHUNK_BYTES),
});

/** Seals a welcome under the joiner secret; its SHA-256 goes into the tokens. `salt`: 16 random bytes. */
export function sealWelcome(
  joiner: Uint8Array,
  commit: Commit,
  roster: Roster,
  cards: readonly Card[],
  salt: Uint8Array,
): { hash: Uint8Array; chunks: readonly Uint8Array[] } {
  const body = encode(welcomeBody, { commit: commit.bytes, roster, cards: cards.map((card) => card.bytes) });
  const box = seal(welcomeSecrets(joiner).key, LABEL, salt, body);
  const total = Math.ceil(box.length / CHUNK_BYTES);
  const chunks = Array.from({ length: total }, (_, index) =>
    encode(chunkCodec, { index, total, data: box.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES) }),
  );
  return { hash: sha256(box), chunks };
}

/** Cards opened before something else may be done; each takes half a millisecond or so. */
export const CARDS_AT_ONCE = 16;

/** Bytes hashed for each one received, at most: every false chunk of a whole welcome would have all of it hashed. */
const MAX_HASHED = 8;

/** Puts the chunks of one welcome together, in any order and with repetitions; what doesn't fit is ignored. */
export class WelcomeCollector {
  readonly #chunks = new Map<number, Uint8Array>();
  #received = 0;
  #hashed = 0;

  /** The sealed welcome once its hash is the expected one. */
  add(envelope: Uint8Array, expectedHash: Uint8Array): Uint8Array | undefined {
    const { index, total, data } = decode(chunkCodec, envelope, CHUNK_BYTES + 64);
    if (index >= total) return undefined;
    this.#chunks.set(index, data);
    this.#received += data.length;
    if (this.#hashed > MAX_HASHED * this.#received) return undefined;
    const parts = Array.from({ length: total }, (_, i) => this.#chunks.get(i));
    if (parts.includes(undefined)) return undefined;
    const box = new Uint8Array(Buffer.concat(parts as Uint8Array[]));
    this.#hashed += box.length;
    return equal(sha256(box), expectedHash) ? box : undefined;
  }
}

export interface Welcome {
  readonly commit: Commit;
  readonly roster: Roster;
  /** In roster order. */
  readonly cards: readonly Card[];
  readonly place: number;
}

const bad = (why: string) =>
  new ProtocolError('bad-welcome', `An invitation's description of the group is wrong: ${why}.`);

/** Seals and hashes aside, the same for who joins and for who stays and needs the new members' cards. */
function* openBox(box: Uint8Array, joiner: Uint8Array): Work<Omit<Welcome, 'place'>> {
  const plain = unseal(welcomeSecrets(joiner).key, LABEL, box);
  if (!plain) throw bad('it does not open');
  yield;
  const body = decode(welcomeBody, plain, MAX_WELCOME_BYTES);
  const commit = parseCommit(body.commit);
  const { roster } = body;
  if (!equal(rosterHash(roster), commit.rosterHash)) throw bad('its member list does not match');
  if (body.cards.length !== roster.length) throw bad('contact cards are missing');
  const cards: Card[] = [];
  for (const card of body.cards) {
    cards.push(openCard(card));
    if (cards.length % CARDS_AT_ONCE === 0) yield;
  }
  cards.forEach((card, place) => {
    const entry = roster[place];
    if (!entry || !equal(card.fingerprint, entry.fingerprint) || !equal(card.hash, entry.cardHash))
      throw bad('a contact card is not the one in the member list');
  });
  return { commit, roster, cards };
}

/**
 * Opens the welcome that belongs to a verified and decrypted join or rejoin token, and checks its commit against token,
 * rules, roster, cards and joiner secret. Throws ProtocolError 'bad-welcome', 'bad-commit', 'bad-card' or 'malformed'.
 */
export function* openWelcome(box: Uint8Array, joiner: Uint8Array, token: Token, me: Card): Work<Welcome> {
  if (!equal(sha256(box), token.welcomeHash)) throw bad('it is not the one that was announced');
  const { commit, roster, cards } = yield* openBox(box, joiner);
  if (!equal(commit.hash, token.commitHash)) throw bad('it is of another change');
  if (!equal(commit.group, token.group) || commit.epoch !== token.epoch) throw bad('it is of another group');
  checkJoining(commit, roster);
  const committer = cards[placeOf(roster, commit.committer)];
  if (!committer || !equal(commit.committer, token.from)) throw bad('its sender did not make this change');
  if (!verifyCommit(commit, committer.signKey)) throw bad('its signature does not hold');
  if (!equal(commit.joinerHash, joinerHash(joiner))) throw bad('its secret is not the group’s');
  const place = placeOf(roster, me.fingerprint);
  const mine = roster[place];
  if (!mine || !equal(mine.cardHash, me.hash)) throw bad('I am not in it');
  return { commit, roster, cards, place };
}

/** The cards of a roster after a commit that is known already. Throws ProtocolError 'bad-welcome' or 'malformed'. */
export function* openCards(box: Uint8Array, joiner: Uint8Array, commit: Commit): Work<readonly Card[]> {
  const welcome = yield* openBox(box, joiner);
  if (!equal(welcome.commit.hash, commit.hash)) throw bad('it is of another change');
  return welcome.cards;
}
