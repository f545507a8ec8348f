import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { groupChannel } from '../../../src/client/connection.js';
import { equal, toHex } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { openPrekey } from '../../../src/protocol/card.js';
import { makeCommit, type CommitBody } from '../../../src/protocol/commit.js';
import { makePrekeyGone } from '../../../src/protocol/inbox.js';
import { makeToken } from '../../../src/protocol/invitation.js';
import { decodePayload } from '../../../src/protocol/payload.js';
import { makeRejoinRequest, type LostReason } from '../../../src/protocol/rejoin.js';
import { rosterHash, type Roster } from '../../../src/protocol/roster.js';
import { joinerHash, welcomeSecrets } from '../../../src/protocol/schedule.js';
import { sealWelcome } from '../../../src/protocol/welcome.js';
import type { Change } from '../../../src/store/schema.js';
import type { Channel } from '../../../src/protocol/wire.js';
import { commitBy, knownIn, sealedToken } from '../../helpers/forging.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { GOOD } from '../../model/relayModel.js';
import type { Guest } from '../../helpers/room.js';
import { acquainted, DAY, epochOf, meet, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
let mal: Person;
beforeAll(async () => {
  [ada, bo, mal] = await makePeople(['Ada', 'Bo', 'Mal']);
});

let room: Room;
let adas: Guest;
let bos: Guest;
let mals: Guest;
let group: string;
beforeEach(async () => {
  room = new Room();
  [adas, bos, mals] = await acquainted(room, ada, bo, mal);
  group = await meet(room, [adas, bos, mals]);
});

/** Bo asked the others whether it missed something. */
async function hasAsked(): Promise<void> {
  const [row] = bos.store.all('chat');
  await bos.store.commit([{ put: 'chat', row: { ...row!, asked: room.time.now } }]);
  await bos.reopen();
  await room.pass(1_000);
}

/** Somebody's answer to Bo with a commit of its own making; its welcome is published when told to. */
function makeAnswer(by: Person, change: Partial<CommitBody>, withRoster = (roster: Roster) => roster) {
  const people = [ada, bo, mal];
  const epoch = epochOf(mals, people);
  const roster = withRoster(epoch.roster);
  const joiner = systemRandom(32);
  const { card } = bo.identity;
  const commit = makeCommit(by.identity.signKey, {
    group: epoch.row.chat,
    epoch: epoch.number + 1,
    parent: epoch.commit.hash,
    title: epoch.commit.title,
    changes: [{ type: 'rejoin', fingerprint: card.fingerprint }],
    rosterHash: rosterHash(roster),
    committer: by.identity.card.fingerprint,
    reason: 'change',
    joinerHash: joinerHash(joiner),
    cut: epoch.complete(),
    time: room.time.now,
    ...change,
  });
  const cards = roster.map(
    ({ fingerprint }) =>
      people.find(({ identity }) => equal(identity.card.fingerprint, fingerprint))!.identity.card,
  );
  const welcome = sealWelcome(joiner, commit, roster, cards, systemRandom(16));
  const { channel } = groupChannel(welcomeSecrets(joiner).channelSeed);
  const publish = () => {
    for (const chunk of welcome.chunks) room.relay.put(channel, chunk, toHex(systemRandom(16)));
  };
  const content = { time: room.time.now, group: commit.group, epoch: commit.epoch, commitHash: commit.hash };
  const prekey = openPrekey(room.relay.prekey(toHex(card.fingerprint)), card.signKey);
  const token = makeToken(
    by.identity,
    content,
    { type: 'rejoin', to: card, prekey, secret: joiner, welcomeHash: welcome.hash },
    systemRandom,
  );
  return { token, welcome: publish };
}

async function answer(by: Person, ...made: [Partial<CommitBody>, ((roster: Roster) => Roster)?]) {
  const { token, welcome } = makeAnswer(by, ...made);
  welcome();
  room.slip(bo, { type: 'rejoin', token, card: by.identity.card.bytes });
  await room.pass(5_000);
}

const promoted = (roster: Roster): Roster =>
  roster.map((entry) =>
    equal(entry.fingerprint, mal.identity.card.fingerprint) ? { ...entry, role: 'admin' } : entry,
  );
const FAR = { epoch: 9, parent: new Uint8Array(32).fill(7) };

describe('an answer to who asked for the way back', () => {
  it('brings it along, and tells what has changed since', async () => {
    await hasAsked();
    await answer(mal, FAR, promoted);
    expect(bos.epoch(group)).toBe(9);
    expect(await bos.notices(group)).toContain('Mal is an admin now.');
  });

  it('has to bring it back', async () => {
    await hasAsked();
    await answer(mal, { ...FAR, changes: [] });
    await answer(mal, { ...FAR, changes: [{ type: 'rejoin', fingerprint: ada.identity.card.fingerprint }] });
    expect(bos.epoch(group)).toBe(1);
  });

  it('keeps the rules of a commit that follows the newest epoch', async () => {
    await hasAsked();
    await answer(mal, {}, promoted);
    expect(bos.epoch(group)).toBe(1);
  });

  it('is none to a question of more than an hour ago', async () => {
    await hasAsked();
    await room.pass(61 * 60_000);
    await answer(mal, FAR);
    expect(bos.epoch(group)).toBe(1);
  });

  it('is not taken from a revoked key', async () => {
    await hasAsked();
    await bos.client.directory.revoke(mals.id);
    await answer(mal, FAR);
    expect(bos.epoch(group)).toBe(1);
  });
});

describe('answers', () => {
  it.each<[string, () => Person, number, number]>([
    ['so far ahead from an admin', () => ada, 1_000_000, 1_000_000],
    ['so far ahead from who is none', () => mal, 10_001, 10_001],
    ['further ahead from who is none', () => mal, 10_002, 1],
  ])('are taken %s, or not', async (_, by, epoch, after) => {
    await hasAsked();
    await answer(by(), { ...FAR, epoch });
    expect(bos.epoch(group)).toBe(after);
  });

  it('of one sender are held once, and none of another is left out for them', async () => {
    await hasAsked();
    const fetched = async (by: Person, epoch: number) => {
      const { welcome, token } = makeAnswer(by, { ...FAR, epoch });
      room.slip(bo, { type: 'rejoin', token, card: by.identity.card.bytes });
      await room.pass(500);
      return welcome;
    };
    const first = await fetched(ada, 9);
    for (const epoch of [10, 11, 12]) await fetched(mal, epoch);
    expect(bos.store.all('held')).toHaveLength(2);
    first();
    await room.pass(2_000);
    expect(bos.epoch(group)).toBe(9);
  });

  it('are refused when too much is held', async () => {
    await hasAsked();
    await bos.store.commit(
      Array.from({ length: 192 }, (_, i): Change => ({
        put: 'held',
        row: { hash: new Uint8Array(32).fill(i), envelope: new Uint8Array(1), until: room.time.now + DAY },
      })),
    );
    await answer(mal, FAR);
    expect(bos.epoch(group)).toBe(1);
    expect(room.log).toContain('Bo: inbox item refused: too-many');
  });

  it('that come again do not begin anew', async () => {
    await hasAsked();
    const { token } = makeAnswer(ada, FAR);
    for (let i = 0; i < 2; i++) {
      room.slip(bo, { type: 'rejoin', token, card: ada.identity.card.bytes });
      await room.pass(500);
    }
    expect(room.log).toContain('Bo: inbox item refused: replayed');
  });

  it('are held no more once their welcome is refused', async () => {
    await hasAsked();
    await answer(mal, { ...FAR, changes: [] });
    expect(room.log).toContain('Bo: group item refused: bad-commit');
    expect(bos.store.all('held')).toEqual([]);
  });
});

describe('a new start of the group', () => {
  it('changes nothing with it', async () => {
    const reset = { ...FAR, reason: 'reset', cut: [] } as const;
    await answer(ada, { ...reset, changes: [{ type: 'rejoin', fingerprint: bo.identity.card.fingerprint }] });
    expect(bos.epoch(group)).toBe(1);
    await answer(ada, { ...reset, changes: [] });
    expect(bos.epoch(group)).toBe(9);
  });

  it('from the very epoch that I am in tells who is not in it, too', async () => {
    const without = (roster: Roster) =>
      roster.filter(({ fingerprint }) => !equal(fingerprint, mal.identity.card.fingerprint));
    await answer(ada, { epoch: 9, reason: 'reset', cut: [], changes: [] }, without);
    expect(bos.epoch(group)).toBe(9);
    expect(await bos.notices(group)).toContain('Mal is no longer in the group.');
  });

  it.each([
    ['who left is leaving', () => bos.client.groups.leave(group), 'left', 'leaving'],
    ['who was removed is there', () => adas.client.groups.remove(group, bos.id), 'removed', 'active'],
  ])('in which %s again', async (_, part, before, after) => {
    const { roster } = epochOf(bos, [ada, bo, mal]);
    const state = () => bos.store.all('chat')[0]!.state;
    const parted = part();
    await room.pass(5_000);
    await parted;
    expect(state()).toBe(before);
    await answer(ada, { ...FAR, reason: 'reset', cut: [], changes: [] }, () => roster);
    expect([bos.epoch(group), state()]).toEqual([9, after]);
    const said = bos.store.all('outbox', { epoch: 9 }).filter(({ payload }) => payload.length > 0);
    expect(said.map(({ payload }) => decodePayload(payload).kind)).toEqual(
      after === 'leaving' ? ['leave'] : [],
    );
  });

  it('gives a revoked key nothing', async () => {
    await adas.client.directory.revoke(mals.id);
    const done = adas.client.groups.reset(group);
    await room.pass(5_000);
    await done;
    expect([bos.epoch(group), mals.epoch(group)]).toEqual([10_000_001, 1]);
  });
});

describe('a request', () => {
  it('is over when who made it was heard in a later epoch', async () => {
    const { card, signKey } = mal.identity;
    const { row, commit, number } = epochOf(mals, [ada, bo, mal]);
    const request = makeRejoinRequest(signKey, {
      group: row.chat,
      from: card.fingerprint,
      epoch: number,
      commitHash: commit.hash,
      prekey: mal.prekey.signed,
      reason: 'no-token',
      time: room.time.now,
    });
    await room.pass(1_000);
    await adas.client.groups.renew(group);
    await room.pass(2_000);
    await adas.client.send(group, 'hello');
    await room.pass(5_000);
    room.slip(bo, { type: 'rejoin-request', request });
    await room.pass(120_000);
    expect(room.log).toContain('Bo: inbox item refused: replayed');
    expect(adas.epoch(group)).toBe(2);
  });

  it('is not over because a commit is dated ahead of it', async () => {
    const source = { random: systemRandom, now: () => room.time.now };
    const of = knownIn(mals.store, source);
    await mals.close();
    const { commit, secret, envelope } = commitBy(of, mal, { time: room.time.now + 1000 * DAY });
    for (const to of [ada, bo]) {
      const key = to.identity.card.fingerprint;
      const token = sealedToken(source, mal, to, room.relay.prekey(toHex(key)), commit, {
        type: 'rekey',
        secret,
      });
      room.relay.put({ kind: 'inbox', key }, token, toHex(key));
    }
    room.relay.put(of.access.channel, envelope, 'commit');
    await room.pass(2_000);
    await adas.client.send(group, 'hello');
    await room.pass(5_000);
    expect([adas.epoch(group), bos.epoch(group)]).toEqual([2, 2]);
    const request = makeRejoinRequest(bo.identity.signKey, {
      group: commit.group,
      from: bo.identity.card.fingerprint,
      epoch: 2,
      commitHash: commit.hash,
      prekey: bo.prekey.signed,
      reason: 'rolled-back',
      time: room.time.now,
    });
    room.slip(ada, { type: 'rejoin-request', request });
    await room.pass(120_000);
    expect(room.log).not.toContain('Ada: inbox item refused: replayed');
    expect(adas.epoch(group)).toBeGreaterThan(2);
  });

  it('is answered once, whatever epochs it names that nobody knows', async () => {
    const { card, signKey } = mal.identity;
    const { row, commit } = epochOf(mals, [ada, bo, mal]);
    room.relay.cutOff.add(mals.id);
    for (const epoch of [700, 701]) {
      const request = makeRejoinRequest(signKey, {
        group: row.chat,
        from: card.fingerprint,
        epoch,
        commitHash: commit.hash,
        prekey: mal.prekey.signed,
        reason: 'no-token',
        time: room.time.now + DAY,
      });
      room.slip(ada, { type: 'rejoin-request', request });
      await room.pass(10_000);
      expect(adas.epoch(group)).toBe(2);
    }
    expect(room.log).toContain('Ada: inbox item refused: replayed');
  });

  it('is answered three times in half an hour, whatever its reasons', async () => {
    const { card, signKey } = mal.identity;
    room.relay.cutOff.add(mals.id);
    const ask = async (reason: LostReason) => {
      const { row, number, commit } = epochOf(adas, [ada, bo, mal]);
      const at = { group: row.chat, from: card.fingerprint, epoch: number, commitHash: commit.hash };
      const request = makeRejoinRequest(signKey, {
        ...at,
        prekey: mal.prekey.signed,
        reason,
        time: room.time.now,
      });
      room.slip(ada, { type: 'rejoin-request', request });
      await room.pass(10_000);
    };
    for (const reason of ['no-token', 'bad-secret', 'rolled-back', 'damaged'] as const) await ask(reason);
    expect(adas.epoch(group)).toBe(4);
    expect(room.log).toContain('Ada: inbox item refused: too-many');
    await room.pass(31 * 60_000);
    await ask('no-token');
    expect(adas.epoch(group)).toBe(5);
  });

  it('to be invited anew is heard three times in half an hour', async () => {
    room.relay.cutOff.add(mals.id);
    const other = adas.client.invite('Other', [mals.id]);
    await room.pass(5_000);
    const { card, signKey } = mal.identity;
    for (let i = 0; i < 4; i++) {
      const { token } = adas.store.all('invited').find(({ chat }) => toHex(chat) !== group)!;
      room.slip(ada, makePrekeyGone(signKey, card.fingerprint, token, mal.prekey.signed));
      await room.pass(5_000);
    }
    expect(adas.epoch(await other)).toBe(4);
    expect(room.log).toContain('Ada: inbox item refused: too-many');
  });

  it('of who was removed and missed it is answered with the commit', async () => {
    room.relay.cutOff.add(mals.id);
    await adas.client.groups.remove(group, mals.id);
    await room.pass(5_000);
    expect(mals.stopped(group)).toBeUndefined();
    // The relay forgets what Mal was not shown, and a new store makes Mal suspicious.
    room.relay.cutOff.clear();
    room.relay.restart(true);
    await room.pass(120_000);
    expect(mals.stopped(group)).toContain('You were removed');
  });
});

/** What this makes goes to these alone. */
async function shownOnlyTo(channel: Channel, guests: readonly Guest[], act: () => Promise<unknown>) {
  const { items } = room.relay.log(channel);
  const before = items.length;
  const hidden = [adas, bos, mals].filter((guest) => !guests.includes(guest));
  for (const { id } of hidden) room.relay.cutOff.add(id);
  await act();
  await room.pass(5_000);
  for (const item of items.slice(before)) item.audience = new Set(guests.map(({ id }) => id));
  room.relay.cutOff.clear();
  room.relay.disconnect();
  await room.pass(15_000);
}

describe('a request from another branch of the group', () => {
  it('of who was removed in this one is answered with what counts here', async () => {
    const { channel } = epochOf(mals, [ada, bo, mal]).access;
    await shownOnlyTo(channel, [adas, bos], () => adas.client.groups.renew(group));
    await shownOnlyTo(channel, [mals], () => mals.client.groups.renew(group));
    await adas.client.groups.remove(group, mals.id);
    await room.pass(5_000);
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    expect([adas, bos, mals].map((guest) => guest.epoch(group))).toEqual([4, 4, 2]);
    room.relay.turn({ ...GOOD, lie: true });
    room.relay.behave();
    await room.pass(120_000);
    expect((await mals.notices(group)).at(-1)).toContain('follows another change of this group than you do');
  });
});

describe('who is lost', () => {
  it('asks those who are leaving if nobody else is there', async () => {
    const others = bos.store.all('member').filter(({ place }) => place !== bos.store.all('epoch')[0]!.place);
    await bos.store.commit([
      ...others.map((row): Change => ({ put: 'member', row: { ...row, presence: 'left' } })),
      { put: 'chat', row: { ...bos.store.all('chat')[0]!, lost: 'no-token' } },
    ]);
    await bos.reopen();
    await room.pass(120_000);
    expect(bos.stopped(group)).toBeUndefined();
    expect(bos.epoch(group)).toBe(2);
  });
});

describe('who is brought into another branch of the group', () => {
  it('shows those that are no members there, where it comes from, how it goes on', async () => {
    await adas.client.groups.setRole(group, bos.id, 'admin');
    await room.pass(5_000);
    const { channel } = epochOf(mals, [ada, bo, mal]).access;
    await shownOnlyTo(channel, [adas, mals], () => adas.client.groups.renew(group));
    await shownOnlyTo(channel, [bos], () => bos.client.groups.remove(group, mals.id));
    await bos.client.groups.renew(group);
    await room.pass(5_000);
    expect([adas, bos, mals].map((guest) => guest.epoch(group))).toEqual([3, 4, 3]);
    room.relay.turn({ ...GOOD, lie: true });
    room.relay.behave();
    await room.pass(120_000);
    expect(adas.epoch(group)).toBe(bos.epoch(group));
    expect((await mals.notices(group)).at(-1)).toContain(
      'Bo follows another change of this group than you do: the relay withholds changes from you',
    );
  });
});

describe('something in a channel that is not sealed for it', () => {
  it('makes its members ask whether they missed something, a while later', async () => {
    const { access } = epochOf(bos, [ada, bo, mal]);
    const asked = () => bos.store.all('chat')[0]!.asked;
    room.relay.put(access.channel, new Uint8Array(100), 'garbage');
    await room.pass(5_000);
    expect(asked()).toBe(0);
    await room.pass(6_000);
    expect(asked()).toBeGreaterThan(0);
  });
});

describe('who was removed and does not know it', () => {
  it('is shown the commit by who hears it in the epoch before', async () => {
    const { channel } = epochOf(mals, [ada, bo, mal]).access;
    const { items } = room.relay.log(channel);
    const before = items.length;
    room.relay.cutOff.add(mals.id);
    await adas.client.groups.remove(group, mals.id);
    await room.pass(5_000);
    await mals.client.send(group, 'Hello?');
    // The relay shows Mal something else in its place.
    items.fill({ envelope: new Uint8Array(100), audience: undefined }, before);
    room.relay.cutOff.clear();
    room.relay.disconnect();
    await room.pass(5_000);
    expect(mals.stopped(group)).toContain('You were removed');
  });
});
