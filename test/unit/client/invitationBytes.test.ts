import { expect, it, vi } from 'vitest';
import { makeGroup } from '../../helpers/group.js';
import { makePeople } from '../../helpers/people.js';
import { Guest, Room } from '../../helpers/room.js';

// As if welcomes had at most half as much as one with two cards.
vi.mock('../../../src/protocol/welcome.js', async (original) => ({
  ...(await original<object>()),
  MAX_WELCOME_BYTES: 6_000,
}));

it('the welcomes of strangers have so many bytes in all, and take none from who is known', async () => {
  const room = new Room();
  const [ada, bo, mal] = await makePeople(['Ada', 'Bo', 'Mal']);
  const bos = await Guest.enter(room, bo, [[ada.identity.card, 'verified']]);
  const from = () => bos.client.view().invitations.map(({ from: { name } }) => name);
  for (const [founder, waiting] of [
    [mal, ['Mal']],
    [mal, ['Mal']],
    [ada, ['Ada', 'Mal']],
  ] as const) {
    room.invite(bo, makeGroup(founder, [bo]));
    await room.pass(1_000);
    expect(from().sort()).toEqual(waiting);
  }
  expect(bos.store.all('invitation')).toHaveLength(2);
  expect(room.log).toContain('Bo: group item refused: too-many');
});
