import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';
import { sealEnvelope } from '../../../src/protocol/channel.js';
import { inviteTo, makeGroup, say, type Group } from '../../helpers/group.js';
import { newIdentity } from '../../../src/protocol/identity.js';
import { groupChannel } from '../../../src/client/connection.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { parsePrivateKey } from '../../../src/crypto/rsa.js';
import { welcomeSecrets } from '../../../src/protocol/schedule.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { DAY, Guest, known, meet, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
let cy: Person;
let strangers: readonly Person[];
beforeAll(async () => {
  [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
  strangers = await makePeople(['Mal', 'Mel', 'Mil', 'Mol', 'Mul', 'Myl']);
});

let room: Room;
beforeEach(() => {
  room = new Room();
});

/** Ada, Bo and Cy, who know each other. */
const three = () =>
  Promise.all([
    Guest.enter(room, ada, known(bo, cy)),
    Guest.enter(room, bo, known(ada, cy)),
    Guest.enter(room, cy, known(ada, bo)),
  ]);

describe('invitations of strangers', () => {
  it('are bounded, by sender and in all, and push out nobody who is known', async () => {
    const bos = await Guest.enter(room, bo, known(ada));
    const [mal] = strangers;
    for (let i = 0; i < 5; i++) room.invite(bo, makeGroup(mal!, [bo]));
    await room.pass(1_000);
    expect(bos.client.view().invitations).toHaveLength(3);
    expect(room.log.filter((line) => line === 'Bo: inbox item refused: too-many')).toHaveLength(2);
    for (const stranger of strangers.slice(1))
      for (let i = 0; i < 3; i++) room.invite(bo, makeGroup(stranger, [bo]), {}, true);
    await room.pass(1_000);
    expect(bos.store.all('invitation')).toHaveLength(16);
    for (let i = 0; i < 5; i++) room.invite(bo, makeGroup(ada, [bo]));
    await room.pass(1_000);
    const from = () => bos.client.view().invitations.map(({ from: { name } }) => name);
    expect(from().filter((name) => name === 'Ada')).toHaveLength(5);
    // Those that were answered make room.
    await bos.client.decline(bos.client.view().invitations.find((each) => each.from.name === 'Mal')!.id);
    room.invite(bo, makeGroup(mal!, [bo]));
    await room.pass(1_000);
    expect(from().filter((name) => name === 'Mal')).toHaveLength(3);
    // Welcomes that don't come are not waited for without end.
    await room.pass(3 * DAY + DAY / 12);
    expect(bos.store.all('invitation')).toHaveLength(8);
  });

  it('to one group are answered one after the other', async () => {
    const bos = await Guest.enter(room, bo, known(ada));
    const group = makeGroup(ada, [bo]);
    for (let i = 0; i < 2; i++) room.invite(bo, group);
    await room.pass(1_000);
    const [one, other] = bos.client.view().invitations.map(({ id }) => id) as [string, string];
    const answers = Promise.allSettled([bos.client.accept(one), bos.client.decline(other)]);
    await room.pass(1_000);
    expect(await answers).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'busy' } }]);
    expect(bos.client.view().groups).toHaveLength(1);
    expect(bos.store.all('chat')).toMatchObject([{ state: 'active' }]);
  });

  it('take their channels after the groups', async () => {
    const adas = await Guest.enter(room, ada, known(bo));
    const bos = await Guest.enter(room, bo, known(ada));
    const group = await meet(room, [adas, bos]);
    const waiting = makeGroup(strangers[0]!, [bo]);
    room.invite(bo, waiting, {}, true);
    await room.pass(1_000);
    const read: string[] = [];
    const log = room.relay.log.bind(room.relay);
    room.relay.log = (channel) => {
      read.push(toHex(channel.key));
      return log(channel);
    };
    await bos.reopen();
    await room.pass(1_000);
    const seed = bos.store.all('epoch')[0]!.channel_seed;
    const [own, welcome] = [seed, welcomeSecrets(waiting.joiner).channelSeed].map((each) =>
      read.indexOf(toHex(groupChannel(each).channel.key)),
    );
    expect(own).toBeGreaterThan(-1);
    expect(welcome).toBeGreaterThan(own!);
    expect(bos.stopped(group)).toBeUndefined();
  });

  it('make nobody a contact before Accept, and show who is in them', async () => {
    const bos = await Guest.enter(room, bo, known(cy));
    // Cy's name, and another key.
    const { card, prekey, secrets } = await newIdentity('Cy', systemRandom, Date.now());
    const signKey = parsePrivateKey(secrets.signKey);
    const other: Person = { prekey, secrets, identity: { ...cy.identity, card, signKey } };
    room.invite(bo, makeGroup(strangers[0]!, [bo, ada]));
    await room.pass(1_000);
    room.invite(bo, makeGroup(strangers[0]!, [bo, other]));
    await room.pass(1_000);
    const trusts = () => Object.fromEntries(bos.client.people().map(({ name, trust }) => [name, trust]));
    expect(trusts()).toEqual({ Cy: 'verified' });
    await bos.reopen();
    const shown = bos.client
      .view()
      .invitations.map(({ members }) => Object.fromEntries(members.map(({ name, trust }) => [name, trust])));
    expect(shown).toContainEqual({ Ada: 'unverified', Bo: 'verified', Mal: 'unverified' });
    expect(shown).toContainEqual({ Cy: 'changed', Bo: 'verified', Mal: 'unverified' });
    const withCy = bos.client
      .view()
      .invitations.find(({ members }) => members.some(({ name }) => name === 'Cy'))!;
    const withAda = bos.client.view().invitations.find(({ id }) => id !== withCy.id)!;
    await expect(bos.client.accept(withCy.id)).rejects.toMatchObject({ code: 'changed-key' });
    expect(bos.client.people()).toHaveLength(3);
    await bos.client.accept(withAda.id);
    expect(trusts()).toMatchObject({ Ada: 'unverified', Mal: 'unverified' });
    await bos.client.directory.decide(toHex(card.fingerprint), true);
    await bos.client.accept(withCy.id);
    expect(bos.client.view().groups).toHaveLength(2);
  });

  it('are declined without making contacts, also across a restart', async () => {
    const bos = await Guest.enter(room, bo);
    room.invite(bo, makeGroup(strangers[0]!, [bo, ada]));
    await room.pass(1_000);
    room.relay.up = false;
    room.relay.disconnect();
    await bos.client.decline(bos.client.view().invitations[0]!.id);
    await bos.reopen();
    room.relay.up = true;
    await room.pass(30_000);
    expect(bos.store.all('chat')).toEqual([]);
    expect(bos.client.people()).toEqual([]);
    await bos.reopen();
    expect(bos.store.all('card')).toEqual([]);
  });
});

describe('an invitation to a group that I am in', () => {
  it('waits unseen, whatever group it makes of it, and can’t be accepted', async () => {
    const [adas, bos, cys] = await three();
    const group = await meet(room, [adas, bos, cys]);
    const invited: string[] = [];
    bos.client.events.on('invited', (_, from) => invited.push(from));
    const forged = makeGroup(cy, [bo], { group: fromHex(group), title: 'Forged' });
    room.invite(bo, forged);
    await room.pass(1_000);
    const [row] = bos.store.all('invitation');
    expect(row!.welcome.length).toBeGreaterThan(0);
    for (const again of [() => undefined, () => bos.reopen()]) {
      await again();
      await room.pass(1_000);
      expect(bos.client.view().invitations).toEqual([]);
      for (const answer of ['accept', 'decline'] as const)
        await expect(bos.client[answer](toHex(row!.id))).rejects.toMatchObject({ code: 'no-invitation' });
    }
    expect(invited).toEqual([]);
    room.relay.cutOff.add(adas.id).add(cys.id);
    await bos.client.groups.leave(group);
    await room.pass(1_000);
    expect(bos.stopped(group)).toMatch(/^You are leaving/);
    expect(bos.client.view().invitations).toEqual([]);
  });

  it('is seen once I am out: who was removed and invited again meanwhile comes back', async () => {
    const [adas, bos, cys] = await three();
    const group = await meet(room, [adas, bos, cys]);
    await adas.client.send(group, 'one');
    await room.pass(1_000);
    room.relay.cutOff.add(bos.id);
    await adas.client.groups.remove(group, bos.id);
    await room.pass(2_000);
    await adas.client.groups.add(group, [bos.id]);
    await room.pass(5_000);
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    const invited: string[] = [];
    bos.client.events.on('invited', (_, from) => invited.push(from));
    room.relay.cutOff.clear();
    room.relay.disconnect();
    await room.pass(20_000);
    expect(invited).toEqual(['Ada']);
    await bos.accept();
    await room.pass(2_000);
    expect([bos, adas].map((guest) => guest.epoch(group))).toEqual([4, 4]);
    await bos.client.send(group, 'two');
    await room.pass(1_000);
    for (const guest of [adas, bos, cys]) expect(await guest.texts(group)).toEqual(['one', 'two']);
  });

  it('begins anew after it, also in an epoch of the same number', async () => {
    const [adas, bos, cys] = await three();
    const group = await meet(room, [adas, bos, cys]);
    for (const guest of [adas, cys]) await guest.client.send(group, `one of ${guest.name}`);
    await bos.client.send(group, 'mine');
    await room.pass(1_000);
    await adas.client.groups.remove(group, bos.id);
    await room.pass(2_000);
    expect(bos.store.all('accepted')).toHaveLength(3);
    const again = makeGroup(ada, [bo], { group: fromHex(group) });
    room.invite(bo, again);
    await room.pass(1_000);
    await bos.accept();
    expect(bos.store.all('accepted')).toEqual([]);
    expect(bos.store.all('epoch')).toHaveLength(1);
    expect(bos.store.all('member')).toHaveLength(2);
    expect(bos.store.all('outbox').filter(({ sqn }) => sqn > 0)).toEqual([]);
    await room.pass(1_000);
    const { channel } = groupChannel(again.secrets.channelSeed);
    const message = sealEnvelope(
      again.secrets.sealKey,
      'message',
      say(again, ada, 'two').bytes,
      systemRandom(16),
    );
    room.relay.put(channel, message, 'two');
    await bos.client.send(group, 'three');
    await room.pass(1_000);
    expect((await bos.texts(group)).sort()).toEqual(['mine', 'one of Ada', 'one of Cy', 'three', 'two']);
  });
});

describe('keys for a group that I am invited to', () => {
  const token = (group: Group, from: Person, epoch: number) =>
    inviteTo(
      group,
      bo,
      {
        type: 'rekey',
        time: room.time.now,
        epoch,
        commitHash: systemRandom(32),
        welcomeHash: new Uint8Array(32),
      },
      from,
    );
  const refusals = () => room.log.filter((line) => line.startsWith('Bo: inbox item refused'));

  it('are kept of its members, whoever else invites to it, and dropped with it', async () => {
    const bos = await Guest.enter(room, bo, known(ada));
    const group = makeGroup(ada, [bo, cy]);
    room.invite(bo, makeGroup(strangers[0]!, [bo], { group: group.commit.group }));
    await room.pass(1_000);
    room.invite(bo, group);
    await room.pass(1_000);
    for (const [from, epoch] of [
      [ada, 1],
      [ada, 2],
      [strangers[1]!, 2],
      [cy, 3],
    ] as const) {
      room.slip(bo, { type: 'rekey', token: token(group, from, epoch) });
      await room.pass(1_000);
    }
    expect(refusals()).toEqual(['Bo: inbox item refused: not-for-me']);
    expect(bos.store.all('rekey').map(({ epoch }) => epoch)).toEqual([2, 3]);
    expect(bos.store.all('held')).toHaveLength(1);
    await room.pass(9 * DAY);
    for (const table of ['invitation', 'rekey', 'held'] as const) expect(bos.store.all(table)).toEqual([]);
  });

  it('wait for its welcome: who was away finds the group where it is, with nobody there', async () => {
    const [adas, bos, cys] = await three();
    await bos.close();
    const group = await adas.client.invite('Team', [bos.id]);
    await room.pass(2_000);
    await adas.client.groups.add(group, [cys.id]);
    await room.pass(2_000);
    await cys.accept();
    await room.pass(2_000);
    await adas.client.groups.setRole(group, cys.id, 'admin');
    await room.pass(5_000);
    await cys.client.groups.renew(group);
    await room.pass(5_000);
    await cys.client.send(group, 'hello');
    await room.pass(2_000);
    expect(adas.epoch(group)).toBe(4);
    for (const guest of [adas, cys]) await guest.close();
    await bos.open();
    await room.pass(5_000);
    // Of Cy it knows nothing yet.
    expect(bos.store.all('rekey').map(({ epoch }) => epoch)).toEqual([2, 3]);
    expect(bos.store.all('held')).toHaveLength(1);
    await bos.accept();
    await room.pass(5_000);
    expect(bos.store.all('held')).toEqual([]);
    expect(bos.epoch(group)).toBe(4);
    expect(await bos.texts(group)).toEqual(['hello']);
  });

  it('wait for it across a restart', async () => {
    const bos = await Guest.enter(room, bo, known(ada));
    const group = makeGroup(ada, [bo]);
    room.invite(bo, group, {}, true);
    room.slip(bo, { type: 'rekey', token: token(group, ada, 2) });
    await room.pass(1_000);
    expect(bos.store.all('held')).toHaveLength(1);
    await bos.reopen();
    await room.pass(1_000);
    expect(bos.store.all('held')).toHaveLength(1);
    const { channel } = groupChannel(welcomeSecrets(group.joiner).channelSeed);
    for (const [i, chunk] of group.welcome.chunks.entries()) room.relay.put(channel, chunk, `chunk ${i}`);
    await room.pass(1_000);
    expect(bos.store.all('held')).toEqual([]);
    expect(bos.store.all('rekey')).toHaveLength(1);
  });

  it.each([
    ['one sender', 127, () => ada],
    ['all', 1_023, (i: number) => (i % 9 === 0 ? ada : strangers[0]!)],
  ])('are so many of %s', async (_, count, sender) => {
    const bos = await Guest.enter(room, bo);
    const group = makeGroup(ada, [bo]);
    room.invite(bo, group);
    await room.pass(1_000);
    await bos.store.commit(
      Array.from({ length: count }, (__, i) => ({
        put: 'rekey',
        row: {
          chat: group.commit.group,
          epoch: 1_000 + i,
          commit_hash: systemRandom(32),
          sender: sender(i).identity.card.fingerprint,
          secret: systemRandom(32),
          welcome_hash: new Uint8Array(32),
          at: 0,
        },
      })),
    );
    for (const epoch of [2, 3]) {
      room.slip(bo, { type: 'rekey', token: token(group, ada, epoch) });
      await room.pass(1_000);
    }
    expect(bos.store.all('rekey')).toHaveLength(count + 1);
    expect(refusals()).toEqual(['Bo: inbox item refused: too-many']);
  });
});

describe('an invitation', () => {
  it('that is dated in the future is held, fewer of strangers than of contacts', async () => {
    const bos = await Guest.enter(room, bo, known(ada));
    const until = room.time.now + DAY;
    await bos.store.commit(
      Array.from({ length: 31 }, () => ({
        put: 'held',
        row: { hash: systemRandom(32), envelope: new Uint8Array(0), until },
      })),
    );
    for (const founder of [strangers[0]!, strangers[1]!, ada]) {
      room.invite(bo, makeGroup(founder, [bo]), { time: until - 1 });
      await room.pass(1_000);
    }
    expect(bos.store.all('held')).toHaveLength(33);
    expect(room.log).toContain('Bo: inbox item refused: too-many');
  });

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
