import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openEnvelope } from '../../../src/protocol/channel.js';
import { parseMessage } from '../../../src/protocol/message.js';
import { makeFrontier } from '../../../src/protocol/frontier.js';
import { makeResend, MAX_ASKED, parseResend } from '../../../src/protocol/resend.js';
import { envelopeOf, forge, knownIn, type Known } from '../../helpers/forging.js';
import { makePeople, type Person } from '../../helpers/people.js';
import type { Guest } from '../../helpers/room.js';
import { acquainted, meet, Room } from '../../helpers/room.js';

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
const put = (envelope: Uint8Array, audience?: readonly Guest[]): void => {
  const shownTo = audience && new Set(audience.map(({ id }) => id));
  room.relay.put(of.access.channel, envelope, `put ${puts++}`, shownTo);
};
/** The next messages of Mal. */
const make = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const { next, ...message } = forge(of, mal, `text ${i + 1}`);
    of = next;
    return message;
  });
const placeOf = ({ identity: { card } }: Person): number =>
  of.roster.findIndex(({ fingerprint }) => Buffer.compare(fingerprint, card.fingerprint) === 0);
const missing = (guest: Guest) => guest.client.view().groups[0]!.missing;
/** What went through the channel since so many envelopes, opened. */
const since = (seen: number) =>
  room.relay.seen
    .slice(seen)
    .filter(({ channel }) => Buffer.compare(channel.key, of.access.channel.key) === 0)
    .map(({ envelope }) => openEnvelope(of.epoch.seal_key, envelope));
const requests = (seen: number) =>
  since(seen).flatMap(({ kind, data }) => (kind === 'resend' ? [parseResend(data)] : []));
const messages = (seen: number) =>
  since(seen).flatMap(({ kind, data }) => (kind === 'message' ? [parseMessage(data).sqn] : []));
/** Mal asks for messages of this person. */
function ask(person: Person, sqns: readonly number[], signer = mal): void {
  const body = { ...of.at, of: placeOf(person), sqns };
  put(envelopeOf(of, 'resend', makeResend(signer.identity.signKey, of.commit.hash, body)));
}

describe('a gap', () => {
  it('is named at once, asked about a second later, and then less and less often', async () => {
    const [, , third] = make(3);
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    put(third!.envelope);
    await room.pass(500);
    expect(missing(adas)).toEqual([{ name: 'Mal', count: 2 }]);
    expect(requests(seen)).toEqual([]);
    await room.pass(1_000);
    expect(requests(seen)).toMatchObject([{ place: placeOf(ada), of: placeOf(mal), sqns: [1, 2] }]);
    await room.pass(14_000);
    expect(requests(seen)).toHaveLength(1);
    await room.pass(2_000);
    expect(requests(seen)).toHaveLength(2);
    await room.pass(28_000);
    expect(requests(seen)).toHaveLength(2);
    await room.pass(3_000);
    expect(requests(seen)).toHaveLength(3);
  });

  it('is asked about once an hour at least', async () => {
    const [, second] = make(2);
    room.relay.cutOff.add(bos.id);
    put(second!.envelope);
    await room.pass(6 * 3600_000);
    const seen = room.relay.seen.length;
    await room.pass(3 * 3600_000);
    expect(requests(seen)).toHaveLength(3);
  });

  it('is asked about in time, whatever else comes', async () => {
    const [, second] = make(2);
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    put(second!.envelope);
    for (let i = 0; i < 40; i++) {
      await room.pass(500);
      put(make(1)[0]!.envelope);
    }
    expect(requests(seen)).toHaveLength(2);
  });

  it('that only others tell of does not hurry the next question', async () => {
    room.relay.cutOff.add(bos.id);
    await room.pass(1_000);
    const seen = room.relay.seen.length;
    for (let sqn = 1; sqn <= 10; sqn++) {
      const entries = [{ place: placeOf(bo), sqn, hash: new Uint8Array(32).fill(sqn) }];
      const next = new Uint8Array(0);
      put(
        envelopeOf(
          of,
          'frontier',
          makeFrontier(mal.identity.signKey, of.commit.hash, { ...of.at, entries, next }),
        ),
      );
      await room.pass(1_500);
    }
    expect(missing(adas)).toEqual([{ name: 'Bo', count: 10 }]);
    expect(requests(seen)).toHaveLength(1);
  });

  it('that closes is asked about no more, and the next one without delay', async () => {
    const [first, second, , fourth] = make(4);
    room.relay.cutOff.add(bos.id);
    put(second!.envelope);
    await room.pass(5_000);
    put(first!.envelope);
    await room.pass(100);
    expect(missing(adas)).toEqual([]);
    const seen = room.relay.seen.length;
    await room.pass(60_000);
    expect(requests(seen)).toEqual([]);
    put(fourth!.envelope);
    await room.pass(1_500);
    expect(requests(seen)).toHaveLength(1);
    expect(await adas.texts(group)).toEqual(['text 2', 'text 1', 'text 4']);
  });

  it('is asked about in parts', async () => {
    const last = make(MAX_ASKED + 51).at(-1)!;
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    put(last.envelope);
    await room.pass(1_500);
    expect(missing(adas)).toEqual([{ name: 'Mal', count: MAX_ASKED + 50 }]);
    expect(requests(seen).map(({ sqns }) => sqns.length)).toEqual([MAX_ASKED]);
  });

  it('is asked about once there is a connection', async () => {
    const [, second] = make(2);
    room.relay.cutOff.add(bos.id);
    put(second!.envelope);
    await room.pass(500);
    room.relay.up = false;
    room.relay.disconnect();
    const seen = room.relay.seen.length;
    await room.pass(30_000);
    expect(requests(seen)).toEqual([]);
    room.relay.up = true;
    await room.pass(30_000);
    expect(requests(seen)).not.toEqual([]);
  });

  it('is no matter of who is out of the group', async () => {
    const [, second] = make(2);
    put(second!.envelope, [adas]);
    await room.pass(100);
    await adas.store.commit([{ put: 'chat', row: { ...adas.store.all('chat')[0]!, state: 'left' } }]);
    const seen = room.relay.seen.length;
    await adas.reopen();
    await room.pass(60_000);
    expect(requests(seen).filter(({ place }) => place === placeOf(ada))).toEqual([]);
  });

  it('is closed by whoever holds what is missing', async () => {
    const [first, second] = make(2);
    put(first!.envelope, [bos]);
    put(second!.envelope);
    // What Bo has just seen it gives to nobody yet.
    await room.pass(5_000);
    expect(await adas.texts(group)).toEqual(['text 2']);
    await room.pass(20_000);
    expect(await adas.texts(group)).toEqual(['text 2', 'text 1']);
    expect(missing(adas)).toEqual([]);
  });
});

describe('a request', () => {
  it('for own messages is answered at once, as they were signed', async () => {
    await adas.client.send(group, 'one');
    await adas.client.send(group, 'two');
    await room.pass(2_000);
    const sent = since(0).filter(({ kind }) => kind === 'message');
    await room.pass(10_000);
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    ask(ada, [1, 2, 3]);
    await room.pass(150);
    expect(since(seen).filter(({ kind }) => kind === 'message')).toEqual(sent);
  });

  it('for another’s is left to its sender for a while', async () => {
    const [first] = make(1);
    put(first!.envelope);
    await room.pass(11_000);
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    ask(mal, [1]);
    await room.pass(150);
    expect(messages(seen)).toEqual([]);
    await room.pass(2_200);
    expect(messages(seen)).toEqual([1]);
  });

  it('for another’s is left to whoever was faster', async () => {
    const [first] = make(1);
    put(first!.envelope);
    await room.pass(11_000);
    const seen = room.relay.seen.length;
    ask(mal, [1]);
    await room.pass(50);
    put(first!.envelope);
    await room.pass(5_000);
    expect(messages(seen)).toEqual([1]);
  });

  it('that somebody else signed is refused', async () => {
    const [first] = make(1);
    put(first!.envelope);
    await room.pass(11_000);
    const seen = room.relay.seen.length;
    ask(mal, [1], bo);
    await room.pass(5_000);
    expect(messages(seen)).toEqual([]);
    expect(room.log.filter((event) => event.includes('refused: bad-signature'))).toHaveLength(2);
  });

  it('is answered once in a while, whoever answered', async () => {
    await adas.client.send(group, 'one');
    await room.pass(11_000);
    const seen = room.relay.seen.length;
    ask(ada, [1]);
    await room.pass(3_000);
    ask(ada, [1]);
    await room.pass(3_000);
    expect(messages(seen)).toEqual([1]);
    await room.pass(6_000);
    ask(ada, [1]);
    await room.pass(3_000);
    expect(messages(seen)).toEqual([1, 1]);
  });

  it('for what is not here, or behind the cut, gets no answer', async () => {
    const [first, second] = make(2);
    put(first!.envelope);
    await room.pass(2_000);
    await adas.client.groups.renew(group);
    await room.pass(11_000);
    const seen = room.relay.seen.length;
    ask(mal, [2, 3]);
    put(second!.envelope);
    await room.pass(4_000);
    expect(messages(seen)).toEqual([2]);
    expect(await adas.texts(group)).toEqual(['text 1']);
  });

  it('from a place that nobody has is refused', async () => {
    const body = { ...of.at, place: 3, of: 0, sqns: [1] };
    put(envelopeOf(of, 'resend', makeResend(mal.identity.signKey, of.commit.hash, body)));
    await room.pass(1_000);
    expect(room.log.filter((event) => event.includes('refused: bad-signature'))).toHaveLength(2);
  });

  it('in my own name is none to me', async () => {
    await adas.client.send(group, 'one');
    await room.pass(11_000);
    room.relay.cutOff.add(bos.id);
    const seen = room.relay.seen.length;
    const body = { ...of.at, place: placeOf(ada), of: placeOf(ada), sqns: [1] };
    put(envelopeOf(of, 'resend', makeResend(ada.identity.signKey, of.commit.hash, body)));
    await room.pass(5_000);
    expect(messages(seen)).toEqual([]);
  });
});

it('a session that is closed asks nothing more', async () => {
  const [, second] = make(2);
  put(second!.envelope, [adas]);
  await room.pass(500);
  const seen = room.relay.seen.length;
  await adas.close();
  await room.pass(30_000);
  expect(requests(seen)).toEqual([]);
});
