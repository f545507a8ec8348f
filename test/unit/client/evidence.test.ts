import { expect, it } from 'vitest';
import { forge, knownIn } from '../../helpers/forging.js';
import { makePeople } from '../../helpers/people.js';
import { Guest, known, meet, Room } from '../../helpers/room.js';

it('contradictions of one member are told so often, and leave room for those of another', async () => {
  const [ada, bo, mal] = await makePeople(['Ada', 'Bo', 'Mal']);
  const room = new Room();
  const adas = await Guest.enter(room, ada, known(bo, mal));
  const bos = await Guest.enter(room, bo, known(ada, mal));
  const mals = await Guest.enter(room, mal, known(ada, bo));
  const group = await meet(room, [adas, bos, mals]);
  for (const [guest, versions] of [
    [mals, 30],
    [bos, 2],
  ] as const) {
    const of = knownIn(guest.store);
    room.relay.cutOff.add(guest.id);
    for (let i = 0; i < versions; i++) {
      const { envelope } = forge(of, guest.person, `version ${i}`);
      room.relay.put(of.access.channel, envelope, `${guest.name} ${i}`);
    }
    await room.pass(5_000);
  }
  const told = (await adas.notices(group)).filter((text) => text.includes('two messages with one number'));
  expect(told.filter((text) => text.startsWith('Mal'))).toHaveLength(25);
  expect(told.filter((text) => text.startsWith('Bo'))).toHaveLength(1);
});
