import { prekeyRow } from '../client/prekeys.js';
import { toHex } from '../crypto/bytes.js';
import { DEFAULT_COST, type ScryptCost } from '../crypto/password.js';
import { systemRandom } from '../crypto/random.js';
import { selfTest } from '../crypto/selfTest.js';
import { newIdentity } from '../protocol/identity.js';
import { sealKeyFile } from '../protocol/keyFile.js';
import { writeParticipants } from '../store/keyFiles.js';
import type { Change } from '../store/schema.js';

/** Participants made at the same time: keys in parallel with scrypt, but not so many that memory runs out. */
const AT_ONCE = 4;

export interface NewPerson {
  readonly name: string;
  readonly password: string;
  /** An imported private sign key, DER PKCS #8; else a new one is made. */
  readonly signKey?: Uint8Array;
}

/**
 * Makes keys and writes all files, or none: false if cancelled. Participants made together know each other's cards
 * as verified. Throws UserError.
 */
export async function makeParticipants(
  root: string,
  people: readonly NewPerson[],
  signal: AbortSignal,
  made: (count: number, name: string) => void,
  cost: ScryptCost = DEFAULT_COST,
): Promise<boolean> {
  await selfTest();
  const queue = [...people.entries()];
  const results: Awaited<ReturnType<typeof makeOne>>[] = [];
  let count = 0;
  const work = async () => {
    for (let next = queue.shift(); next && !signal.aborted; next = queue.shift()) {
      const [i, person] = next;
      results[i] = await makeOne(person, cost);
      made(++count, person.name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (signal.aborted) return false;
  const now = Date.now();
  const entries = results.map(({ card, secrets, prekey, keyFile }) => ({
    folderName: toHex(card.fingerprint.subarray(0, 16)),
    keyFile,
    storageKey: secrets.storageKey,
    changes: [
      {
        put: 'prekey',
        row: prekeyRow(prekey),
      },
      ...results
        .filter((other) => other.card !== card)
        .map((other): Change => ({
          put: 'contact',
          row: { fingerprint: other.card.fingerprint, card: other.card.bytes, trust: 'verified', added: now },
        })),
    ] satisfies Change[],
  }));
  return writeParticipants(root, entries, systemRandom, signal);
}

async function makeOne({ name, password, signKey }: NewPerson, cost: ScryptCost) {
  const { card, secrets, prekey } = await newIdentity(name, systemRandom, Date.now(), signKey);
  return {
    card,
    secrets,
    prekey,
    keyFile: await sealKeyFile(card.bytes, secrets, password, systemRandom, cost),
  };
}
