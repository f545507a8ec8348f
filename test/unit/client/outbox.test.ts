import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { groupChannel } from '../../../src/client/connection.js';
import { makeGroup } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { DAY, Guest, known, meet, Room } from '../../helpers/room.js';
import { GOOD } from '../../model/relayModel.js';

let ada: Person;
let bo: Person;
let mal: Person;
beforeAll(async () => {
  [ada, bo, mal] = await makePeople(['Ada', 'Bo', 'Mal']);
});

let room: Room;
let adas: Guest;
let bos: Guest;
let group: string;
beforeEach(async () => {
  room = new Room();
  adas = await Guest.enter(room, ada, known(bo));
  bos = await Guest.enter(room, bo, known(ada));
  group = await meet(room, [adas, bos]);
});

/** Invitations to Bo by Mal whose prekey Bo never had: each is answered. */
async function ask(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    room.invite({ ...bo, prekey: mal.prekey }, makeGroup(mal, [bo]), {}, true);
    await room.pass(100);
  }
}
const epochChannel = () => groupChannel(bos.store.all('epoch')[0]!.channel_seed).channel.key;
const malsInbox = () => [...new Set(room.relay.refused)];

describe('where the relay refuses', () => {
  beforeEach(async () => {
    room.relay.refuses.set(Buffer.from(mal.identity.card.fingerprint).toString('hex'), 0);
    await ask(3);
  });

  it('it is tried again less and less often, and as soon as it works all goes', async () => {
    await room.pass(3600_000);
    const before = room.relay.refused.length;
    await room.pass(3600_000);
    expect(room.relay.refused.length - before).toBeLessThan(3 * 14);
    expect(room.relay.refused.length - before).toBeGreaterThan(20);
    room.relay.refuses.clear();
    const seen = room.relay.seen.length;
    for (let ms = 0; ms < 300 && room.relay.seen.length === seen; ms++) await room.pass(1_000);
    await room.pass(100);
    expect(room.relay.seen.length - seen).toBe(3);
  });

  it('and says to wait for long, nothing else waits', async () => {
    room.relay.refuses.set(malsInbox()[0]!, 30 * DAY);
    await room.pass(10_000);
    await bos.client.send(group, 'hello');
    await room.pass(1_000);
    expect(await adas.texts(group)).toContain('hello');
    room.relay.refuses.clear();
    const seen = room.relay.seen.length;
    await room.pass(6 * 60_000);
    expect(room.relay.seen.length - seen).toBeGreaterThanOrEqual(3);
  });

  it('many at once, each is tried again when the relay said', async () => {
    room.relay.refuses.set(Buffer.from(epochChannel()).toString('hex'), 2_000);
    for (let i = 0; i < 16; i++) await bos.client.send(group, `text ${i}`);
    await room.pass(1_000);
    room.relay.refuses.clear();
    await room.pass(3_000);
    expect(await adas.texts(group)).toHaveLength(16);
  });

  it('no more answers to one stranger wait than invitations of it', async () => {
    await ask(5);
    const waiting = bos.store.all('outbox').filter(({ envelope }) => envelope.length < 8_000);
    const answers = waiting.filter(
      ({ channel_key }) => Buffer.compare(channel_key, mal.identity.card.fingerprint) === 0,
    );
    expect(answers).toHaveLength(3);
    expect(room.log).toContain('Bo: inbox item refused: too-many');
  });
});

describe('a relay that does not say whether it stored something', () => {
  it('is dialled again after a minute, and gets it again', async () => {
    room.relay.turn({ ...GOOD, lose: 1, silent: 1 });
    await bos.client.send(group, 'hello');
    await room.pass(59_000);
    room.relay.turn(GOOD);
    expect(await adas.texts(group)).toEqual([]);
    await room.pass(5_000);
    expect(await adas.texts(group)).toEqual(['hello']);
  });
});
