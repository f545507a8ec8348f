import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inviteTo, makeGroup } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { DAY, Guest, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
beforeAll(async () => {
  [ada, bo] = await makePeople(['Ada', 'Bo']);
});

let room: Room;
beforeEach(() => {
  room = new Room();
});

describe('an invitation', () => {
  it('that was seen is known again when the lifetime has been raised', async () => {
    const bos = await Guest.enter(room, bo);
    const group = makeGroup(ada, [bo]);
    const token = inviteTo(group, bo, { time: room.time.now });
    bos.inviteLifetime = DAY / 24;
    const slip = () => room.slip(bo, { type: 'join', token, card: ada.identity.card.bytes });
    slip();
    await room.pass(3 * DAY);
    bos.inviteLifetime = 14 * DAY;
    for (const again of [() => undefined, () => bos.reopen()]) {
      await again();
      room.log.length = 0;
      slip();
      await room.pass(1_000);
      expect(room.log).toContain('Bo: inbox item refused: replayed');
    }
    await room.pass(13 * DAY);
    expect(bos.store.all('token')).toEqual([]);
  });
});
