import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sending } from '../../../src/client/sending.js';
import { equal, toHex } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { openEnvelope } from '../../../src/protocol/channel.js';
import { applyChanges, type RosterChange } from '../../../src/protocol/commit.js';
import { decodePayload } from '../../../src/protocol/payload.js';
import { placeOf, rosterHash, sortRoster, type Roster } from '../../../src/protocol/roster.js';
import { forge } from '../../helpers/forging.js';
import { leaveOf } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { DAY, epochOf, Room, type Guest } from '../../helpers/room.js';
import { spare, Trio } from '../../helpers/trio.js';

const NOTHING: Uint8Array = new Uint8Array(0);

let ada: Person;
let bo: Person;
let cy: Person;
let mal: Person;
beforeAll(async () => {
  [ada, bo, cy, mal] = await makePeople(['Ada', 'Bo', 'Cy', 'Mal']);
});

let room: Room;
let trio: Trio;
let bos: Guest;
let group: string;
let row: Trio['row'];
let step: Trio['step'];
let show: Trio['show'];
let follow: Trio['follow'];
beforeEach(async () => {
  room = new Room();
  trio = await Trio.gather(room, [cy]);
  ({ bos, group, row, step, show, follow } = trio);
});

const keyOf = ({ identity }: Person): Uint8Array => identity.card.fingerprint;
const added = ({ identity: { card } }: Person, role: 'admin' | 'member' = 'member'): RosterChange => ({
  type: 'add',
  fingerprint: card.fingerprint,
  role,
  cardHash: card.hash,
});
const removed = (who: Person, leave = NOTHING): RosterChange => ({
  type: 'remove',
  fingerprint: keyOf(who),
  leave,
});
const made = (who: Person, role: 'admin' | 'member'): RosterChange => ({
  type: 'role',
  fingerprint: keyOf(who),
  role,
});
const back = (who: Person): RosterChange => ({ type: 'rejoin', fingerprint: keyOf(who) });

const setRow = async (change: Partial<ReturnType<typeof row>>) => {
  await bos.store.commit([{ put: 'chat', row: { ...row(), ...change } }]);
  await bos.reopen();
  await room.pass(1_000);
};
/** What is told of what this does. */
async function told(act: () => Promise<void>): Promise<string[]> {
  const before = (await bos.notices(group)).length;
  await act();
  return (await bos.notices(group)).slice(before);
}
describe('what a commit did is told', () => {
  it.each<[string, () => RosterChange[], string[]]>([
    ['an invitation', () => [added(cy)], ['Ada invited Cy.']],
    ['a removal', () => [removed(mal)], ['Ada removed Mal.']],
    ['somebody brought back', () => [back(mal)], ['Mal was brought back into the group.']],
    ['a new admin', () => [made(mal, 'admin')], ['Mal is an admin now.']],
    [
      'several things, in order',
      () => [made(bo, 'admin'), removed(mal), added(cy)],
      ['Bo is an admin now.', 'Ada removed Mal.', 'Ada invited Cy.'],
    ],
    [
      'somebody who was there only for a moment',
      () => [added(cy), removed(cy)],
      ['Ada invited Cy.', 'Ada removed Cy.'],
    ],
    ['a new key, not at all', () => [], []],
  ])('%s', async (_, changes, notices) => {
    expect(await told(() => follow(ada, step(ada, changes())))).toEqual(notices);
    expect(bos.epoch(group)).toBe(2);
  });

  it.each<[number, string]>([
    [1, '?'],
    [2, '? and ?'],
    [10, '?, ?, ?, ?, ?, ?, ?, ?, ? and ?'],
    [11, '?, ?, ?, ?, ?, ?, ?, ?, ? and 2 others'],
  ])('people unknown who were there only for a moment, %s of them', async (count, names) => {
    const fingerprints = Array.from({ length: count }, () => systemRandom(32));
    const add = (fingerprint: Uint8Array) =>
      ({ type: 'add', fingerprint, role: 'member', cardHash: systemRandom(32) }) as const;
    const remove = (fingerprint: Uint8Array) => ({ type: 'remove', fingerprint, leave: NOTHING }) as const;
    const changes = [...fingerprints.map(add), ...fingerprints.map(remove)];
    expect(await told(() => follow(ada, step(ada, changes)))).toEqual([
      `Ada invited ${names}.`,
      ...fingerprints.map(() => 'Ada removed ?.'),
    ]);
  });

  it('somebody who is no longer an admin', async () => {
    await follow(ada, step(ada, [made(mal, 'admin')]));
    expect(await told(() => follow(ada, step(ada, [made(mal, 'member')])))).toEqual([
      'Mal is no longer an admin.',
    ]);
  });

  it('a new name', async () => {
    expect(await told(() => follow(ada, step(ada, [], { title: 'Crew' })))).toEqual([
      'The group is named “Crew” now.',
    ]);
    expect([row().title, bos.client.view().groups[0]!.title]).toEqual(['Crew', 'Crew']);
  });

  it('who left is not told to be removed', async () => {
    const leave = leaveOf(epochOf(trio.adas, [ada, bo, mal]), mal);
    expect(await told(() => follow(ada, step(ada, [removed(mal, leave)])))).toEqual([]);
  });
});

describe('what happened in several epochs at once is told', () => {
  const roster = (): Roster =>
    sortRoster(
      applyChanges(trio.of.roster, [removed(mal), added(cy), made(bo, 'admin'), made(ada, 'member')]),
    );

  it('to who is brought back', async () => {
    await setRow({ asked: room.time.now });
    const next = step(ada, [back(bo)], {
      epoch: 9,
      parent: systemRandom(32),
      rosterHash: rosterHash(roster()),
      title: 'Crew',
    });
    const notices = await told(() => trio.bring(ada, next, roster()));
    expect(notices[0]).toBe('Mal is no longer in the group.');
    expect(notices.slice(1, 4).sort()).toEqual([
      'Ada is no longer an admin.',
      'Bo is an admin now.',
      'Cy is in the group now.',
    ]);
    expect(notices.slice(4)).toEqual(['The group is named “Crew” now.']);
    expect(row()).toMatchObject({ epoch: 9, title: 'Crew', asked: 0 });
  });

  it('with who started the group again', async () => {
    const next = step(ada, [], { epoch: 9, reason: 'reset', cut: [], parent: systemRandom(32) });
    expect(await told(() => trio.bring(ada, next, trio.of.roster))).toEqual([
      'Ada reset the group: it goes on with a new key.',
    ]);
  });
});

describe('an own commit', () => {
  it('that was not taken tells nobody that it was, when its maker is brought further on', async () => {
    await follow(ada, step(ada, [made(bo, 'admin')]));
    room.relay.cutOff.add(bos.id);
    await bos.client.groups.add(group, [toHex(keyOf(cy))]);
    await room.pass(5_000);
    expect(bos.store.all('own')).toHaveLength(1);
    room.relay.cutOff.delete(bos.id);
    const roster = applyChanges(trio.of.roster, [made(bo, 'member')]);
    const reset = step(ada, [], { epoch: 9, reason: 'reset', cut: [], rosterHash: rosterHash(roster) });
    await trio.bring(ada, reset, roster);
    expect(row().epoch).toBe(9);
    expect(bos.store.all('own')).toEqual([]);
    expect(bos.store.all('outbox', { epoch: 3 })).toEqual([]);
    expect(room.relay.seen.filter(({ channel }) => equal(channel.key, keyOf(cy)))).toEqual([]);
  });
});

describe('who was removed', () => {
  it('is told, and takes part no more', async () => {
    await bos.store.commit([spare(trio, ada, 2), spare(trio, ada, 5)]);
    await bos.client.send(group, 'hello');
    await room.pass(1_000);
    const next = step(ada, [removed(bo)]);
    expect(await told(() => show(next))).toEqual(['Ada removed you from the group.']);
    expect(row()).toMatchObject({ epoch: 1, state: 'removed', lost: '' });
    expect(bos.stopped(group)).toContain('You were removed');
    const [epoch] = bos.store.all('epoch');
    expect([epoch!.init, epoch!.closed > 0]).toEqual([NOTHING, true]);
    expect(bos.store.all('member').map(({ chain }) => chain)).toEqual([NOTHING, NOTHING, NOTHING]);
    const { presence } = bos.store.all('member').find(({ fingerprint }) => equal(fingerprint, keyOf(bo)))!;
    expect(presence).toBe('left');
    // Of a later epoch there may be an invitation.
    expect(bos.store.all('rekey').map((each) => each.epoch)).toEqual([5]);
    expect(bos.store.all('next')).toEqual([]);
  });

  it('refuses what is still under way', async () => {
    const [next, second] = [step(ada, [removed(bo)]), step(ada)];
    room.relay.put(trio.of.access.channel, next.envelope, 'next');
    await trio.until(() => row().state !== 'active');
    await show(second);
    expect(bos.store.all('next')).toEqual([]);
    expect(row().state).toBe('removed');
  });

  it('hears nothing more of the group', async () => {
    await show(step(ada, [removed(bo)]));
    const heard = room.log.length;
    await show(step(ada));
    expect(room.log.slice(heard)).toEqual([]);
  });

  it('was lost, and is not any more', async () => {
    await setRow({ lost: 'gap', asked: room.time.now });
    await show(step(ada, [removed(bo)]));
    expect(row()).toMatchObject({ state: 'removed', lost: '' });
  });

  it('can still read the group, and has others, when nothing of it is due any more', async () => {
    const { envelope } = forge(
      { ...trio.of, at: { ...trio.of.at, place: placeOf(trio.of.roster, keyOf(mal)) } },
      mal,
      'welcome',
    );
    room.relay.put(trio.of.access.channel, envelope, 'text');
    await room.pass(1_000);
    await show(step(ada, [removed(bo)]));
    await trio.adas.close();
    await trio.mals.close();
    await room.pass(16 * DAY);
    expect(bos.store.all('kept')).toEqual([]);
    await bos.reopen();
    expect(await bos.texts(group)).toEqual(['welcome']);
    expect(bos.stopped(group)).toContain('You were removed');
    await bos.client.invite('Others', [trio.adas.id]);
    expect(bos.client.view().groups).toHaveLength(2);
  });

  it('and wanted to leave has left', async () => {
    await bos.client.groups.leave(group);
    await room.pass(1_000);
    const notices = await told(() => show(step(ada, [removed(bo)])));
    expect(notices).toEqual(['You left the group.']);
    expect(row().state).toBe('left');
  });
});

describe('the next epoch', () => {
  it('begins anew, and of the one before nothing is left that it took', async () => {
    await bos.client.send(group, 'hello');
    await room.pass(1_000);
    expect(row().count).toBe(1);
    await bos.store.commit([spare(trio, ada, 1), spare(trio, ada, 2), spare(trio, ada, 3)]);
    await follow(ada, step(ada, []));
    expect(row()).toMatchObject({ epoch: 2, count: 0, asked: 0, lost: '', state: 'active' });
    expect(bos.store.all('next')).toEqual([]);
    expect(bos.store.all('rekey').map(({ epoch }) => epoch)).toEqual([3]);
    const [before, now] = bos.store.all('epoch');
    expect([before!.init, before!.closed > 0, now!.closed]).toEqual([NOTHING, true, 0]);
  });

  it('is read and written', async () => {
    await follow(ada, step(ada));
    const { envelope } = forge(
      { ...trio.of, at: { ...trio.of.at, place: placeOf(trio.of.roster, keyOf(mal)) } },
      mal,
      'welcome',
    );
    room.relay.put(trio.of.access.channel, envelope, 'text');
    await room.pass(1_000);
    expect(await bos.texts(group)).toEqual(['welcome']);
    await bos.client.send(group, 'thanks');
    await room.pass(1_000);
    const sent = room.relay.seen.filter(({ channel }) => equal(channel.key, trio.of.access.channel.key));
    expect(sent.length).toBeGreaterThan(1);
  });

  it.each(['rolled-back', 'damaged'] as const)('does not mend what is %s', async (lost) => {
    await setRow({ lost });
    await follow(ada, step(ada));
    expect(row()).toMatchObject({ epoch: 2, lost });
  });

  it.each(['no-token', 'gap', 'away'] as const)('ends what was lost by %s', async (lost) => {
    await setRow({ lost });
    await follow(ada, step(ada));
    expect(row()).toMatchObject({ epoch: 2, lost: '' });
  });

  it('without somebody has nothing due to it in any epoch', async () => {
    await follow(ada, step(ada));
    await follow(ada, step(ada, [removed(mal)]));
    const left = bos.store.all('member').filter(({ presence }) => presence === 'left');
    expect(left.map(({ epoch, fingerprint }) => [epoch, toHex(fingerprint)])).toEqual([
      [1, trio.mals.id],
      [2, trio.mals.id],
    ]);
  });

  it('is asked for what was wanted and is not yet so', async () => {
    await follow(ada, step(ada, [made(bo, 'admin')]));
    room.relay.cutOff.add(bos.id);
    await bos.client.groups.rename(group, 'Crew');
    const other = step(ada, [made(mal, 'admin')]);
    room.relay.cutOff.delete(bos.id);
    room.relay.put(trio.of.access.channel, other.envelope, 'other');
    await trio.hand(ada, other);
    await room.pass(60_000);
    expect(row()).toMatchObject({ epoch: 4, title: 'Crew' });
    expect(bos.store.all('intent')).toEqual([]);
  });
});

describe('what was sent before', () => {
  /** Texts sealed in this epoch that are due. */
  const sealed = (epoch: number) =>
    bos.store
      .all('outbox', { epoch })
      .filter(({ payload }) => payload.length > 0)
      .sort((a, b) => a.position - b.position)
      .map(({ payload }) => decodePayload(payload))
      .map(({ kind, content }) => (kind === 'text' ? new TextDecoder().decode(content) : kind));

  it('and fell behind the cut is sent again', async () => {
    await bos.client.send(group, 'hello');
    await room.pass(1_000);
    await follow(ada, step(ada));
    expect([sealed(1), sealed(2)]).toEqual([[], ['hello']]);
    expect(await bos.texts(group)).toEqual(['hello']);
    const [{ id } = expect.fail('not sealed again')] = bos.store
      .all('outbox', { epoch: 2 })
      .filter(({ sqn }) => sqn === 1);
    expect(bos.store.all('relayed', { id })).toHaveLength(1);
  });

  it.each([
    ['is not sent again to who stays', () => [], ['hello'], []],
    ['is sent again to who is brought back', () => [back(mal)], [], ['hello']],
    ['is not sent again to who has another change', () => [made(mal, 'admin')], ['hello'], []],
  ])('and is within the cut %s', async (_, changes: () => RosterChange[], before, after) => {
    await bos.client.send(group, 'hello');
    await room.pass(1_000);
    const cut = trio.of.roster.map(({ fingerprint }) => (equal(fingerprint, keyOf(bo)) ? 1 : 0));
    await follow(ada, step(ada, changes(), { cut }));
    expect([sealed(1), sealed(2)]).toEqual([before, after]);
  });

  describe('in large numbers', () => {
    let seen: number;
    /** Bo sends so many while it is away, and comes back to a new epoch. */
    const away = async (count: number) => {
      room.relay.up = false;
      room.relay.disconnect();
      for (let i = 0; i < count; i++) await bos.client.send(group, 'text');
      await bos.client.send(group, 'last');
      const next = step(ada);
      await trio.hand(ada, next);
      await show(next);
      seen = room.relay.seen.length;
      room.relay.up = true;
      for (let s = 0; s < 60 && row().epoch === 1; s++) await trio.until(() => row().epoch === 2);
    };

    /** The same, and its session gets no further than the switch. */
    const cutShort = async (count: number) => {
      const sealing = vi.spyOn(Sending.prototype, 'sealAgain').mockResolvedValue();
      await away(count);
      sealing.mockRestore();
      expect(sealed(1)).toHaveLength(count + 1);
    };

    it('and fell behind the cut is sent again in two epochs, and nothing leaves for the one that is over', async () => {
      await away(402);
      await trio.until(() => sealed(2).length >= 400);
      expect([sealed(1).length, sealed(2).length]).toEqual([3, 400]);
      await room.pass(60_000);
      expect(sealed(1)).toEqual([]);
      expect(sealed(3).at(-1)).toBe('last');
      expect((await bos.texts(group)).at(-1)).toBe('last');
      const kinds = room.relay.seen
        .slice(seen)
        .filter(({ channel }) => equal(channel.key, trio.of.access.channel.key))
        .map(({ envelope }) => openEnvelope(trio.of.epoch.seal_key, envelope).kind);
      expect(kinds).not.toContain('message');
    });

    it('is sealed a few at a time, before anything else is sent', async () => {
      const commit = vi.spyOn(bos.store, 'commit');
      await cutShort(40);
      await bos.client.send(group, 'newest');
      expect([sealed(1).length, sealed(2).length, sealed(2).at(-1)]).toEqual([0, 42, 'newest']);
      const sizes = commit.mock.calls.map(([changes]) => changes.filter((each) => 'history' in each).length);
      expect(Math.max(...sizes)).toBe(8);
    });

    it('is sealed to the end after a restart', async () => {
      await cutShort(40);
      await bos.reopen();
      await room.pass(5_000);
      expect([sealed(1).length, sealed(2).length, sealed(2).at(-1)]).toEqual([0, 41, 'last']);
    });
  });

  it('by who is leaving is not sent again, but that it leaves', async () => {
    await bos.client.send(group, 'hello');
    await bos.client.groups.leave(group);
    await room.pass(1_000);
    await follow(ada, step(ada));
    expect([row().state, sealed(2)]).toEqual(['leaving', ['leave']]);
  });
});
