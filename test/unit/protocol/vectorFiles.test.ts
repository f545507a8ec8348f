import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/crypto/bytes.js';
import { derive, judged, peopleFrom, type PersonJson, type Vectors } from '../../vectors/rules.js';

const read = (file: string): Vectors =>
  JSON.parse(readFileSync(`test/vectors/${file}.json`, 'utf8')) as Vectors;
const people = peopleFrom((read('keys') as Vectors & { people: PersonJson[] }).people);

describe.each(['keys', 'cards', 'commits', 'tokens', 'inboxes', 'envelopes'])(
  'test/vectors/%s.json',
  (file) => {
    const vectors = read(file);

    it('holds what is computed here', async () => {
      for (const { rule, name, input, output } of vectors.derived)
        expect(await derive(rule, input, people), `${rule}, ${name}`).toEqual(output);
    });

    it('holds what is accepted and refused here', async () => {
      for (const { judge, name, data, context, result } of vectors.judged)
        expect(await judged(judge, fromHex(data), context, people), `${judge}, ${name}`).toBe(result);
      expect(vectors.judged.length).toBeGreaterThan(0);
    });
  },
);
