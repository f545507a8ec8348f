import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { cardText } from '../../../src/protocol/cardText.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { Room, type Guest } from '../../helpers/room.js';
import { later, spare, Trio, type Step } from '../../helpers/trio.js';

let ada: Person;
let cy: Person;
let mal: Person;
beforeAll(async () => {
  [ada, cy, mal] = await makePeople(['Ada', 'Cy', 'Mal']);
});

let room: Room;
let trio: Trio;
let bos: Guest;
let group: string;
let row: Trio['row'];
let step: Trio['step'];
let show: Trio['show'];
let hand: Trio['hand'];
beforeEach(async () => {
  room = new Room();
  trio = await Trio.gather(room);
  ({ bos, group, row, step, show, hand } = trio);
});

describe('the secret of a commit', () => {
  it('is waited for, and then the others are asked', async () => {
    await show(step(ada), 19_900);
    expect(row().lost).toBe('');
    await room.pass(200);
    expect(row().lost).toBe('no-token');
    expect(bos.stopped(group)).toContain('did not reach you');
    expect(row().asked).toBeGreaterThan(0);
  });

  it.each([
    ['strangers', () => cy, 3],
    ['members, for another commit', () => mal, 2],
  ])('is waited for no longer because of tokens of %s', async (_, sender, epoch) => {
    await show(step(ada));
    for (let i = 0; i < 4; i++) await hand(sender(), later(step(ada), epoch), undefined, 5_000);
    await room.pass(1_000);
    expect(row().lost).toBe('no-token');
  });

  it('is not missed while the relay is away, or the channel is not read', async () => {
    await show(step(ada));
    room.relay.up = false;
    room.relay.disconnect();
    await room.pass(60_000);
    room.relay.up = true;
    room.relay.cutOff.add(bos.id);
    await room.pass(600_000);
    expect(bos.client.view().connection.state).toBe('online');
    expect(row().lost).toBe('');
    room.relay.cutOff.delete(bos.id);
    room.relay.disconnect();
    await room.pass(19_000);
    expect(row().lost).toBe('');
    await room.pass(60_000);
    expect(row().lost).toBe('no-token');
  });

  it('that was not missed yet is not missed any more after a new start of the group', async () => {
    await show(step(ada));
    await trio.bring(ada, step(ada, [], { epoch: 9, reason: 'reset', cut: [] }));
    await room.pass(60_000);
    expect([bos.epoch(group), row().lost]).toEqual([9, '']);
  });

  it('that comes late is taken nevertheless', async () => {
    const made = step(ada);
    await show(made, 25_000);
    expect(row().lost).toBe('no-token');
    await hand(ada, made);
    expect(row()).toMatchObject({ epoch: 2, lost: '', asked: 0 });
    expect(bos.stopped(group)).toBeUndefined();
  });

  it.each(['before', 'after'])('that is not the group’s is told, %s the commit', async (when) => {
    const made = step(ada);
    if (when === 'after') await show(made);
    await hand(ada, { ...made, secret: systemRandom(32) });
    if (when === 'before') await show(made);
    expect(await bos.notices(group)).toContain('Ada sent you a key that is not the group’s.');
    expect(row()).toMatchObject({ epoch: 1, lost: 'bad-secret' });
  });

  it('is taken for the very commit, epoch and group', async () => {
    const made = step(ada);
    await hand(ada, { commit: { ...made.commit, hash: systemRandom(32) }, secret: systemRandom(32) });
    await hand(ada, { commit: { ...made.commit, epoch: 3 }, secret: systemRandom(32) });
    await hand(ada, made);
    await show(made);
    expect(row()).toMatchObject({ epoch: 2, lost: '' });
    // What is for a later epoch is kept.
    expect(bos.store.all('rekey').map(({ epoch }) => epoch)).toEqual([3]);
  });
});

describe('a key whose commit does not come', () => {
  it('makes its owner ask for the commit, after a while', async () => {
    await hand(ada, step(ada), undefined, 69_500);
    expect(row().asked).toBe(0);
    await room.pass(1_000);
    expect(row()).toMatchObject({ lost: '', asked: expect.any(Number) as number });
    expect(row().asked).toBeGreaterThan(0);
  });

  it('is asked for in time, whatever tokens go on to come', async () => {
    for (let i = 0; i < 13; i++) await hand(ada, later(step(ada), 3 + i), undefined, 5_000);
    await room.pass(7_000);
    expect(row().asked).toBeGreaterThan(0);
  });

  it('is waited for also after a restart', async () => {
    await hand(ada, step(ada));
    await bos.reopen();
    await room.pass(69_500);
    expect(row().asked).toBe(0);
    await room.pass(2_000);
    expect(row().asked).toBeGreaterThan(0);
  });

  it('is not asked for if it is of an epoch that is here', async () => {
    await bos.store.commit([spare(trio, ada, 1)]);
    await bos.reopen();
    await room.pass(120_000);
    expect(row().asked).toBe(0);
  });

  it('is not asked for while the channel is not read', async () => {
    await hand(ada, step(ada));
    room.relay.cutOff.add(bos.id);
    room.relay.disconnect();
    await room.pass(600_000);
    expect(row().asked).toBe(0);
  });
});

describe('a token', () => {
  const meetsCy = async () => {
    await bos.client.directory.import(cardText('card', cy.identity.card.bytes));
    await room.pass(100);
  };
  const refusals = () => room.log.filter((event) => event.startsWith('Bo: inbox item refused'));
  const ahead = () => bos.store.all('rekey').map(({ epoch }) => epoch);
  const ofEpoch = (epoch: number) => later(step(ada), epoch);

  it('of an epoch that is over is refused', async () => {
    await hand(ada, ofEpoch(1));
    expect(refusals()).toEqual(['Bo: inbox item refused: replayed']);
    await hand(ada, ofEpoch(2));
    expect(ahead()).toEqual([2]);
  });

  it.each([true, false])('of no member is refused for the next epoch (a contact: %s)', async (isContact) => {
    if (isContact) await meetsCy();
    await hand(cy, ofEpoch(2));
    expect(refusals()).toEqual(['Bo: inbox item refused: not-for-me']);
    expect([ahead(), bos.store.all('held')]).toEqual([[], []]);
  });

  it('of a contact is taken for an epoch after that', async () => {
    await meetsCy();
    await hand(cy, ofEpoch(3));
    expect([refusals(), ahead(), bos.store.all('held')]).toEqual([[], [3], []]);
  });

  it('of a stranger is held for an epoch after that, and the commit before is asked for', async () => {
    await hand(cy, ofEpoch(3), undefined, 69_500);
    expect([refusals(), ahead(), row().asked]).toEqual([[], [], 0]);
    expect(bos.store.all('held')).toHaveLength(1);
    await room.pass(2_000);
    expect(row().asked).toBeGreaterThan(0);
  });

  it('that is held is taken once its sender is a member', async () => {
    await hand(cy, ofEpoch(3));
    const { fingerprint, hash: cardHash } = cy.identity.card;
    const made = step(ada, [{ type: 'add', fingerprint, role: 'member', cardHash }]);
    const { hash } = await trio.welcome(made);
    await hand(ada, made, hash);
    await show(made);
    expect([bos.epoch(group), ahead(), bos.store.all('held')]).toEqual([2, [3], []]);
  });
});

describe('who was added and is unknown', () => {
  let made: Step;
  beforeEach(() => {
    const { fingerprint, hash: cardHash } = cy.identity.card;
    made = step(ada, [{ type: 'add', fingerprint, role: 'member', cardHash }]);
  });
  const isHere = () => bos.client.people().some(({ name }) => name === 'Cy');

  it('comes with its card from the welcome', async () => {
    const { hash, access } = await trio.welcome(made);
    await hand(ada, made, hash);
    await show(made);
    expect([bos.epoch(group), isHere()]).toEqual([2, true]);
    expect(await bos.notices(group)).toContain('Ada invited Cy.');
    expect(bos.store.all('contact').map(({ trust }) => trust)).toContain('unverified');
    // Nothing of that channel is read any more.
    const { log } = room;
    const before = log.length;
    room.relay.put(access.channel, Uint8Array.of(1), 'garbage');
    await room.pass(60_000);
    expect(log.slice(before)).toEqual([]);
    await bos.reopen();
    expect(isHere()).toBe(true);
  });

  it.each(['later', 'after another one', 'after a lost connection'])(
    'is here once the welcome comes %s',
    async (when) => {
      const { hash, publish, access } = await trio.welcome(made, { put: false });
      await hand(ada, made, hash);
      await show(made, 10_000);
      expect([bos.epoch(group), row().lost, isHere()]).toEqual([1, '', false]);
      if (when === 'after another one') {
        room.relay.put(access.channel, Uint8Array.of(1), 'garbage');
        await trio.welcome({ ...made, joiner: made.joiner });
        expect(room.log).toContain('Bo: group item refused: malformed');
        expect(bos.epoch(group)).toBe(1);
      }
      if (when === 'after a lost connection') room.relay.disconnect();
      await publish();
      await room.pass(5_000);
      expect([bos.epoch(group), row().lost, isHere()]).toEqual([2, '', true]);
    },
  );

  it('is not waited for forever', async () => {
    const { hash } = await trio.welcome(made, { put: false });
    await hand(ada, made, hash);
    await show(made, 19_900);
    expect(row().lost).toBe('');
    await room.pass(200);
    expect(row().lost).toBe('no-token');
  });

  it('is not waited for if no welcome was announced', async () => {
    await hand(ada, made);
    await show(made, 200);
    expect(row()).toMatchObject({ epoch: 1, lost: 'no-token' });
  });

  it('is not taken from the welcome of another commit', async () => {
    const { commit } = step(mal, made.commit.changes);
    const { hash } = await trio.welcome(made, { about: commit });
    await hand(ada, made, hash);
    await show(made);
    expect(room.log).toContain('Bo: group item refused: bad-welcome');
    expect([bos.epoch(group), isHere()]).toEqual([1, false]);
    await room.pass(20_000);
    expect(row().lost).toBe('no-token');
  });
});
