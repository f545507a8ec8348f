import { describe, expect, it } from 'vitest';
import {
  makeResend,
  MAX_ASKED,
  parseResend,
  verifyResend,
  type Resend,
} from '../../../src/protocol/resend.js';
import { makeGroup, place } from '../../helpers/group.js';
import { makePeople } from '../../helpers/people.js';
import { codeOf, fieldsWith, flips, signedWith } from '../../helpers/tamper.js';

const [ada, bob] = await makePeople(['Ada', 'Bob']);
const group = makeGroup(ada, [bob]);

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
    const bad = (change: Record<number, unknown>) =>
      codeOf(() => parseResend(signedWith(resend(), ({ body }) => ({ body: fieldsWith(body, change) }))));
    expect(bad({})).toBe('nothing');
    const many = Array.from({ length: MAX_ASKED + 1 }, () => 1);
    for (const [field, value] of [
      [0, 2],
      [1, new Uint8Array(15)],
      [2, 0],
      [2, 2 ** 32],
      [3, 1000],
      [4, 1000],
      [5, [0]],
      [5, [1000]],
      [5, many],
    ] as const)
      expect(bad({ [field]: value }), `field ${field}`).toBe('malformed');
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
