import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Chat } from '../../../src/client/chat.js';
import { Inbox } from '../../../src/client/inbox.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { Guest, meet, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
beforeAll(async () => {
  [ada, bo] = await makePeople(['Ada', 'Bo']);
});

let room: Room;
beforeEach(() => {
  room = new Room();
});
const known = (...people: Person[]) => people.map(({ identity }) => [identity.card, 'verified'] as const);

describe('an item that meets a bug', () => {
  it('is logged, and what comes next is dealt with', async () => {
    const adas = await Guest.enter(room, ada, known(bo));
    const bos = await Guest.enter(room, bo, known(ada));
    const group = await meet(room, [adas, bos]);
    const bug = new TypeError('x is not a function');
    vi.spyOn(Chat.prototype, 'item').mockRejectedValueOnce(bug);
    vi.spyOn(Inbox.prototype, 'item').mockRejectedValueOnce(bug);
    room.slip(bo, { type: 'rekey', token: new Uint8Array(1) });
    room.slip(bo, { type: 'rekey', token: new Uint8Array(1) });
    await adas.client.send(group, 'one');
    await room.pass(1_000);
    await adas.client.send(group, 'two');
    await room.pass(1_000);
    expect(room.log.filter((line) => line.startsWith('Bo: '))).toEqual(
      expect.arrayContaining([
        'Bo: inbox item failed: TypeError: x is not a function',
        'Bo: inbox item refused: malformed',
        'Bo: group item failed: TypeError: x is not a function',
      ]),
    );
    expect(await bos.texts(group)).toContain('two');
  });
});
