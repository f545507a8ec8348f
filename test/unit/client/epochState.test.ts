import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { groupChannel } from '../../../src/client/connection.js';
import { EpochState, type Received } from '../../../src/client/epochState.js';
import { epochRows, foundGroup } from '../../../src/client/found.js';
import { loadMembers } from '../../../src/client/loadEpoch.js';
import { uintBytes, utf8 } from '../../../src/crypto/bytes.js';
import { sha256 } from '../../../src/crypto/hash.js';
import { systemRandom } from '../../../src/crypto/random.js';
import type { Card } from '../../../src/protocol/card.js';
import { openEnvelope } from '../../../src/protocol/channel.js';
import { MAX_SQN } from '../../../src/protocol/commit.js';
import { ProtocolError, UserError } from '../../../src/protocol/errors.js';
import {
  makeFrontier,
  parseFrontier,
  verifyFrontier,
  type Frontier,
} from '../../../src/protocol/frontier.js';
import {
  advanceChain,
  parseMessage,
  sealMessage,
  type MessageHeader,
} from '../../../src/protocol/message.js';
import { encodePayload, type FrontierEntry, type Payload } from '../../../src/protocol/payload.js';
import { placeOf } from '../../../src/protocol/roster.js';
import { epochSecrets, type EpochSecrets } from '../../../src/protocol/schedule.js';
import type { Change, Tables } from '../../../src/store/schema.js';
import { atOnce } from '../../helpers/atOnce.js';
import { NOW, payloadOf } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';

const NOTHING = new Uint8Array(0);
const OTHER = new Uint8Array(32).fill(9);
const epoch = 1;

/** In the order of their places. */
let people: Person[];
beforeAll(async () => {
  const unsorted = await makePeople(['Ada', 'Bo', 'Cy', 'Di']);
  people = [...unsorted].sort((a, b) =>
    Buffer.compare(a.identity.card.fingerprint, b.identity.card.fingerprint),
  );
});
const keyOf = (place: number) => people[place]!.identity.signKey;
const cardOf = (place: number) => people[place]!.identity.card;

let group: ReturnType<typeof foundGroup>;
let secrets: EpochSecrets;
let chat: Uint8Array;
/** The founder at place 0, and the others at 1 to 3. */
let ada: EpochState;
let bo: EpochState;
let cy: EpochState;
let di: EpochState;
beforeEach(() => {
  const [founder, ...others] = people;
  group = foundGroup(
    founder!.identity,
    'Team',
    others.map(({ identity }) => identity.card),
    systemRandom,
    NOW,
  );
  chat = group.commit.group;
  secrets = atOnce(epochSecrets(group.joiner, group.commit.hash, people.length));
  [ada, bo, cy, di] = [side(0), side(1), side(2), side(3)];
});
const rowsOf = (place: number) => epochRows(group.commit, group.roster, place, secrets, NOW);
/** A member's row as an epoch starts. */
const fresh = (place: number): Tables['member'] => rowsOf(0).members[place]!;
function side(place: number, change: Partial<Tables['epoch']> = {}): EpochState {
  const rows = rowsOf(place);
  const cards = people.map(({ identity }) => identity.card);
  return new EpochState({ ...rows.epoch, ...change }, loadMembers(rows.members, cards));
}
/** Each with state of its own, as after a restart. */
const reloaded = ({ row, members }: EpochState) =>
  new EpochState(
    row,
    members.map(({ accepted, skipped, frontier, ...rest }) => ({
      ...rest,
      accepted: new Map(accepted),
      skipped: new Map(skipped),
      frontier: new Map(frontier),
    })),
  );

interface Said {
  readonly data: Uint8Array;
  readonly hash: Uint8Array;
}
function say(from: EpochState, change: Partial<Payload> = {}, signer = from.row.place): Said {
  const { envelope } = from.send(keyOf(signer), payloadOf('hello', change), systemRandom);
  const { data } = openEnvelope(from.row.seal_key, envelope);
  return { data, hash: parseMessage(data).hash };
}
const chainAt = (place: number, sqn: number): Uint8Array => {
  const chain = secrets.chains[place]!;
  return sqn === 1 ? chain : advanceChain(chain, 1, sqn - 1).chain;
};
const messageKeyAt = (place: number, sqn: number): Uint8Array =>
  advanceChain(chainAt(place, sqn), sqn, sqn).messageKey;
/** A message as the member at `place` could make it. */
function forge(
  place: number,
  sqn: number,
  header: Partial<MessageHeader> = {},
  padded = encodePayload(payloadOf('forged')),
  signer = place,
): Said {
  const previous = sqn === 1 ? group.commit.hash : OTHER;
  const fields = { group: chat, epoch, place, sqn, salt: systemRandom(16), previous, ...header };
  const { commit } = group;
  const { bytes, hash } = sealMessage(keyOf(signer), commit.hash, chainAt(place, sqn), fields, padded);
  return { data: bytes, hash };
}
const receive = (by: EpochState, { data }: Said): Received => by.receive(parseMessage(data), data);
/** What becomes of it. */
function outcome(work: () => Received): string {
  try {
    return work().kind;
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}
const given = (by: EpochState, said: Said) => outcome(() => receive(by, said));
/** Takes a message for which there are changes. */
function take(by: EpochState, said: Said) {
  const received = receive(by, said);
  if (received.kind !== 'message') throw new Error(`it is a ${received.kind}`);
  return received;
}
/** All of these receive all of that. */
const spread = (by: readonly EpochState[], ...said: Said[]): void => {
  for (const state of by) for (const one of said) take(state, one);
};
const entry = (place: number, sqn: number, hash: Uint8Array): FrontierEntry => ({ place, sqn, hash });
const frontierOf = (
  place: number,
  entries: readonly FrontierEntry[],
  change: Partial<Frontier> = {},
  signer = place,
): Uint8Array => {
  const fields = { group: chat, epoch, place, entries, next: NOTHING, ...change };
  return makeFrontier(keyOf(signer), group.commit.hash, fields);
};
const hear = (by: EpochState, data: Uint8Array): Received => by.receiveFrontier(parseFrontier(data));
/** A member says what it has. */
const tell = (by: EpochState, place: number, ...entries: FrontierEntry[]): Received =>
  hear(by, frontierOf(place, entries));
const changesOf = (received: Received): Change[] =>
  received.kind === 'duplicate' ? expect.fail('nothing is new') : received.changes;

/** By place: who holds another message of whom. */
const conflictsOf = (received: Received): [by: number, of: number][] =>
  received.kind === 'duplicate' ? [] : received.conflicts.map(({ by, of }) => [by.row.place, of.row.place]);

const frontierPut = (by_place: number, { place: of_place, sqn, hash }: FrontierEntry): Change => ({
  put: 'frontier',
  row: { chat, epoch, by_place, of_place, sqn, hash },
});
const skippedPut = (place: number, sqn: number, hash: Uint8Array = NOTHING): Change => ({
  put: 'skipped',
  row: { chat, epoch, place, sqn, message_key: messageKeyAt(place, sqn), hash },
});
const skippedDrop = (place: number, sqn: number): Change => ({
  drop: 'skipped',
  key: [chat, epoch, place, sqn],
});
const acceptedPuts = (place: number, sqn: number, { data, hash }: Said): Change[] => [
  { put: 'accepted', row: { chat, epoch, place, sqn, hash } },
  { put: 'kept', row: { chat, epoch, place, sqn, message: data } },
];
const memberPut = (place: number, change: Partial<Tables['member']>): Change => ({
  put: 'member',
  row: { ...fresh(place), ...change },
});

describe('an epoch', () => {
  it('knows its roster, channel and keys from its rows', () => {
    expect(bo.number).toBe(epoch);
    expect(bo.commit).toEqual(group.commit);
    expect(bo.roster).toEqual(group.roster);
    expect(bo.access).toEqual(groupChannel(secrets.channelSeed));
    expect(bo.me).toBe(bo.members[1]);
    expect(bo.member(cardOf(2).fingerprint)).toBe(bo.members[2]);
    expect(bo.keyOf(cardOf(2).fingerprint)).toBe(cardOf(2).signKey);
    expect(bo.member(OTHER)).toBeUndefined();
    expect(bo.keyOf(OTHER)).toBeUndefined();
  });

  it('needs its own place in the roster', () => {
    expect(() => side(4).me).toThrow(Error);
    expect(side(3).me.row.place).toBe(3);
  });

  it('starts with nothing sent, received or due', () => {
    expect(ada.complete()).toEqual([0, 0, 0, 0]);
    expect(ada.acknowledged()).toEqual([0, 0, 0, 0]);
    expect(ada.missing()).toEqual([]);
    expect(ada.unheard).toBe(false);
    expect(ada.owesReceipt).toBe(false);
    expect(ada.distrustCut()).toEqual([]);
  });
});

describe('sending', () => {
  it('uses up a number and its key', () => {
    const asked: number[] = [];
    const random = (length: number) => {
      asked.push(length);
      return systemRandom(length);
    };
    const { envelope, sqn, changes } = ada.send(keyOf(0), payloadOf('one'), random);
    const { kind, data } = openEnvelope(secrets.sealKey, envelope);
    const { hash, ...message } = parseMessage(data);
    expect(kind).toBe('message');
    expect(sqn).toBe(1);
    expect(message).toMatchObject({ group: chat, epoch, place: 0, sqn: 1, previous: group.commit.hash });
    expect(asked).toEqual([16, 16]);
    expect(changes).toEqual([
      memberPut(0, { chain: chainAt(0, 2), next_sqn: 2, complete_sqn: 1, last_hash: hash }),
      { put: 'accepted', row: { chat, epoch, place: 0, sqn: 1, hash } },
    ]);
    expect(ada.me.row).toEqual((changes[0] as { row: unknown }).row);
    expect(ada.complete()).toEqual([1, 0, 0, 0]);
  });

  it('names the message before', () => {
    const one = say(ada);
    expect(parseMessage(say(ada).data)).toMatchObject({ sqn: 2, previous: one.hash });
  });

  it('ends with the last number', () => {
    ada.me.row = { ...ada.me.row, next_sqn: MAX_SQN };
    expect(ada.send(keyOf(0), payloadOf('last'), systemRandom).sqn).toBe(MAX_SQN);
    const { row } = ada.me;
    const again = () => ada.send(keyOf(0), payloadOf('more'), systemRandom);
    expect(again).toThrow(UserError);
    expect(again).toThrow(expect.objectContaining({ code: 'used-up' }));
    expect(ada.me.row).toBe(row);
  });

  it('comes back as what is known', () => {
    const one = say(ada);
    expect(given(ada, one)).toBe('duplicate');
  });
});

describe('receiving', () => {
  it('takes a message with its text, and uses up its key', () => {
    const content = utf8('one');
    const one = say(ada, { content });
    const { changes, ...rest } = take(bo, one);
    expect(rest).toMatchObject({ kind: 'message', sqn: 1, first: false, conflicts: [] });
    expect(rest.sender).toBe(bo.members[0]);
    expect(rest.payload).toMatchObject({ kind: 'text', content });
    expect(changes).toEqual([
      memberPut(0, {
        chain: chainAt(0, 2),
        next_sqn: 2,
        complete_sqn: 1,
        last_hash: one.hash,
        presence: 'present',
      }),
      ...acceptedPuts(0, 1, one),
    ]);
    expect(bo.members[0]!.row).toEqual((changes[0] as { row: unknown }).row);
    expect(bo.members[0]!.accepted).toEqual(new Map([[1, one.hash]]));
    expect(given(bo, one)).toBe('duplicate');
    expect(given(bo, say(ada))).toBe('message');
    expect(bo.complete()).toEqual([2, 0, 0, 0]);
  });

  it('knows what it took again after a restart', () => {
    const one = say(ada);
    take(bo, one);
    bo = reloaded(bo);
    expect(given(bo, one)).toBe('duplicate');
    expect(given(bo, say(reloaded(ada)))).toBe('message');
  });

  it('shows that an invited member takes part', () => {
    expect(take(ada, say(bo))).toMatchObject({ first: true });
    expect(ada.members[1]!.row.presence).toBe('present');
    expect(take(ada, say(bo))).toMatchObject({ first: false });
  });

  it('shows that a member leaves, and a text does not', () => {
    take(ada, say(bo));
    expect(ada.members[1]!.row.presence).toBe('present');
    const left = take(ada, say(bo, { kind: 'leave' }));
    expect(left).toMatchObject({ first: false, payload: { kind: 'leave' } });
    expect(left.changes[0]).toMatchObject({ put: 'member', row: { presence: 'left' } });
    expect(ada.members[1]!.row.presence).toBe('left');
    expect(take(ada, say(cy, { kind: 'leave' }))).toMatchObject({ first: true });
    expect(ada.members[2]!.row.presence).toBe('left');
  });

  it('does not take who left for present by what was said before', () => {
    const before = say(bo);
    take(ada, say(bo, { kind: 'leave' }));
    expect(take(ada, before)).toMatchObject({ first: false });
    expect(ada.members[1]!.row.presence).toBe('left');
  });

  it('takes what goes along with a message', () => {
    const one = say(ada);
    take(bo, one);
    const reply = say(bo);
    const { changes, payload } = take(ada, reply);
    const told = entry(0, 1, one.hash);
    expect(payload?.frontier).toEqual([told]);
    expect(changes.slice(1)).toEqual([...acceptedPuts(1, 1, reply), frontierPut(1, told)]);
    expect(ada.members[1]!.frontier).toEqual(new Map([[0, told]]));
  });

  it.each<[string, Partial<MessageHeader>]>([
    ['group', { group: new Uint8Array(16) }],
    ['epoch', { epoch: 2 }],
    ['place', { place: 4 }],
  ])('refuses another %s', (_, header) => {
    expect(given(bo, forge(0, 1, header))).toBe('wrong-group');
    expect(given(bo, forge(0, 1))).toBe('message');
  });

  it('refuses what its sender did not sign, also under a number that is taken', () => {
    const foreign = forge(0, 1, {}, undefined, 2);
    expect(given(bo, foreign)).toBe('bad-signature');
    expect(bo.members[0]!.accepted.size).toBe(0);
    take(bo, say(ada));
    expect(given(bo, foreign)).toBe('bad-signature');
  });

  it('refuses what carries its own signature and is not its own', () => {
    expect(given(bo, forge(1, 1))).toBe('unknown-own');
    say(bo);
    expect(given(bo, forge(1, 1))).toBe('unknown-own');
    expect(bo.complete()).toEqual([0, 1, 0, 0]);
  });

  it('refuses another message under a number that is taken', () => {
    take(bo, say(ada));
    expect(given(bo, forge(0, 1))).toBe('equivocation');
    bo.setCut([0, 0, 0, 0]);
    expect(given(bo, forge(0, 1))).toBe('equivocation');
  });

  it('refuses a message after another one than the one that is here', () => {
    expect(given(bo, forge(0, 1, { previous: OTHER }))).toBe('equivocation');
    const one = say(ada);
    take(bo, one);
    expect(given(bo, forge(0, 2, { previous: OTHER }))).toBe('equivocation');
    expect(given(bo, forge(0, 2, { previous: one.hash }))).toBe('message');
  });

  it('refuses another message than the one that the next one named', () => {
    const [one, two, three] = [say(ada), say(ada), say(ada)];
    take(bo, three);
    expect(given(bo, forge(0, 2, { previous: one.hash }))).toBe('equivocation');
    bo = reloaded(bo);
    expect(given(bo, forge(0, 2, { previous: one.hash }))).toBe('equivocation');
    expect(given(bo, two)).toBe('message');
    expect(given(bo, forge(0, 1))).toBe('equivocation');
    expect(given(bo, one)).toBe('message');
  });

  it('takes messages in any order, each once', () => {
    const [one, two, three, four] = [say(ada), say(ada), say(ada), say(ada)];
    const third = take(bo, three);
    const ahead = { chain: chainAt(0, 4), next_sqn: 4, last_hash: three.hash };
    expect(third).toMatchObject({ sqn: 3, payload: { content: utf8('hello') } });
    expect(third.changes).toEqual([
      skippedPut(0, 1),
      skippedPut(0, 2),
      skippedPut(0, 2, two.hash),
      memberPut(0, ahead),
      ...acceptedPuts(0, 3, three),
    ]);
    expect(bo.complete()).toEqual([0, 0, 0, 0]);

    const first = take(bo, one);
    expect(first.payload).toMatchObject({ content: utf8('hello') });
    expect(first.changes).toEqual([
      skippedDrop(0, 1),
      memberPut(0, { ...ahead, complete_sqn: 1 }),
      ...acceptedPuts(0, 1, one),
    ]);
    expect([...bo.members[0]!.skipped.keys()]).toEqual([2]);

    const second = take(bo, two);
    expect(second.payload).toMatchObject({ content: utf8('hello') });
    expect(second.changes).toEqual([
      skippedDrop(0, 2),
      memberPut(0, { ...ahead, complete_sqn: 3 }),
      ...acceptedPuts(0, 2, two),
    ]);
    expect([one, two, three].map((said) => given(bo, said))).toEqual(Array(3).fill('duplicate'));
    expect(given(bo, four)).toBe('message');
    expect(bo.complete()).toEqual([4, 0, 0, 0]);
  });

  it('leaves the rows it gave as they were', () => {
    const [one, two] = [say(ada), say(ada)];
    const [, , put] = take(bo, two).changes;
    const copy = structuredClone(put);
    take(bo, one);
    expect(put).toEqual(copy);
  });

  it('cannot open what is before its chain and was not jumped over', () => {
    const [one, , three] = [say(ada), say(ada), say(ada)];
    const of = bo.members[0]!;
    of.row = { ...of.row, chain: chainAt(0, 3), next_sqn: 3 };
    expect(given(bo, one)).toBe('undecryptable');
    expect(of.accepted.size).toBe(0);
    expect(given(bo, three)).toBe('message');
  });

  it('cannot open anything without its chain', () => {
    bo.dropChains();
    expect(given(bo, say(ada))).toBe('undecryptable');
    expect(bo.members[0]!.accepted.size).toBe(0);
  });

  it.each<[string, () => Uint8Array]>([
    ['is not padded', () => new Uint8Array(256)],
    ['is none', () => new Uint8Array(256).fill(0x80, 0, 1)],
    [
      'tells of a place that is not there',
      () => encodePayload(payloadOf('x', { frontier: [entry(4, 1, OTHER)] })),
    ],
    [
      'tells of such a place among others',
      () => encodePayload(payloadOf('x', { frontier: [entry(2, 1, OTHER), entry(4, 1, OTHER)] })),
    ],
  ])('uses up the number of a payload that %s', (_, padded) => {
    const bad = forge(2, 1, {}, padded());
    const { payload, changes } = take(bo, bad);
    expect(payload).toBeUndefined();
    expect(changes).toEqual([
      memberPut(2, {
        chain: chainAt(2, 2),
        next_sqn: 2,
        complete_sqn: 1,
        last_hash: bad.hash,
        presence: 'present',
      }),
      ...acceptedPuts(2, 1, bad),
    ]);
    expect(given(bo, bad)).toBe('duplicate');
  });

  it('uses up the number of a message that does not open', () => {
    const { commit } = group;
    const header = { group: chat, epoch, place: 0, sqn: 1, salt: systemRandom(16), previous: commit.hash };
    const sealed = sealMessage(keyOf(0), commit.hash, OTHER, header, encodePayload(payloadOf('x')));
    const bad = { data: sealed.bytes, hash: sealed.hash };
    expect(take(bo, bad).payload).toBeUndefined();
    expect(given(bo, forge(0, 2, { previous: bad.hash }))).toBe('message');
  });

  it('reads of the last place of the roster', () => {
    const told = entry(3, 1, OTHER);
    const one = forge(2, 1, {}, encodePayload(payloadOf('x', { frontier: [told] })));
    expect(take(bo, one).changes.at(-1)).toEqual(frontierPut(2, told));
  });
});

describe('a cut', () => {
  it('says where each place ends', () => {
    expect(bo.within(0, MAX_SQN)).toBe(true);
    const row = { ...bo.row, cut: Uint8Array.of(0, 2, 3, 231, 1, 0, 0, 0) };
    expect(bo.setCut([2, 999, 256, 0])).toEqual([{ put: 'epoch', row }]);
    expect(bo.row).toEqual(row);
    for (const state of [bo, reloaded(bo)]) {
      const last = [0, 1, 2, 3].map((place) =>
        Array.from(Array(1001).keys()).findLast((sqn) => state.within(place, sqn)),
      );
      expect(last).toEqual([2, 999, 256, 0]);
      expect(state.within(4, 1)).toBe(false);
    }
  });

  it('keeps out what is behind it', () => {
    const [one, two] = [say(ada), say(ada)];
    bo.setCut([1, 0, 0, 0]);
    expect(given(bo, two)).toBe('behind-the-cut');
    expect(given(bo, one)).toBe('message');
    expect(given(bo, two)).toBe('behind-the-cut');
    bo.setCut([0, 0, 0, 0]);
    expect(given(bo, one)).toBe('duplicate');
  });

  it('makes what it counts missing', () => {
    bo.setCut([2, 1, 0, 1]);
    expect(bo.missing()).toEqual([
      { of: bo.members[0], place: 0, sqns: [1, 2] },
      { of: bo.members[3], place: 3, sqns: [1] },
    ]);
  });

  it('that counts more of mine than everyone has is distrusted', () => {
    const said = [say(ada), say(ada)];
    spread([bo, cy, di], ...said);
    for (const place of [1, 2, 3]) tell(ada, place, entry(0, 1, said[0]!.hash));
    expect(ada.distrustCut()).toEqual([]);
    take(ada, say(bo));
    ada.setCut([2, 1, 0, 0]);
    ada = reloaded(ada);
    const row = { ...ada.row, cut: Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 0) };
    expect(ada.distrustCut()).toEqual([{ put: 'epoch', row }]);
    expect(ada.within(0, 1)).toBe(true);
    expect(ada.within(0, 2)).toBe(false);
    expect(ada.within(1, 1)).toBe(true);
    expect(ada.distrustCut()).toEqual([]);
  });

  it('that counts less of mine than everyone has is left as it is', () => {
    const one = say(ada);
    for (const place of [1, 2, 3]) tell(ada, place, entry(0, 1, one.hash));
    ada.setCut([0, 0, 0, 0]);
    expect(ada.distrustCut()).toEqual([]);
  });
});

describe('what is acknowledged', () => {
  it('is of others what is here, of mine what everyone has', () => {
    const [one, two, three] = [say(ada), say(ada), say(ada)];
    spread([ada], say(bo), say(bo));
    tell(ada, 1, entry(0, 3, three.hash));
    tell(ada, 2, entry(0, 2, two.hash));
    expect(ada.acknowledged()).toEqual([0, 2, 0, 0]);
    tell(ada, 3, entry(0, 1, one.hash));
    expect(ada.acknowledged()).toEqual([1, 2, 0, 0]);
    tell(ada, 3, entry(0, 3, three.hash));
    expect(ada.acknowledged()).toEqual([2, 2, 0, 0]);
    tell(ada, 2, entry(0, 3, three.hash));
    expect(ada.acknowledged()).toEqual([3, 2, 0, 0]);
  });

  it('is all of mine when nobody else is left', () => {
    say(ada);
    ada.part(ada.roster.map(({ fingerprint }) => fingerprint));
    expect(ada.acknowledged()).toEqual([1, 0, 0, 0]);
    expect(ada.unheard).toBe(false);
  });
});

describe('a receipt', () => {
  it('says what is here from everyone else', () => {
    const [one, two] = [say(ada), say(ada)];
    spread([bo], one, two, say(cy));
    say(bo);
    take(bo, forge(3, 2));
    const entries = [entry(0, 2, two.hash), entry(2, 1, cy.me.row.last_hash)];
    const made = bo.makeFrontier(keyOf(1));
    expect(made.entries).toEqual(entries);
    const parsed = parseFrontier(made.data);
    expect(parsed).toMatchObject({ group: chat, epoch, place: 1, entries, next: NOTHING });
    expect(verifyFrontier(parsed, cardOf(1).signKey, group.commit.hash)).toBe(true);
  });

  it('can name the next commit, and the own last message', () => {
    expect(bo.makeFrontier(keyOf(1), OTHER, true).entries).toEqual([]);
    take(bo, say(ada));
    say(bo);
    const two = say(bo);
    const made = bo.makeFrontier(keyOf(1), OTHER, true);
    expect(made.entries).toEqual([entry(0, 1, ada.me.row.last_hash), entry(1, 2, two.hash)]);
    expect(parseFrontier(made.data)).toMatchObject({ entries: made.entries, next: OTHER });
  });

  it('is taken once, and shows that its signer takes part', () => {
    const one = say(ada);
    take(bo, one);
    const { data } = bo.makeFrontier(keyOf(1));
    const told = entry(0, 1, one.hash);
    expect(hear(ada, data)).toEqual({
      kind: 'frontier',
      sender: ada.members[1],
      first: true,
      conflicts: [],
      changes: [frontierPut(1, told), memberPut(1, { presence: 'present' })],
    });
    expect(ada.members[1]!.row.presence).toBe('present');
    expect(hear(ada, data)).toEqual({ kind: 'duplicate' });
    expect(hear(reloaded(ada), data)).toEqual({ kind: 'duplicate' });
  });

  it('without entries is a sign of life', () => {
    const received = tell(ada, 1);
    expect(received).toMatchObject({ first: true });
    expect(changesOf(received)).toEqual([memberPut(1, { presence: 'present' })]);
    expect(tell(ada, 1)).toEqual({ kind: 'duplicate' });
  });

  it('of a present member changes what it says only', () => {
    tell(ada, 1);
    const told = entry(2, 1, OTHER);
    const received = tell(ada, 1, told);
    expect(received).toMatchObject({ kind: 'frontier', first: false });
    expect(changesOf(received)).toEqual([frontierPut(1, told)]);
  });

  it('of my own does not make me present', () => {
    expect(hear(bo, bo.makeFrontier(keyOf(1)).data)).toEqual({ kind: 'duplicate' });
    expect(bo.me.row.presence).toBe('invited');
    const received = tell(bo, 1, entry(0, 1, OTHER));
    expect(received).toMatchObject({ first: false });
    expect(changesOf(received)).toHaveLength(1);
    expect(bo.me.row.presence).toBe('invited');
  });

  it('only ever rises', () => {
    tell(ada, 1, entry(2, 2, OTHER));
    expect(tell(ada, 1, entry(2, 1, OTHER))).toEqual({ kind: 'duplicate' });
    expect(tell(ada, 1, entry(2, 2, new Uint8Array(32)))).toEqual({ kind: 'duplicate' });
    expect(ada.members[1]!.frontier.get(2)).toEqual(entry(2, 2, OTHER));
    expect(changesOf(tell(ada, 1, entry(2, 3, OTHER)))).toEqual([frontierPut(1, entry(2, 3, OTHER))]);
  });

  it('tells nothing of places that are not there', () => {
    const told = entry(2, 1, OTHER);
    const received = tell(ada, 1, entry(4, 1, OTHER), told);
    expect(changesOf(received)).toEqual([frontierPut(1, told), memberPut(1, { presence: 'present' })]);
    expect([...ada.members[1]!.frontier.keys()]).toEqual([2]);
  });

  it('is kept apart from the bytes it came in', () => {
    const data = frontierOf(1, [entry(2, 1, OTHER)]);
    const [put] = changesOf(hear(ada, data));
    data.fill(0);
    expect(put).toEqual(frontierPut(1, entry(2, 1, OTHER)));
    expect(ada.members[1]!.frontier.get(2)).toEqual(entry(2, 1, OTHER));
  });

  it.each<[string, Partial<Frontier>, number | undefined, string]>([
    ['of another group', { group: new Uint8Array(16) }, undefined, 'wrong-group'],
    ['of another epoch', { epoch: 2 }, undefined, 'wrong-group'],
    ['of a place that is not there', { place: 4 }, undefined, 'wrong-group'],
    ['that another member signed', {}, 2, 'bad-signature'],
  ])('%s is refused', (_, change, signer, code) => {
    const data = frontierOf(1, [entry(2, 1, OTHER)], change, signer);
    expect(outcome(() => hear(ada, data))).toBe(code);
    expect(ada.members[1]!.frontier.size).toBe(0);
    expect(ada.members[1]!.row.presence).toBe('invited');
  });

  it('about another message than the one that is here is a conflict', () => {
    const one = say(cy);
    take(ada, one);
    const received = tell(ada, 1, entry(2, 1, OTHER), entry(3, 1, OTHER));
    expect(received).toMatchObject({ kind: 'frontier' });
    expect(conflictsOf(received)).toEqual([[1, 2]]);
    expect(conflictsOf(tell(ada, 3, entry(2, 1, one.hash)))).toEqual([]);
  });

  it('about other messages of several members is a conflict about each', () => {
    for (const sender of [cy, di]) take(ada, say(sender));
    expect(conflictsOf(tell(ada, 1, entry(2, 1, OTHER), entry(3, 1, OTHER)))).toEqual([
      [1, 2],
      [1, 3],
    ]);
  });

  it('that goes on to be about other messages is no further conflict', () => {
    for (let i = 0; i < 3; i++) take(ada, say(cy));
    expect(conflictsOf(tell(ada, 1, entry(2, 1, OTHER)))).toEqual([[1, 2]]);
    expect(conflictsOf(tell(ada, 1, entry(2, 2, OTHER)))).toEqual([]);
    expect(conflictsOf(tell(ada, 3, entry(2, 2, OTHER)))).toEqual([[3, 2]]);
  });

  it('about another message than the one that comes later is a conflict then', () => {
    const [one, two] = [say(cy), say(cy)];
    expect(conflictsOf(tell(ada, 1, entry(2, 1, one.hash)))).toEqual([]);
    expect(conflictsOf(tell(ada, 3, entry(2, 1, OTHER)))).toEqual([]);
    expect(conflictsOf(take(ada, one))).toEqual([[3, 2]]);
    expect(conflictsOf(take(ada, two))).toEqual([]);
  });

  it('about another message is a conflict inside a message, too', () => {
    take(ada, say(cy));
    const frontier = [entry(2, 1, OTHER)];
    expect(conflictsOf(take(ada, forge(1, 1, {}, encodePayload(payloadOf('x', { frontier })))))).toEqual([
      [1, 2],
    ]);
  });

  it('about what is not here yet, or about mine, is no conflict', () => {
    say(ada);
    expect(tell(ada, 1, entry(2, 1, OTHER))).toMatchObject({ conflicts: [] });
    expect(tell(ada, 2, entry(0, 1, OTHER))).toMatchObject({ conflicts: [] });
    expect(tell(ada, 3, entry(0, 2, OTHER))).toMatchObject({ conflicts: [] });
    expect(ada.members[2]!.frontier.get(0)).toEqual(entry(0, 1, OTHER));
  });
});

describe('receipts', () => {
  it('of a message of mine are counted', () => {
    const [one, two] = [say(ada), say(ada)];
    expect(ada.receipts(1)).toEqual({ by: 0, of: 3 });
    tell(ada, 1, entry(0, 1, one.hash));
    expect(ada.receipts(1)).toEqual({ by: 1, of: 3 });
    expect(ada.receipts(2)).toEqual({ by: 0, of: 3 });
    tell(ada, 2, entry(0, 2, two.hash));
    expect(ada.receipts(1)).toEqual({ by: 2, of: 3 });
    expect(ada.receipts(2)).toEqual({ by: 1, of: 3 });
    tell(ada, 3, entry(1, 5, OTHER));
    expect(ada.receipts(1)).toEqual({ by: 2, of: 3 });
  });

  it('for another message than mine do not count', () => {
    say(ada);
    tell(ada, 1, entry(0, 1, OTHER));
    tell(ada, 2, entry(0, 2, OTHER));
    expect(ada.receipts(1)).toEqual({ by: 0, of: 3 });
  });

  it('of who left are not waited for', () => {
    const one = say(ada);
    tell(ada, 1, entry(0, 1, one.hash));
    expect(ada.part([OTHER, cardOf(1).fingerprint])).toEqual([memberPut(1, { presence: 'left' })]);
    expect(ada.receipts(1)).toEqual({ by: 0, of: 2 });
  });

  it('of a message of somebody else count mine by what is here', () => {
    const [one, two] = [say(cy), say(cy)];
    take(ada, one);
    say(ada);
    say(ada);
    expect(ada.receipts(1, 2)).toEqual({ by: 1, of: 3 });
    expect(ada.receipts(2, 2)).toEqual({ by: 0, of: 3 });
    tell(ada, 1, entry(2, 2, two.hash));
    expect(ada.receipts(2, 2)).toEqual({ by: 1, of: 3 });
    take(ada, two);
    expect(ada.receipts(2, 2)).toEqual({ by: 2, of: 3 });
    tell(ada, 3, entry(2, 2, OTHER));
    expect(ada.receipts(2, 2)).toEqual({ by: 2, of: 3 });
  });

  it('say who lacks a message of mine', () => {
    const [one, two] = [say(ada), say(ada)];
    tell(ada, 1, entry(0, 1, one.hash), entry(2, 9, OTHER));
    tell(ada, 2, entry(0, 2, two.hash));
    const lacks = (sqn: number) => [0, 1, 2, 3].map((place) => ada.lacks(cardOf(place).fingerprint, sqn));
    expect(lacks(1)).toEqual([false, false, false, true]);
    expect(lacks(2)).toEqual([false, true, false, true]);
    ada.part([cardOf(3).fingerprint]);
    expect(lacks(2)).toEqual([false, true, false, false]);
    expect(ada.lacks(OTHER, 1)).toBe(false);
  });

  it('are awaited for my last message that counts', () => {
    const one = say(ada);
    const two = say(ada);
    for (const place of [1, 2, 3]) {
      expect(ada.unheard).toBe(true);
      tell(ada, place, entry(0, 2, two.hash));
    }
    expect(ada.unheard).toBe(false);
    expect(bo.unheard).toBe(false);
    spread([bo], one);
    expect(bo.unheard).toBe(false);
  });

  it('are not awaited for what is behind the cut', () => {
    const [one] = [say(ada), say(ada)];
    for (const place of [1, 2, 3]) tell(ada, place, entry(0, 1, one.hash));
    expect(ada.unheard).toBe(true);
    ada.setCut([5, 0, 0, 0]);
    expect(ada.unheard).toBe(true);
    ada.setCut([1, 0, 0, 0]);
    expect(ada.unheard).toBe(false);
    say(bo);
    bo.setCut([0, 0, 0, 0]);
    expect(bo.unheard).toBe(false);
  });
});

describe('a receipt of mine', () => {
  it('is owed until the others were told', () => {
    take(bo, say(ada));
    expect(bo.owesReceipt).toBe(true);
    bo.told(bo.makeFrontier(keyOf(1)).entries);
    expect(bo.owesReceipt).toBe(false);
    take(bo, say(ada));
    expect(bo.owesReceipt).toBe(true);
    say(bo);
    expect(bo.owesReceipt).toBe(false);
  });

  it('is not owed for what has a gap before it, or for my own', () => {
    say(ada);
    const two = say(ada);
    take(bo, two);
    say(bo);
    expect(bo.owesReceipt).toBe(false);
  });

  it('counts by the most that was told', () => {
    const [one, two] = [say(ada), say(ada)];
    spread([bo], one, two);
    bo.told([entry(0, 2, two.hash)]);
    bo.told([entry(0, 1, one.hash)]);
    expect(bo.owesReceipt).toBe(false);
  });

  it('is owed again when the sender asks with its own last message', () => {
    const [one] = [say(ada), take(bo, say(cy))];
    take(bo, one);
    const ask = () => hear(bo, ada.makeFrontier(keyOf(0), NOTHING, true).data);
    const tellAll = () => bo.told(bo.makeFrontier(keyOf(1)).entries);
    tellAll();
    tell(bo, 0);
    expect(bo.owesReceipt).toBe(false);
    tell(bo, 2, entry(0, 1, one.hash));
    expect(bo.owesReceipt).toBe(false);
    expect(ask()).toMatchObject({ kind: 'frontier' });
    expect(bo.owesReceipt).toBe(true);
    tellAll();
    expect(ask()).toEqual({ kind: 'duplicate' });
    expect(bo.owesReceipt).toBe(true);
    tellAll();
    tell(bo, 0, entry(0, 1, one.hash), entry(3, 1, OTHER));
    expect(bo.owesReceipt).toBe(true);
  });

  it('goes along with each message: news first, the rest after it', () => {
    spread([bo], say(ada), say(cy));
    const carried = (by: EpochState) => take(ada, say(by)).payload!.frontier;
    const [of0, of2] = [entry(0, 1, ada.me.row.last_hash), entry(2, 1, cy.me.row.last_hash)];
    expect(carried(bo)).toEqual([of0, of2]);
    const two = say(cy);
    take(bo, two);
    expect(carried(bo)).toEqual([entry(2, 2, two.hash), of0]);
  });

  it('goes along in turns when there are more than fit', () => {
    const others = Array.from({ length: 70 }, (_, i): Card => ({
      ...cardOf(1),
      fingerprint: sha256(uintBytes(i, 4)),
    }));
    const { commit, roster, joiner } = foundGroup(people[0]!.identity, 'Many', others, systemRandom, NOW);
    const many = atOnce(epochSecrets(joiner, commit.hash, roster.length));
    const own = placeOf(roster, cardOf(0).fingerprint);
    const cards = roster.map((_, place) => cardOf(place === own ? 0 : 1));
    const state = (place: number) => {
      const rows = epochRows(commit, roster, place, many, NOW);
      return new EpochState(rows.epoch, loadMembers(rows.members, cards));
    };
    const sender = state(own);
    const receiver = state(own === 0 ? 1 : 0);
    for (const member of sender.members)
      if (member !== sender.me) {
        member.accepted.set(1, OTHER);
        member.row = { ...member.row, complete_sqn: 1 };
      }
    const places = roster.map((_, place) => place).filter((place) => place !== own);
    const carried = () => take(receiver, say(sender, {}, 0)).payload!.frontier.map(({ place }) => place);
    const turn = (from: number) => [...places.slice(from), ...places.slice(0, from)].slice(0, 64);

    expect(carried()).toEqual(places.slice(0, 64));
    expect(sender.owesReceipt).toBe(true);
    // The rest is 64 long, so that its second turn starts where the first did.
    expect(carried()).toEqual([...places.slice(64), ...places.slice(0, 58)]);
    expect(sender.owesReceipt).toBe(false);
    expect(carried()).toEqual(turn((3 * 64) % 70));
    expect(carried()).toEqual(turn((4 * 64) % 70));
  });
});

describe('what is missing', () => {
  it('is before what was received', () => {
    const [one, two, three] = [say(ada), say(ada), say(ada)];
    take(bo, one);
    take(bo, three);
    expect(bo.missing()).toEqual([{ of: bo.members[0], place: 0, sqns: [2] }]);
    take(bo, two);
    expect(bo.missing()).toEqual([]);
  });

  it('is what somebody says it has', () => {
    tell(bo, 0, entry(2, 3, OTHER), entry(3, 1, OTHER));
    tell(bo, 3, entry(2, 2, OTHER));
    const [, two] = [say(cy), say(cy)];
    expect(bo.missing()).toEqual([
      { of: bo.members[2], place: 2, sqns: [1, 2, 3] },
      { of: bo.members[3], place: 3, sqns: [1] },
    ]);
    take(bo, two);
    expect(bo.missing()[0]!.sqns).toEqual([1, 3]);
  });

  it('is nothing of my own', () => {
    tell(bo, 0, entry(1, 3, OTHER));
    bo.setCut([0, 3, 0, 0]);
    expect(bo.missing()).toEqual([]);
  });

  it('is nothing behind the cut', () => {
    tell(bo, 0, entry(2, 3, OTHER), entry(3, 1, OTHER));
    take(bo, forge(0, 3));
    bo.setCut([1, 0, 2]);
    expect(bo.missing()).toEqual([
      { of: bo.members[0], place: 0, sqns: [1] },
      { of: bo.members[2], place: 2, sqns: [1, 2] },
    ]);
  });
});

describe('presence', () => {
  it('of mine is noted once', () => {
    expect(bo.present()).toEqual([memberPut(1, { presence: 'present' })]);
    expect(bo.me.row.presence).toBe('present');
    expect(bo.present()).toEqual([]);
    expect(ada.present()).toEqual([]);
  });
});

describe('the end of an epoch', () => {
  const noChain = (state: EpochState) =>
    state.members.map((member): Change => ({ put: 'member', row: { ...member.row, chain: NOTHING } }));

  it('without a message deletes every key at once', () => {
    bo.setCut([0, 0, 0, 0]);
    const row = { ...bo.row, init: NOTHING, closed: NOW };
    const left: Change = memberPut(3, { presence: 'left' });
    const chains = [0, 1, 2].map((place) => memberPut(place, { chain: NOTHING }));
    expect(bo.end([cardOf(3).fingerprint], NOW)).toEqual([
      { put: 'epoch', row },
      left,
      ...chains,
      memberPut(3, { chain: NOTHING, presence: 'left' }),
    ]);
    expect(bo.row).toEqual(row);
    expect(bo.members.map(({ row }) => row.chain.length)).toEqual([0, 0, 0, 0]);
  });

  it('keeps the keys until all that counts is in', () => {
    const [one, two] = [say(ada), say(ada)];
    bo.setCut([2, 0, 0, 0]);
    expect(bo.end([], NOW)).toEqual([{ put: 'epoch', row: bo.row }]);
    expect(take(bo, two).changes.at(-1)).toEqual(acceptedPuts(0, 2, two)[1]);
    const { changes } = take(bo, one);
    expect(changes.slice(4)).toEqual(noChain(bo));
    expect(bo.dropChains()).toEqual([]);
  });

  it('does not wait for my own', () => {
    bo.setCut([0, 5, 0, 0]);
    expect(bo.end([], NOW).slice(1)).toEqual(noChain(bo));
  });

  it('does not come with a cut alone', () => {
    const one = say(ada);
    bo.setCut([1, 0, 0, 0]);
    expect(take(bo, one).changes).toHaveLength(3);
    expect(bo.me.row.chain).toEqual(chainAt(1, 1));
  });

  it('without a cut waits for nothing', () => {
    expect(bo.end([], NOW).slice(1)).toEqual(noChain(bo));
  });

  it('deletes the keys of what was jumped over', () => {
    take(bo, forge(0, 3));
    expect(bo.dropChains()).toEqual([
      { put: 'member', row: { ...bo.members[0]!.row, chain: NOTHING } },
      skippedDrop(0, 1),
      skippedDrop(0, 2),
      ...[1, 2, 3].map((place) => memberPut(place, { chain: NOTHING })),
    ]);
    expect(bo.members[0]!.skipped.size).toBe(0);
    expect(given(bo, forge(0, 1))).toBe('undecryptable');
    expect(bo.dropChains()).toEqual([]);
  });
});

describe('forgetting', () => {
  it('drops every row', () => {
    take(bo, forge(0, 3));
    say(bo);
    tell(bo, 2, entry(3, 1, OTHER), entry(0, 3, OTHER));
    const kept = [{ chat, epoch, place: 0, sqn: 3, message: NOTHING }];
    expect(bo.forget(kept)).toEqual([
      { drop: 'epoch', key: [chat, epoch] },
      { drop: 'kept', key: [chat, epoch, 0, 3] },
      { drop: 'member', key: [chat, epoch, 0] },
      { drop: 'accepted', key: [chat, epoch, 0, 3] },
      skippedDrop(0, 1),
      skippedDrop(0, 2),
      { drop: 'member', key: [chat, epoch, 1] },
      { drop: 'accepted', key: [chat, epoch, 1, 1] },
      { drop: 'member', key: [chat, epoch, 2] },
      { drop: 'frontier', key: [chat, epoch, 2, 3] },
      { drop: 'frontier', key: [chat, epoch, 2, 0] },
      { drop: 'member', key: [chat, epoch, 3] },
    ]);
  });
});
