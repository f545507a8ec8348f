import { beforeAll, describe, expect, it } from 'vitest';
import { label } from '../../../src/crypto/bytes.js';
import { MAX_LEAVE_BYTES, openLeave } from '../../../src/protocol/leave.js';
import { signBody } from '../../../src/protocol/signed.js';
import { baseOf, leaveOf, makeGroup } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, fieldsWith, flips, signedParts, signedWith } from '../../helpers/tamper.js';

let ada: Person;
let bob: Person;
let base: ReturnType<typeof baseOf>;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
  base = baseOf(makeGroup(ada, [bob]));
});

const of = ({ identity }: Person) => identity.card.fingerprint;
const open = (data: Uint8Array, member = bob) => openLeave(data, of(member), member.identity.card.signKey);

describe('a leave statement', () => {
  it('says who leaves, after which epoch, and who is admin then', () => {
    const leave = open(leaveOf(base, bob, { successor: of(ada) }));
    expect(leave).toEqual({
      group: base.commit.group,
      epoch: 1,
      parent: base.commit.hash,
      member: of(bob),
      successor: of(ada),
    });
    expect(open(leaveOf(base, bob)).successor).toHaveLength(0);
  });

  it('is refused if another signed it, or if it is about another', () => {
    expect(codeOf(() => open(leaveOf(base, ada, { member: of(bob) })))).toBe('bad-signature');
    expect(codeOf(() => open(leaveOf(base, bob, { member: of(ada) })))).toBe('bad-signature');
    expect(codeOf(() => open(leaveOf(base, bob), ada))).toBe('bad-signature');
  });

  it('is refused out of form', () => {
    const data = leaveOf(base, bob);
    expect(data.length).toBeLessThanOrEqual(MAX_LEAVE_BYTES);
    const bad = (change: Record<number, unknown>) => {
      const body = fieldsWith(signedParts(data).body, change);
      return codeOf(() => open(signBody(bob.identity.signKey, label('leave'), body)));
    };
    expect(bad({})).toBe('nothing');
    for (const [field, value] of [
      [0, 2],
      [1, new Uint8Array(15)],
      [2, 0],
      [3, new Uint8Array(31)],
      [4, new Uint8Array(0)],
      [5, new Uint8Array(33)],
    ] as const)
      expect(bad({ [field]: value }), `field ${field}`).toBe('malformed');
    expect(codeOf(() => open(data.subarray(1)))).toBe('malformed');
    expect(codeOf(() => open(new Uint8Array(MAX_LEAVE_BYTES + 1)))).toBe('malformed');
    const other = signedWith(data, () => ({ body: Uint8Array.of(0x80) }));
    expect(codeOf(() => open(other))).toBe('bad-signature');
  });

  it('does not survive a flipped bit', () => {
    const data = leaveOf(base, bob);
    for (const flipped of flips(data, 0, data.length, 13))
      expect(['malformed', 'bad-signature']).toContain(codeOf(() => open(flipped)));
  });
});
