import { label } from '../crypto/bytes.js';
import { sha512 } from '../crypto/hash.js';

const LABEL = label('safety number');
const GROUPS = 12;
/** Bytes that make a group of five digits: 2^40 is so far above 10^5 that all groups are equally likely. */
const GROUP_BYTES = 5;

/**
 * What two people compare to know that each has the other's key: 12 groups of 5 decimal digits, the same whichever of
 * the two fingerprints (32 bytes each) comes first. After Signal's numeric fingerprints.
 */
export function safetyNumber(a: Uint8Array, b: Uint8Array): readonly string[] {
  const hash = Buffer.from(sha512(LABEL, ...[a, b].sort((x, y) => Buffer.compare(x, y))));
  return Array.from({ length: GROUPS }, (_, i) =>
    String(hash.readUIntBE(i * GROUP_BYTES, GROUP_BYTES) % 100_000).padStart(5, '0'),
  );
}
