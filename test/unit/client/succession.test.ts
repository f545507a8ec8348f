import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { sealEnvelope } from '../../../src/protocol/channel.js';
import { cardText } from '../../../src/protocol/cardText.js';
import { newIdentity } from '../../../src/protocol/identity.js';
import { makeToken, type TokenContent } from '../../../src/protocol/invitation.js';
import { joinerHash, joinerSecret } from '../../../src/protocol/schedule.js';
import { groupChannel } from '../../../src/client/connection.js';
import { commitAfter } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { DAY, epochOf, Guest, known, meet, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
let cy: Person;
let mal: Person;
beforeAll(async () => {
  [ada, bo, cy, mal] = await makePeople(['Ada', 'Bo', 'Cy', 'Mal']);
});

let room: Room;
beforeEach(() => {
  room = new Room();
});

function slipSecret(from: Person, to: Person, content: Omit<TokenContent, 'time'>, secret: Uint8Array): void {
  const token = makeToken(
    from.identity,
    { time: room.time.now, ...content },
    {
      type: 'rekey',
      to: to.identity.card,
      prekey: to.prekey.prekey,
      secret,
      welcomeHash: new Uint8Array(32),
    },
    systemRandom,
  );
  room.slip(to, { type: 'rekey', token });
}

describe('a key with two cards', () => {
  /** Bo's other machine: the same sign key, and another card of it. */
  let twin: Person;
  beforeAll(async () => {
    const { card, prekey, secrets } = await newIdentity('Bo', systemRandom, Date.now(), bo.secrets.signKey);
    expect(card.fingerprint).toEqual(bo.identity.card.fingerprint);
    twin = { ...bo, prekey, secrets, identity: { ...bo.identity, card } };
  });

  it('stays in the group as the card that was added', async () => {
    const [adas, bos, cys] = [
      await Guest.enter(room, ada, known(bo, mal)),
      await Guest.enter(room, bo, known(ada, mal)),
      await Guest.enter(room, mal, known(ada, twin)),
    ];
    const guests = [adas, bos, cys];
    const group = await meet(room, guests);
    const renewed = async (epoch: number) => {
      await room.pass(2_000);
      for (const guest of guests) {
        expect(guest.stopped(group)).toBeUndefined();
        expect(guest.epoch(group)).toBe(epoch);
      }
    };
    await adas.client.groups.renew(group);
    await renewed(2);
    await cys.reopen();
    await adas.client.groups.renew(group);
    await renewed(3);
    // A welcome has all cards of the roster: of who makes it, too.
    await adas.client.groups.setRole(group, cys.id, 'admin');
    await renewed(4);
    await cys.reopen();
    const dee = await Guest.enter(room, cy, known(mal));
    await cys.client.directory.import(cardText('card', cy.identity.card.bytes));
    await room.pass(1_000);
    await cys.client.groups.add(group, [dee.id]);
    await room.pass(2_000);
    await dee.accept();
    guests.push(dee);
    await renewed(5);
    expect(cys.store.all('card')).toHaveLength(1);
  });
});

describe('keys for epochs ahead', () => {
  it('are so many of one sender, and none of anybody else is refused for them', async () => {
    const [adas, bos, mals] = [
      await Guest.enter(room, ada, known(bo, mal)),
      await Guest.enter(room, bo, known(ada, mal)),
      await Guest.enter(room, mal, known(ada, bo)),
    ];
    const group = await meet(room, [adas, bos, mals]);
    const content = (epoch: number) => ({ group: fromHex(group), epoch, commitHash: systemRandom(32) });
    await bos.store.commit(
      Array.from({ length: 127 }, (_, i) => ({
        put: 'rekey',
        row: {
          chat: fromHex(group),
          epoch: 1_000 + i,
          commit_hash: systemRandom(32),
          sender: mal.identity.card.fingerprint,
          secret: systemRandom(32),
          welcome_hash: new Uint8Array(32),
          at: 0,
        },
      })),
    );
    for (const epoch of [2, 3, 2_000]) {
      slipSecret(mal, bo, content(epoch), systemRandom(32));
      await room.pass(1_000);
    }
    expect(bos.store.all('rekey')).toHaveLength(128);
    expect(room.log.filter((line) => line === 'Bo: inbox item refused: too-many')).toHaveLength(2);
    await adas.client.groups.renew(group);
    await room.pass(2_000);
    expect(bos.epoch(group)).toBe(2);
    expect(bos.stopped(group)).toBeUndefined();
  });

  it('of unknown senders are held, and so many of them', async () => {
    const [adas, bos] = [await Guest.enter(room, ada, known(bo)), await Guest.enter(room, bo, known(ada))];
    const group = await meet(room, [adas, bos]);
    const until = room.time.now + DAY;
    await bos.store.commit(
      Array.from({ length: 127 }, () => ({
        put: 'held',
        row: { hash: systemRandom(32), envelope: new Uint8Array(0), until },
      })),
    );
    for (let i = 0; i < 2; i++) {
      slipSecret(
        mal,
        bo,
        { group: fromHex(group), epoch: 9, commitHash: systemRandom(32) },
        systemRandom(32),
      );
      await room.pass(1_000);
    }
    expect(bos.store.all('held')).toHaveLength(128);
    expect(room.log).toContain('Bo: inbox item refused: too-many');
  });
});

describe('the secret of a commit', () => {
  it.each(['before', 'after'])(
    'is the committer’s own, whatever another member sends %s it',
    async (when) => {
      const [adas, bos, mals] = [
        await Guest.enter(room, ada, known(bo, mal)),
        await Guest.enter(room, bo, known(ada, mal)),
        await Guest.enter(room, mal, known(ada, bo)),
      ];
      const group = await meet(room, [adas, bos, mals]);
      const epoch = epochOf(adas, [ada, bo, mal]);
      const secret = systemRandom(32);
      const joiner = joinerSecret(epoch.row.init, secret);
      const commit = commitAfter(epoch, ada, [], { joinerHash: joinerHash(joiner) });
      const content = { group: fromHex(group), epoch: commit.epoch, commitHash: commit.hash };
      const genuine = () => slipSecret(ada, bo, content, secret);
      const garbage = () => slipSecret(mal, bo, content, systemRandom(32));
      const both = [genuine, garbage];
      for (const slip of when === 'before' ? both.reverse() : both) {
        slip();
        await room.pass(1_000);
      }
      const { channel } = groupChannel(epoch.row.channel_seed);
      room.relay.put(
        channel,
        sealEnvelope(epoch.row.seal_key, 'commit', commit.bytes, systemRandom(16)),
        'c',
      );
      await room.pass(1_000);
      expect(bos.epoch(group)).toBe(2);
      expect(bos.stopped(group)).toBeUndefined();
      expect((await bos.notices(group)).join()).not.toContain('a key that is not');
      expect(bos.store.all('rekey')).toEqual([]);
    },
  );
});
