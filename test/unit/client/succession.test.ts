import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';
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
import { Trio } from '../../helpers/trio.js';
import { GOOD } from '../../model/relayModel.js';

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

/** Only Bo hears the relay from here on. */
let trio: Trio;
let bos: Guest;
let group: string;
let row: Trio['row'];
let step: Trio['step'];
let show: Trio['show'];
let hand: Trio['hand'];
let answers: Trio['answers'];
async function gather(): Promise<void> {
  trio = await Trio.gather(room);
  ({ bos, group, row, step, show, hand, answers } = trio);
}
const decided = () => bos.store.all('next').map(({ commit }) => commit);

describe('a commit', () => {
  beforeEach(gather);

  it('decides if it is the first valid one, and another is answered with what counts here', async () => {
    const [first, second] = [step(ada), step(mal)];
    await show(first);
    const since = room.relay.seen.length;
    await show(first);
    expect(answers(since)).toEqual([]);
    await show(second);
    expect(decided()).toEqual([first.commit.bytes]);
    expect(answers(since)).toEqual([toHex(first.commit.hash)]);
    await hand(ada, first);
    expect(bos.epoch(group)).toBe(2);
    await show(first);
    await show(second);
    expect(answers(since)).toEqual([toHex(first.commit.hash), toHex(first.commit.hash)]);
  });

  it.each([
    ['of who has not the right', () => step(mal, [], { title: 'Mine' })],
    ['of a stranger', () => step(cy)],
    ['that follows another one', () => step(ada, [], { parent: new Uint8Array(32) })],
  ])('%s is refused, first or second', async (_, make) => {
    const since = room.relay.seen.length;
    await show(make());
    expect(decided()).toEqual([]);
    await show(step(ada));
    await show(make());
    const refused = room.log.filter((event) => event === 'Bo: group envelope refused: bad-commit');
    expect(refused).toHaveLength(2);
    expect(answers(since)).toEqual([]);
  });

  it('that this epoch does not lead to is told once, and the others are asked', async () => {
    const far = { epoch: 5, parent: new Uint8Array(32).fill(7) };
    for (let i = 0; i < 2; i++) await show(step(ada, [], far));
    const told = (await bos.notices(group)).filter((text) => text.includes('follows another change'));
    expect(told).toEqual([
      'Ada follows another change of this group than you do: the relay withholds changes from you, or shows its members different orders. An admin can mend it: “Renew group key”, “Start again for everyone”.',
    ]);
    expect(bos.store.all('evidence')).toHaveLength(1);
    expect(decided()).toEqual([]);
    await room.pass(15_000);
    expect(row().asked).toBeGreaterThan(0);
  });

  it.each([
    ['is a stranger’s', () => step(cy, [], { epoch: 5, parent: new Uint8Array(32).fill(7) })],
    [
      'somebody else signed',
      () =>
        step(cy, [], {
          epoch: 5,
          parent: new Uint8Array(32).fill(7),
          committer: ada.identity.card.fingerprint,
        }),
    ],
    ['is of this epoch', () => step(ada, [], { epoch: 1, parent: new Uint8Array(32).fill(7) })],
    ['is of another group', () => step(ada, [], { epoch: 5, group: new Uint8Array(16) })],
    ['follows', () => step(ada, [], { epoch: 5 })],
  ])('that this epoch does not lead to tells nothing if it %s', async (_, make) => {
    await show(make(), 15_000);
    expect(bos.store.all('evidence')).toEqual([]);
    expect(row().asked).toBe(0);
    expect(room.log).toContain('Bo: group envelope refused: bad-commit');
  });

  it('of an epoch that is over without one is refused', async () => {
    const reset = step(ada, [], { reason: 'reset', cut: [], parent: new Uint8Array(32).fill(7) });
    await trio.bring(ada, reset);
    expect(bos.epoch(group)).toBe(2);
    const since = room.relay.seen.length;
    await show(step(ada));
    expect(room.log).toContain('Bo: group envelope refused: wrong-group');
    expect(answers(since)).toEqual([]);
  });

  it('ends its epoch: what came before and is above its cut is not taken any more', async () => {
    await show(step(ada));
    expect(bos.store.all('epoch')[0]!.cut).toEqual(new Uint8Array(6));
  });

  it('puts an end to the own one that comes second', async () => {
    await bos.client.groups.renew(group);
    await trio.until(() => bos.store.all('own').length > 0);
    const other = step(ada);
    await show(other);
    expect(bos.store.all('own')).toEqual([]);
    expect(decided()).toEqual([other.commit.bytes]);
    expect(bos.store.all('outbox').filter(({ epoch, sqn }) => epoch === 2 && sqn === 0)).toEqual([]);
    await hand(ada, other);
    expect(bos.epoch(group)).toBe(2);
    expect(bos.store.all('intent')).toEqual([]);
  });

  it('of one’s own needs no token', async () => {
    await bos.client.groups.renew(group);
    await room.pass(1_000);
    expect(bos.epoch(group)).toBe(2);
    for (const table of ['own', 'next', 'rekey', 'intent'] as const) expect(bos.store.all(table)).toEqual([]);
  });
});

describe('the own commit', () => {
  beforeEach(gather);

  it.each([
    ['is published again if the relay lost it', false],
    ['is published again after a restart if the relay lost it', true],
  ])('%s', async (_, restarts) => {
    room.relay.turn({ ...GOOD, lose: 1 });
    await bos.client.groups.renew(group);
    await room.pass(1_000);
    if (restarts) {
      await bos.reopen();
      await room.pass(1_000);
    }
    room.relay.turn(GOOD);
    await room.pass(57_000);
    expect(bos.epoch(group)).toBe(1);
    await room.pass(5_000);
    expect(bos.epoch(group)).toBe(2);
    const { asked } = row();
    await room.pass(60_000);
    expect([row().lost, asked]).toEqual(['', 0]);
  });

  it('that was stored and did not leave leaves after a restart', async () => {
    await bos.client.groups.renew(group);
    await trio.until(() => bos.store.all('own').length > 0);
    await bos.reopen();
    await room.pass(2_000);
    expect(bos.epoch(group)).toBe(2);
    expect((await bos.notices(group)).join()).not.toContain('a key that is not');
  });
});

describe('a decided commit', () => {
  beforeEach(gather);

  it('is gone on with after a restart', async () => {
    const made = step(ada);
    await show(made);
    await bos.reopen();
    await room.pass(1_000);
    const since = room.relay.seen.length;
    await show(step(mal));
    expect(answers(since)).toEqual([toHex(made.commit.hash)]);
    await hand(ada, made);
    expect(bos.epoch(group)).toBe(2);
  });

  it('is waited for again after a restart', async () => {
    await show(step(ada));
    await bos.reopen();
    await room.pass(19_500);
    expect(row().lost).toBe('');
    await room.pass(1_000);
    expect(row().lost).toBe('no-token');
  });

  it('with all it takes is switched to after a restart', async () => {
    const made = step(ada);
    await hand(ada, made);
    await bos.store.commit([
      { put: 'next', row: { chat: fromHex(group), commit: made.commit.bytes, at: room.time.now } },
    ]);
    await bos.reopen();
    await room.pass(1_000);
    expect(bos.epoch(group)).toBe(2);
  });
});

describe('two groups', () => {
  beforeEach(gather);
  let cys: Guest;
  let other: string;
  beforeEach(async () => {
    cys = await Guest.enter(room, cy, known(bo));
    await bos.client.directory.import(cardText('card', cy.identity.card.bytes));
    const made = cys.client.invite('Other', [bos.id]);
    await room.pass(2_000);
    other = await made;
    await bos.accept();
    await room.pass(1_000);
  });
  const rowOf = (id: string) => bos.store.all('chat').find(({ id: chat }) => toHex(chat) === id)!;

  it('are renewed each by its own commit', async () => {
    await Promise.all([group, other].map((id) => bos.client.groups.renew(id)));
    await room.pass(2_000);
    expect([bos.epoch(group), bos.epoch(other)]).toEqual([2, 2]);
  });

  it('follow each its own commit after a restart', async () => {
    await show(step(ada));
    await bos.reopen();
    await room.pass(1_000);
    await cys.client.groups.renew(other);
    await room.pass(1_000);
    expect([bos.epoch(group), bos.epoch(other)]).toEqual([1, 2]);
  });

  it.each([
    ['a key', () => hand(ada, step(ada))],
    [
      'a commit',
      () => {
        room.relay.turn({ ...GOOD, lose: 1 });
        return bos.client.groups.renew(group);
      },
    ],
  ])('miss each what belongs to %s of its own', async (_, begin) => {
    await begin();
    await room.pass(1_000);
    await bos.reopen();
    await room.pass(120_000);
    expect(rowOf(group).asked).toBeGreaterThan(0);
    expect(rowOf(other).asked).toBe(0);
  });
});
