import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../../src/crypto/bytes.js';
import { openEnvelope, sealEnvelope } from '../../../src/protocol/channel.js';
import { cardText } from '../../../src/protocol/cardText.js';
import { makeFrontier } from '../../../src/protocol/frontier.js';
import { makeLeave, type Leave } from '../../../src/protocol/leave.js';
import { sealMessage } from '../../../src/protocol/message.js';
import type { FrontierEntry, Payload } from '../../../src/protocol/payload.js';
import { MAX_TEXT_BYTES } from '../../../src/shared/limits.js';
import { envelopeOf, forge, knownIn, signOfLife, type Known } from '../../helpers/forging.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { acquainted, Guest, known, meet, Room } from '../../helpers/room.js';

const NOTHING = new Uint8Array(0);

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
/** What Mal knows of the epoch in which its session was cut off. */
let of: Known;
beforeEach(async () => {
  room = new Room();
  [adas, bos, mals] = await acquainted(room, ada, bo, mal);
  group = await meet(room, [adas, bos, mals]);
  of = knownIn(mals.store);
  room.relay.cutOff.add(mals.id);
});

let puts = 0;
/** Puts it into the channel of that epoch, and lets it be dealt with. */
async function say(envelope: Uint8Array, { access } = of, ms = 2_000): Promise<void> {
  room.relay.put(access.channel, envelope, `put ${puts++}`);
  await room.pass(ms);
}
/** A message of Mal's; the next one is made after it. */
async function send(text: string, payload: Partial<Payload> = {}, header = {}): Promise<void> {
  const { envelope, next } = forge(of, mal, text, payload, header);
  of = next;
  await say(envelope);
}
const placeOf = ({ identity: { card } }: Person): number =>
  of.roster.findIndex(({ fingerprint }) => Buffer.compare(fingerprint, card.fingerprint) === 0);
const frontierOf = (
  entries: readonly FrontierEntry[],
  next: Uint8Array = NOTHING,
  { at, commit }: Known = of,
): Uint8Array => makeFrontier(mal.identity.signKey, commit.hash, { ...at, entries, next });
const sayFrontier = (...values: Parameters<typeof frontierOf>) =>
  say(envelopeOf(of, 'frontier', frontierOf(...values)));
const leaveOf = (change: Partial<Leave> = {}): Uint8Array =>
  makeLeave(mal.identity.signKey, {
    group: of.at.group,
    epoch: of.at.epoch,
    parent: of.commit.hash,
    member: mal.identity.card.fingerprint,
    successor: NOTHING,
    ...change,
  });
const row = () => adas.store.all('chat')[0]!;
const unread = () => adas.client.view().groups[0]!.unread;
const refusals = () =>
  room.log
    .filter((event) => event.startsWith('Ada: group envelope refused'))
    .map((event) => event.split(': ')[2]);

/** Ada meets Cy, and brings it into the group. */
async function inviteCy(): Promise<[Person, Guest]> {
  const [cy] = await makePeople(['Cy']);
  const cys = await Guest.enter(room, cy, known(ada));
  await adas.client.directory.import(cardText('card', cy.identity.card.bytes));
  await room.pass(1_000);
  await adas.client.groups.add(group, [cys.id]);
  await room.pass(5_000);
  return [cy, cys];
}

describe('a text', () => {
  it('is shown, unread, and counts towards the renewal of its epoch', async () => {
    const { count } = row();
    await send('one');
    await send('two');
    expect(await adas.texts(group)).toEqual(['one', 'two']);
    expect(unread()).toBe(2);
    expect(row().count).toBe(count + 2);
  });

  it('that is sealed again is shown once, also across a restart', async () => {
    const said = { id: new Uint8Array(16).fill(1), time: 5, content: utf8('one') };
    await send('', said);
    await send('', said);
    await adas.reopen();
    await room.pass(1_000);
    await send('', said);
    expect(await adas.texts(group)).toEqual(['one']);
    expect(unread()).toBe(1);
    expect(await adas.notices(group)).not.toContainEqual(expect.stringContaining('as if they were one'));
  });

  it('under the id of another one is told, and not shown', async () => {
    const said = { id: new Uint8Array(16).fill(1), time: 5 };
    await send('', { ...said, content: utf8('one') });
    await send('', { ...said, content: utf8('other') });
    expect(await adas.texts(group)).toEqual(['one']);
    expect(unread()).toBe(1);
    expect(await adas.notices(group)).toContain('Mal sent two different messages as if they were one.');
  });

  it.each([
    ['is not UTF-8', Uint8Array.of(0xff)],
    ['is too long', new Uint8Array(MAX_TEXT_BYTES + 1).fill(97)],
  ])('that %s is told as damaged', async (_, content) => {
    await send('', { content });
    await send('next');
    expect(await adas.texts(group)).toEqual(['next']);
    expect(unread()).toBe(1);
    expect(await adas.notices(group)).toContain('A damaged message from Mal could not be read.');
  });

  it('of the greatest length is shown', async () => {
    await send('', { content: new Uint8Array(MAX_TEXT_BYTES).fill(97) });
    expect(await adas.texts(group)).toEqual(['a'.repeat(MAX_TEXT_BYTES)]);
  });

  it('that is signed and does not open is told as damaged, once', async () => {
    const own = of.members[of.at.place]!;
    const header = { ...of.at, sqn: 1, salt: new Uint8Array(16), previous: own.last_hash };
    const wrong = new Uint8Array(32).fill(9);
    const padded = new Uint8Array(256).fill(1);
    const { bytes } = sealMessage(mal.identity.signKey, of.commit.hash, wrong, header, padded);
    await say(envelopeOf(of, 'message', bytes));
    await say(envelopeOf(of, 'message', bytes));
    const told = (await adas.notices(group)).filter((text) => text.includes('damaged'));
    expect(told).toEqual(['A damaged message from Mal could not be read.']);
    expect(unread()).toBe(0);
  });

  it('of a kind to come is not shown, and nothing is said of it', async () => {
    const before = await adas.notices(group);
    await send('', { kind: 'reaction', content: utf8('thumb') });
    expect(await adas.texts(group)).toEqual([]);
    expect(await adas.notices(group)).toEqual(before);
    expect(unread()).toBe(0);
  });
});

describe('a channel', () => {
  it('carries messages of its epoch and of ended ones, and none of a later one', async () => {
    const late = forge(of, mal, 'late');
    room.relay.cutOff.clear();
    await mals.client.send(group, 'first');
    await room.pass(2_000);
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    expect(mals.epoch(group)).toBe(2);
    room.relay.cutOff.add(mals.id);
    const now = knownIn(mals.store);
    const early = forge(now, mal, 'early');
    await say(envelopeOf(of, 'message', early.data));
    expect(refusals()).toEqual(['wrong-group']);
    await say(envelopeOf(now, 'message', early.data), now);
    expect(await adas.texts(group)).toEqual(['first', 'early']);
    // Behind the cut, and another message under a number that is taken: not shown.
    await say(envelopeOf(now, 'message', late.data), now);
    expect(await adas.texts(group)).toEqual(['first', 'early']);
  });

  it('whose items do not open makes its member ask whether it missed something', async () => {
    const seen = room.relay.seen.length;
    await say(new Uint8Array(300).fill(7), of, 20_000);
    const asked = room.relay.seen.slice(seen).filter(({ channel }) => channel.kind === 'inbox');
    expect(asked).not.toEqual([]);
  });

  it('carries what is refused without a question', async () => {
    const seen = room.relay.seen.length;
    await say(sealEnvelope(of.epoch.seal_key, 'message', Uint8Array.of(1), new Uint8Array(16)), of, 20_000);
    expect(refusals()).toEqual(['malformed']);
    const asked = room.relay.seen.slice(seen).filter(({ channel }) => channel.kind === 'inbox');
    expect(asked).toEqual([]);
  });
});

describe('a contradiction', () => {
  it('is kept with both versions, and told once', async () => {
    const [one, other] = [forge(of, mal, 'one'), forge(of, mal, 'other')];
    await say(one.envelope);
    await say(other.envelope);
    await say(envelopeOf(of, 'message', other.data));
    expect(await adas.texts(group)).toEqual(['one']);
    const told = (await adas.notices(group)).filter((text) => text.includes('one number'));
    expect(told).toEqual(['Mal signed two messages with one number.']);
    expect(adas.store.all('evidence')).toMatchObject([{ one: other.data, other: one.data }]);
  });

  it('is kept and told in one record', async () => {
    const commit = vi.spyOn(adas.store, 'commit');
    const told = () =>
      commit.mock.lastCall![0].map((change) => ('put' in change ? change.put : Object.keys(change)[0]));
    await say(forge(of, mal, 'one').envelope);
    await say(forge(of, mal, 'other').envelope);
    expect(told()).toEqual(['evidence', 'position', 'chat', 'history']);
    const other = new Uint8Array(32).fill(1);
    await bos.client.groups.renew(group);
    await room.pass(2_000);
    await sayFrontier([], other);
    expect(told()).toEqual(['evidence', 'position', 'chat', 'history']);
  });

  it('is kept with the version that it contradicts, among many', async () => {
    await send('one');
    const two = forge(of, mal, 'two');
    const other = forge(of, mal, 'other');
    await say(two.envelope);
    await say(other.envelope);
    expect(adas.store.all('kept')).toHaveLength(2);
    expect(adas.store.all('evidence')).toMatchObject([{ one: other.data, other: two.data }]);
  });

  it('of a message that is no longer kept is told, too', async () => {
    const [one, other] = [forge(of, mal, 'one'), forge(of, mal, 'other')];
    await say(one.envelope);
    const [{ chat, epoch, place, sqn } = expect.fail('not kept')] = adas.store.all('kept');
    await adas.store.commit([{ drop: 'kept', key: [chat, epoch, place, sqn] }]);
    await say(other.envelope);
    expect(adas.store.all('evidence')).toMatchObject([{ one: other.data, other: NOTHING }]);
  });

  it('in what others hold names both', async () => {
    await bos.client.send(group, 'from Bo');
    await room.pass(2_000);
    await sayFrontier([{ place: placeOf(bo), sqn: 1, hash: new Uint8Array(32).fill(1) }]);
    expect(await adas.notices(group)).toContain(
      'Mal holds another message of Bo than you do, under the same number: one of the two shows different people different things.',
    );
  });

  it('about the own messages names oneself', async () => {
    await adas.client.send(group, 'mine');
    await room.pass(2_000);
    await sayFrontier([{ place: placeOf(ada), sqn: 1, hash: new Uint8Array(32).fill(1) }]);
    const { messages } = await adas.client.page(group);
    expect(messages.find(({ kind }) => kind === 'text')?.delivery).toEqual({
      state: 'received',
      by: 1,
      of: 2,
    });
  });
});

describe('a receipt', () => {
  it('that follows another change is told and kept once, and answered with what counts here', async () => {
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    const seen = room.relay.seen.length;
    await sayFrontier([], new Uint8Array(32).fill(3));
    await sayFrontier([], new Uint8Array(32).fill(3));
    const told = (await adas.notices(group)).filter((text) => text.includes('another change'));
    expect(told).toEqual([
      'Mal follows another change of this group than you do: the relay shows its members different orders. An admin can mend it: “Renew group key”, “Start again for everyone”.',
    ]);
    expect(adas.store.all('evidence')).toMatchObject([{ other: knownIn(adas.store).commit.hash }]);
    const answers = room.relay.seen
      .slice(seen)
      .filter(({ channel }) => Buffer.compare(channel.key, of.access.channel.key) === 0);
    // Mal's two, and one of each other member.
    expect(answers.length).toBe(4);
  });

  it('that follows the same change is no contradiction', async () => {
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    await sayFrontier([], knownIn(adas.store).commit.hash);
    expect(adas.store.all('evidence')).toEqual([]);
  });

  it('of a change that did not come makes its member ask for it, after a while', async () => {
    const seen = room.relay.seen.length;
    await sayFrontier([], new Uint8Array(32).fill(3));
    expect(adas.store.all('evidence')).toEqual([]);
    const asked = () => room.relay.seen.slice(seen).filter(({ channel }) => channel.kind === 'inbox');
    expect(asked()).toEqual([]);
    await room.pass(90_000);
    expect(asked()).not.toEqual([]);
  });

  it('of what is here already changes nothing', async () => {
    await adas.client.send(group, 'mine');
    await room.pass(2_000);
    const [mine] = adas.store.all('accepted');
    const entries = [{ place: placeOf(ada), sqn: 1, hash: mine!.hash }];
    await sayFrontier(entries);
    const before = adas.store.all('position');
    const { messages } = await adas.client.page(group);
    expect(messages.at(-1)?.delivery).toEqual({ state: 'received', by: 2, of: 2 });
    await sayFrontier(entries);
    expect(adas.store.all('position')).toEqual(before);
  });

  it('in another name is refused', async () => {
    const data = makeFrontier(mal.identity.signKey, of.commit.hash, {
      ...of.at,
      place: placeOf(bo),
      entries: [],
      next: new Uint8Array(32).fill(3),
    });
    await say(envelopeOf(of, 'frontier', data));
    expect(refusals()).toEqual(['bad-signature']);
    expect(adas.store.all('evidence')).toEqual([]);
  });
});

describe('a sign of life', () => {
  it('of who was invited is told once, and ends the wait for its answer', async () => {
    const [cy, cys] = await inviteCy();
    expect(adas.store.all('invited').map(({ fingerprint }) => fingerprint)).toEqual([
      cy.identity.card.fingerprint,
    ]);
    await cys.accept();
    await room.pass(5_000);
    expect(adas.store.all('invited')).toEqual([]);
    expect((await adas.notices(group)).filter((text) => text === 'Cy joined.')).toHaveLength(1);
    await cys.client.send(group, 'hello');
    await room.pass(2_000);
    expect((await adas.notices(group)).filter((text) => text === 'Cy joined.')).toHaveLength(1);
  });

  it('of who is known to be there changes nothing', async () => {
    const before = await adas.notices(group);
    await say(envelopeOf(of, 'frontier', signOfLife(of, mal)));
    expect(await adas.notices(group)).toEqual(before);
  });
});

describe('a leave statement', () => {
  const wanted = () => [...adas.store.all('intent'), ...bos.store.all('intent')].map(({ kind }) => kind);

  it('is told, and taken up', async () => {
    await send('', { kind: 'leave', content: leaveOf() });
    expect(await adas.notices(group)).toContain('Mal left.');
    await room.pass(120_000);
    expect(
      adas.client
        .view()
        .groups[0]!.members.map(({ name }) => name)
        .sort(),
    ).toEqual(['Ada', 'Bo']);
  });

  it('that comes again is told once', async () => {
    const said = { id: new Uint8Array(16).fill(1), time: 5, kind: 'leave', content: leaveOf() } as const;
    await send('', said);
    await send('', said);
    expect((await adas.notices(group)).filter((text) => text === 'Mal left.')).toHaveLength(1);
  });

  it.each([
    ['of an epoch that this is not', () => leaveOf({ parent: new Uint8Array(32).fill(1) }), false],
    ['about somebody else', () => leaveOf({ member: bo.identity.card.fingerprint }), true],
    ['that is none', () => utf8('I go'), true],
  ])('%s is not taken up', async (_, content, isRefused) => {
    await send('', { kind: 'leave', content: content() });
    expect(wanted()).toEqual([]);
    expect(room.log.some((event) => event.startsWith('Ada: leave statement refused'))).toBe(isRefused);
  });

  it('in an epoch that is over is not taken up', async () => {
    await send('one');
    const late = forge(of, mal, '', { kind: 'leave', content: leaveOf() });
    await say(late.envelope, of, 0);
    // Ada decides on the next epoch before it comes.
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    expect(wanted()).toEqual([]);
  });

  it('of who never took part is told as declining', async () => {
    const [, cys] = await inviteCy();
    await cys.client.decline(cys.client.view().invitations[0]!.id);
    await room.pass(5_000);
    const told = (await adas.notices(group)).filter((text) => text.startsWith('Cy'));
    expect(told).toEqual(['Cy declined the invitation.']);
    expect(adas.store.all('invited')).toEqual([]);
  });

  it('that names an heir is seen to by that one at once', async () => {
    await send('', { kind: 'leave', content: leaveOf({ successor: ada.identity.card.fingerprint }) });
    const [intent] = [...adas.store.all('intent')];
    const epoch = adas.epoch(group);
    // Either it is done already, or it is due.
    expect(epoch === 2 || (intent !== undefined && intent.due <= room.time.now)).toBe(true);
  });
});

it('a message of who was removed, and does not know it, is answered with the commit', async () => {
  await adas.client.groups.remove(group, mals.id);
  await room.pass(5_000);
  const { commit } = knownIn(adas.store);
  const seen = room.relay.seen.length;
  await say(forge(of, mal, 'still here').envelope);
  expect(await adas.texts(group)).toEqual([]);
  const shown = room.relay.seen
    .slice(seen + 1)
    .filter(({ channel }) => Buffer.compare(channel.key, of.access.channel.key) === 0)
    .map(({ envelope }) => openEnvelope(of.epoch.seal_key, envelope));
  expect(shown).not.toEqual([]);
  for (const item of shown) expect(item).toEqual({ kind: 'commit', data: commit.bytes });
});

it('what carries my signature and is not mine means that this is an older copy', async () => {
  // Nobody brings it back.
  room.relay.cutOff.add(bos.id);
  const mine = forge(knownIn(adas.store), ada, 'of another copy');
  await say(mine.envelope);
  expect(adas.stopped(group)).toContain('is older than what was sent with its key');
});
