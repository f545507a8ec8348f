import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { sealEnvelope } from '../../../src/protocol/channel.js';
import { applyChanges, makeCommit, type RosterChange } from '../../../src/protocol/commit.js';
import { makeLeave } from '../../../src/protocol/leave.js';
import { rosterHash } from '../../../src/protocol/roster.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { epochOf, Guest, known, meet, Room } from '../../helpers/room.js';
import { GOOD } from '../../model/relayModel.js';

const HOUR = 60 * 60 * 1000;

let ada: Person;
let bo: Person;
beforeAll(async () => {
  [ada, bo] = await makePeople(['Ada', 'Bo']);
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

describe('who is leaving', () => {
  it('is out once somebody else made a change of it', async () => {
    await bos.client.groups.leave(group);
    await room.pass(5_000);
    expect(bos.stopped(group)).toContain('You left this group');
  });

  it('still says what it sent last, so that it is noticed if the relay withholds that', async () => {
    room.relay.turn({ ...GOOD, drop: 1 });
    await bos.client.groups.leave(group);
    await room.pass(1_000);
    room.relay.turn(GOOD);
    await room.pass(2 * HOUR);
    expect(bos.stopped(group)).toContain('You left this group');
  });

  /** Bo's change of the group comes first where Bo is, and one of Ada's, who is away then, second. */
  async function split(removesBo: boolean): Promise<void> {
    const epoch = epochOf(bos, [ada, bo]);
    const { fingerprint } = bo.identity.card;
    const about = { group: epoch.row.chat, epoch: epoch.number, parent: epoch.commit.hash };
    await adas.close();
    await bos.client.groups.renew(group);
    await room.pass(1_000);
    await bos.client.groups.leave(group);
    const leave = makeLeave(bo.identity.signKey, {
      ...about,
      member: fingerprint,
      successor: new Uint8Array(0),
    });
    const changes: RosterChange[] = removesBo ? [{ type: 'remove', fingerprint, leave }] : [];
    const commit = makeCommit(ada.identity.signKey, {
      ...about,
      epoch: epoch.number + 1,
      title: epoch.commit.title,
      changes,
      rosterHash: rosterHash(applyChanges(epoch.roster, changes)),
      committer: ada.identity.card.fingerprint,
      reason: 'change',
      joinerHash: systemRandom(32),
      cut: epoch.complete(),
      time: room.time.now,
    });
    const envelope = sealEnvelope(epoch.row.seal_key, 'commit', commit.bytes, systemRandom(16));
    room.relay.put(epoch.access.channel, envelope, 'second');
    await room.pass(50 * 60_000);
    expect(bos.stopped(group)).toContain('You are leaving');
    await room.pass(2 * HOUR);
  }

  it('waits no longer than an hour where the group may have gone on without it elsewhere', async () => {
    await split(true);
    expect(bos.stopped(group)).toContain('You left this group');
  });

  it('waits if another change came second', async () => {
    await split(false);
    expect(bos.stopped(group)).toContain('You are leaving');
  });
});
