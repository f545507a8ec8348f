import { beforeAll, describe, expect, it } from 'vitest';
import { makeRevocation, MAX_REVOCATION_BYTES, openRevocation } from '../../../src/protocol/revocation.js';
import { NOW } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips, signedParts, signedWith } from '../../helpers/tamper.js';

let ada: Person;
let bob: Person;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
});
const revocation = () => makeRevocation(ada.identity.signKey, ada.identity.card, NOW);

describe('a revocation', () => {
  it('says whose card is revoked, and when', () => {
    const { card, time } = openRevocation(revocation());
    expect(card).toEqual(ada.identity.card);
    expect(time).toBe(NOW);
  });

  it('is refused if somebody else signed it', () => {
    const forged = makeRevocation(bob.identity.signKey, ada.identity.card, NOW);
    expect(codeOf(() => openRevocation(forged))).toBe('bad-signature');
  });

  it('is refused if a bit was flipped anywhere, or if it was cut', () => {
    const data = revocation();
    const codes = ['malformed', 'bad-card', 'bad-signature'];
    for (const flipped of flips(data, 0, data.length, 103))
      expect(codes).toContain(codeOf(() => openRevocation(flipped)));
    for (let end = 0; end < data.length; end += 97)
      expect(codeOf(() => openRevocation(data.subarray(0, end)))).toBe('malformed');
    expect(codeOf(() => openRevocation(new Uint8Array(MAX_REVOCATION_BYTES + 1)))).toBe('malformed');
  });

  it('is no card, and a card is no revocation', () => {
    const { signature } = signedParts(ada.identity.card.bytes);
    expect(codeOf(() => openRevocation(signedWith(revocation(), () => ({ signature }))))).toBe(
      'bad-signature',
    );
    expect(codeOf(() => openRevocation(ada.identity.card.bytes))).toBe('malformed');
  });
});
