import { describe, expect, it } from 'vitest';
import { makeFrontier, parseFrontier, verifyFrontier } from '../../../src/protocol/frontier.js';
import { makeGroup, place } from '../../helpers/group.js';
import { makePeople } from '../../helpers/people.js';
import { codeOf, flips } from '../../helpers/tamper.js';

const [ada, bob] = await makePeople(['Ada', 'Bob']);
const group = makeGroup(ada, [bob]);

const entries = [{ place: 1, sqn: 4, hash: new Uint8Array(32).fill(7) }];
const bobs = (change = {}) =>
  makeFrontier(bob.identity.signKey, group.commit.hash, {
    group: group.commit.group,
    epoch: 1,
    place: place(group, bob),
    entries,
    next: new Uint8Array(0),
    ...change,
  });

describe('a frontier alone', () => {
  it('says what somebody holds', () => {
    const frontier = parseFrontier(bobs());
    expect(frontier).toMatchObject({ epoch: 1, place: place(group, bob), entries });
    expect(verifyFrontier(frontier, bob.identity.card.signKey, group.commit.hash)).toBe(true);
  });

  it('may say only “I am here”', () => {
    expect(parseFrontier(bobs({ entries: [] })).entries).toEqual([]);
  });

  it('holds for its signer and its commit only', () => {
    const frontier = parseFrontier(bobs());
    expect(verifyFrontier(frontier, ada.identity.card.signKey, group.commit.hash)).toBe(false);
    expect(verifyFrontier(frontier, bob.identity.card.signKey, new Uint8Array(32))).toBe(false);
  });

  it('does not survive a flipped bit', () => {
    const data = bobs();
    for (const flipped of flips(data, 0, data.length, 7)) {
      let holds = false;
      const code = codeOf(() => {
        holds = verifyFrontier(parseFrontier(flipped), bob.identity.card.signKey, group.commit.hash);
      });
      expect(['nothing', 'malformed']).toContain(code);
      expect(holds).toBe(false);
    }
  });

  it('is refused with numbers out of range', () => {
    for (const entry of [{ place: 1000 }, { sqn: 0 }, { sqn: 1000 }]) {
      const make = () => parseFrontier(bobs({ entries: [{ ...entries[0], ...entry }] }));
      expect(codeOf(make)).toBe('malformed');
    }
    expect(codeOf(() => parseFrontier(bobs({ epoch: 0 })))).toBe('malformed');
  });
});
