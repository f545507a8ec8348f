import { sha256 } from './hash.js';

/** Merkle trees with SHA-256 (RFC 9162, 2.1): an inner node is H(1 ‖ left ‖ right); a leaf comes hashed, H(0 ‖ data). */
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (...data: readonly Uint8Array[]): Uint8Array => sha256(LEAF, ...data);

/** The levels of the tree over 1 or more leaf hashes, the root last; an odd node at an end goes up as it is. */
function levels(leaves: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const all = [leaves];
  for (let level = leaves; level.length > 1; all.push(level)) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) => {
      const right = below[2 * i + 1];
      return right ? sha256(NODE, below[2 * i]!, right) : below[2 * i]!;
    });
  }
  return all;
}

/** The root over 1 or more leaf hashes, and each leaf's inclusion path (RFC 9162, 2.1.3.1). */
export function merkleTree(leaves: readonly Uint8Array[]): {
  root: Uint8Array;
  paths: readonly (readonly Uint8Array[])[];
} {
  const all = levels(leaves);
  const paths = leaves.map((_, leaf) =>
    all.flatMap((level, height) => {
      const sibling = level.length > 1 ? level[(leaf >> height) ^ 1] : undefined;
      return sibling ? [sibling] : [];
    }),
  );
  return { root: all.at(-1)![0]!, paths };
}

/** The root that a leaf's path leads to, or undefined if it fits no tree of this size (RFC 9162, 2.1.3.2). */
export function merkleRoot(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (index >= size) return undefined;
  let hash = leaf;
  let used = 0;
  for (let at = index, last = size - 1; last > 0; at >>= 1, last >>= 1) {
    if (at === last && at % 2 === 0) continue;
    const sibling = path[used++];
    if (!sibling) return undefined;
    hash = at % 2 === 0 ? sha256(NODE, hash, sibling) : sha256(NODE, sibling, hash);
  }
  return used === path.length ? hash : undefined;
}
