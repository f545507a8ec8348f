import { describe, expect, it } from 'vitest';
import { equal } from '../../../src/crypto/bytes.js';
import {
  LOST_REASONS,
  makeRejoinRequest,
  MAX_REQUEST_BYTES,
  openRejoinRequest,
  peekRejoinRequest,
  type RejoinRequest,
} from '../../../src/protocol/rejoin.js';
import { makeGroup, NOW } from '../../helpers/group.js';
import { makePeople } from '../../helpers/people.js';
import { codeOf, fieldsWith, flips, signedWith } from '../../helpers/tamper.js';

const [ada, bob] = await makePeople(['Ada', 'Bob']);
const group = makeGroup(ada, [bob]);

const fields = (change: Partial<RejoinRequest> = {}): RejoinRequest => ({
  group: group.commit.group,
  from: bob.identity.card.fingerprint,
  epoch: 1,
  commitHash: group.commit.hash,
  prekey: bob.prekey.signed,
  reason: 'no-token',
  time: NOW,
  ...change,
});
const request = (change: Partial<RejoinRequest> = {}, signer = bob) =>
  makeRejoinRequest(signer.identity.signKey, fields(change));
/** What a member does with one: keys by the roster. */
const open = (data: Uint8Array) =>
  openRejoinRequest(data, ({ from }) => group.cards.find((card) => equal(card.fingerprint, from))?.signKey);

describe('a request to rejoin', () => {
  it.each(LOST_REASONS)('says who is lost where, and why: %s', (reason) => {
    const data = request({ reason });
    expect(data.length).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
    expect(open(data)).toEqual(fields({ reason }));
    expect(peekRejoinRequest(data)).toEqual(fields({ reason }));
  });

  it('is refused if its sender did not sign it, or is no member', () => {
    expect(codeOf(() => open(request({}, ada)))).toBe('bad-signature');
    expect(codeOf(() => open(request({ from: ada.identity.card.fingerprint })))).toBe('bad-signature');
    expect(codeOf(() => open(request({ from: new Uint8Array(32) })))).toBe('bad-signature');
  });

  it('is refused out of form', () => {
    const data = request();
    const bad = (change: Record<number, unknown>) =>
      codeOf(() => open(signedWith(data, ({ body }) => ({ body: fieldsWith(body, change) }))));
    expect(bad({})).toBe('nothing');
    for (const [field, value] of [
      [0, 2],
      [1, new Uint8Array(17)],
      [2, new Uint8Array(31)],
      [3, 0],
      [4, new Uint8Array(31)],
      [5, new Uint8Array(0)],
      [6, LOST_REASONS.length],
      [7, -1],
    ] as const)
      expect(bad({ [field]: value }), `field ${field}`).toBe('malformed');
    expect(codeOf(() => open(data.subarray(1)))).toBe('malformed');
    expect(codeOf(() => open(new Uint8Array(MAX_REQUEST_BYTES + 1)))).toBe('malformed');
  });

  it('does not survive a flipped bit', () => {
    const data = request();
    for (const flipped of flips(data, 0, data.length, 61))
      expect(['malformed', 'bad-signature']).toContain(codeOf(() => open(flipped)));
  });
});
