import { concat, toHex } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import type { Change } from '../store/schema.js';
import type { Chat } from './chat.js';

/** Contradictions that are kept and told: of one member, and of one group. */
const MAX_OF_MEMBER = 25;
const MAX_OF_GROUP = 100;
/** Bytes of a member's fingerprint that the hash of its evidence begins with. */
const OF_BYTES = 8;

/** Under what evidence about a member is kept, 32 bytes: `what` tells one contradiction from another. */
export const evidenceOf = (member: Uint8Array, what: Uint8Array): Uint8Array =>
  concat(member.subarray(0, OF_BYTES), sha256(what).subarray(OF_BYTES));

/** Signed objects of a group that contradict each other. */
export class Evidence {
  /** What is kept, or on its way to the disk. */
  readonly #known: Set<string>;

  constructor(private readonly chat: Chat) {
    const rows = chat.session.store.all('evidence', { chat: chat.row.id });
    this.#known = new Set(rows.map(({ hash }) => toHex(hash)));
  }

  has(hash: Uint8Array): boolean {
    return this.#known.has(toHex(hash));
  }

  /**
   * The record of what proves a contradiction, once under this hash, for the one that tells of it; undefined if it is
   * known, or there is enough of its kind.
   */
  keep(hash: Uint8Array, one: Uint8Array, other: Uint8Array): Change | undefined {
    const member = toHex(hash.subarray(0, OF_BYTES));
    const ofMember = [...this.#known].filter((each) => each.startsWith(member)).length;
    if (this.has(hash) || ofMember >= MAX_OF_MEMBER || this.#known.size >= MAX_OF_GROUP) return undefined;
    this.#known.add(toHex(hash));
    const { session, row } = this.chat;
    const at = session.effects.clock.now();
    return { put: 'evidence', row: { chat: row.id, hash, at, one, other } };
  }
}
