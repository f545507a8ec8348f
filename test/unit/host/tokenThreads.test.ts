import { build } from 'esbuild';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { decapsulate } from '../../../src/crypto/kem.js';
import { wrapInThreads } from '../../../src/host/tokenThreads.js';
import type { WrapJob } from '../../../src/protocol/invitation.js';
import { makePeople, type Person } from '../../helpers/people.js';

let folder: string;
let people: readonly Person[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'threads-'));
  people = await makePeople(['Ada', 'Bo']);
  await build({
    entryPoints: ['src/host/tokenWorker.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: join(folder, 'tokenWorker.cjs'),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('gives each job its own result, in their order, and again with threads that rested', async () => {
  const told: string[] = [];
  const wrap = wrapInThreads(join(folder, 'tokenWorker.cjs'), async (of, work) => {
    const result = await work((done) => told.push(`${done} of ${of}`));
    told.push('over');
    return result;
  });
  const job = (i: number): WrapJob => {
    const { card } = people[i % 2]!.identity;
    const transportKey = i === 7 ? new Uint8Array(3) : card.transportSpki;
    return { type: 'rekey', transportKey, prekey: card.prekey.publicKey, block: systemRandom(96) };
  };
  for (let round = 1; round <= 2; round++) {
    const wrapped = await wrap(Array.from({ length: 50 }, (_, i) => job(i)));
    expect(wrapped).toHaveLength(50);
    for (const [i, each] of wrapped.entries()) {
      if (i === 7) expect(each).toBeUndefined();
      else expect(decapsulate(people[i % 2]!.prekey.seed, each!.ciphertext)).toEqual(each!.shared);
    }
    expect(told).toHaveLength(5 * round);
    expect(told.slice(-2)).toEqual(['50 of 50', 'over']);
  }
});
