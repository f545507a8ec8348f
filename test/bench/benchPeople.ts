import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemRandom } from '../../src/crypto/random.js';
import { generateRsa, parsePrivateKey } from '../../src/crypto/rsa.js';
import { makeCard, openCard } from '../../src/protocol/card.js';
import { newPrekey, type Identity } from '../../src/protocol/identity.js';

/** RSA keys take long to make: those of the benchmarks are made once. */
export const HOST = join(process.cwd(), '.vscode-host');

export interface BenchPerson {
  readonly identity: Identity;
  readonly prekey: ReturnType<typeof newPrekey>;
}

interface Keys {
  readonly privateKey: string;
  readonly publicKey: string;
}

async function keys(count: number): Promise<{ privateKey: Uint8Array; publicKey: Uint8Array }[]> {
  const file = join(HOST, 'bench-keys.json');
  const kept = JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as Keys[];
  while (kept.length < count) {
    const made = await Promise.all(Array.from({ length: 8 }, () => generateRsa()));
    for (const { privateKey, publicKey } of made)
      kept.push({
        privateKey: Buffer.from(privateKey).toString('base64'),
        publicKey: Buffer.from(publicKey).toString('base64'),
      });
  }
  await mkdir(HOST, { recursive: true });
  await writeFile(file, JSON.stringify(kept));
  return kept.slice(0, count).map((pair) => ({
    privateKey: new Uint8Array(Buffer.from(pair.privateKey, 'base64')),
    publicKey: new Uint8Array(Buffer.from(pair.publicKey, 'base64')),
  }));
}

/** Many participants; all have one transport key, which nobody notices. */
export async function benchPeople(count: number): Promise<BenchPerson[]> {
  const [transport, ...sign] = await keys(count + 1);
  return sign.map(({ privateKey, publicKey }, i) => {
    const signKey = parsePrivateKey(privateKey);
    const prekey = newPrekey(signKey, systemRandom, 1);
    const card = makeCard(signKey, {
      name: `Member ${i}`,
      signKey: publicKey,
      transportKey: transport!.publicKey,
      prekey: prekey.signed,
      created: 1,
    });
    const transportKey = parsePrivateKey(transport!.privateKey);
    return {
      identity: { card: openCard(card), signKey, transportKey, storageKey: systemRandom(32) },
      prekey,
    };
  });
}
