import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeResend,
  MAX_ASKED,
  parseResend,
  verifyResend,
  type Resend,
} from '../../../src/protocol/resend.js';
import { makeGroup, place, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips } from '../../helpers/tamper.js';

let ada: Person;
let bob: Person;
let group: Group;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
  group = makeGroup(ada, [bob]);
});

const fields = (change: Partial<Resend> = {}): Resend => ({
  group: group.commit.group,
  epoch: 1,
  place: place(group, bob),
  of: place(group, ada),
  sqns: [1, 3, 999],
  ...change,
});
const resend = (change: Partial<Resend> = {}) =>
  makeResend(bob.identity.signKey, group.commit.hash, fields(change));
const holds = (data: Uint8Array, key = bob.identity.card.signKey, hash = group.commit.hash) =>
  verifyResend(parseResend(data), key, hash);

describe('a request to send again', () => {
  it('says whose messages are missing, and which', () => {
    expect(parseResend(resend())).toMatchObject(fields());
    expect(holds(resend())).toBe(true);
    const many = Array.from({ length: MAX_ASKED }, (_, i) => 999 - i);
    expect(parseResend(resend({ sqns: many })).sqns).toEqual(many);
  });

  it('holds for its signer and its commit only', () => {
    expect(holds(resend(), ada.identity.card.signKey)).toBe(false);
    expect(holds(resend(), undefined, new Uint8Array(32))).toBe(false);
  });

  it('is refused out of form', () => {
    for (const change of [{ place: 1000 }, { of: 1000 }, { sqns: [0] }, { sqns: [1000] }, { epoch: 0 }])
      expect(codeOf(() => parseResend(resend(change)))).toBe('malformed');
    const many = Array.from({ length: MAX_ASKED + 1 }, () => 1);
    expect(codeOf(() => parseResend(resend({ sqns: many })))).toBe('malformed');
    expect(codeOf(() => parseResend(resend().subarray(1)))).toBe('malformed');
  });

  it('does not survive a flipped bit', () => {
    for (const flipped of flips(resend(), 0, undefined, 11)) {
      let held = false;
      const code = codeOf(() => {
        held = holds(flipped);
      });
      expect(['nothing', 'malformed']).toContain(code);
      expect(held).toBe(false);
    }
  });
});
