import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Receiving } from '../../../src/client/receiving.js';
import { groupChannel } from '../../../src/client/connection.js';
import { Inbox } from '../../../src/client/inbox.js';
import { cardText } from '../../../src/protocol/cardText.js';
import { decodeRelayFrame, encodeRelayFrame } from '../../../src/protocol/wire.js';
import { makeRevocation } from '../../../src/protocol/revocation.js';
import { NOW } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { Guest, known, meet, Room } from '../../helpers/room.js';

let ada: Person;
let bo: Person;
let cy: Person;
beforeAll(async () => {
  [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
});

let room: Room;
beforeEach(() => {
  room = new Room();
});

describe('a token that waits to be sent', () => {
  it.each([
    ['is revoked', () => cardText('revocation', makeRevocation(bo.identity.signKey, bo.identity.card, NOW))],
    ['is put aside', undefined],
  ])('does not leave once its addressee %s', async (_, text) => {
    const adas = await Guest.enter(room, ada, known(bo, cy), false);
    const bos = await Guest.enter(room, bo, known(ada));
    const cys = await Guest.enter(room, cy, known(ada));
    await adas.client.invite('Team', [bos.id, cys.id]);
    if (text) await adas.client.directory.import(text());
    else await adas.client.directory.revoke(bos.id);
    adas.client.connect();
    await room.pass(2_000);
    await adas.reopen();
    await room.pass(2_000);
    expect(bos.client.view().invitations).toEqual([]);
    expect(cys.client.view().invitations).toHaveLength(1);
  });

  it('does not leave later, and the commit does', async () => {
    const adas = await Guest.enter(room, ada, known(bo, cy));
    const bos = await Guest.enter(room, bo, known(ada, cy));
    const cys = await Guest.enter(room, cy, known(ada, bo));
    const group = await meet(room, [adas, bos, cys]);
    room.relay.cutOff.add(adas.id);
    await adas.client.groups.renew(group);
    await room.pass(5_000);
    expect(adas.store.all('own')).toHaveLength(1);
    await adas.client.directory.revoke(cys.id);
    room.relay.cutOff.clear();
    room.relay.disconnect();
    await room.pass(5_000);
    expect(cys.epoch(group)).toBe(1);
    expect(cys.store.all('rekey')).toEqual([]);
    expect(bos.epoch(group)).toBe(2);
  });
});

describe('what a relay says of places', () => {
  const stored = ({ store }: Guest) => store.all('position');

  it('is not noted of channels that are not mine', async () => {
    const adas = await Guest.enter(room, ada, known(bo));
    await room.pass(1_000);
    const channel = { kind: 'inbox', key: new Uint8Array(32).fill(9) } as const;
    room.relay.show({ type: 'item', channel, seq: 1, envelope: new Uint8Array(40) });
    room.relay.show({ type: 'gap', channel, oldest: 9 });
    await room.pass(1_000);
    expect(stored(adas)).toEqual([]);
  });

  it('may be taken back: what is stored behind is read nevertheless', async () => {
    const adas = await Guest.enter(room, ada, known(bo));
    const bos = await Guest.enter(room, bo, known(ada));
    const group = await meet(room, [adas, bos]);
    const { channel_seed: seed } = bos.store.all('epoch')[0]!;
    const { channel } = groupChannel(seed);
    const last = Number.MAX_SAFE_INTEGER - 1;
    room.relay.show({ type: 'gap', channel, oldest: last });
    room.relay.show({ type: 'item', channel, seq: last, envelope: new Uint8Array(40) });
    await room.pass(1_000);
    room.relay.disconnect();
    await room.pass(15_000);
    room.relay.cutOff.add(bos.id);
    await adas.client.send(group, 'hello');
    await room.pass(1_000);
    room.relay.cutOff.clear();
    room.relay.disconnect();
    await room.pass(15_000);
    expect(await bos.texts(group)).toEqual(['hello']);
  });

  it('has an end, behind which nothing could be asked for', () => {
    const channel = { kind: 'inbox', key: new Uint8Array(32) } as const;
    const of = (seq: number) => encodeRelayFrame({ type: 'live', channel, seq });
    expect(decodeRelayFrame(of(Number.MAX_SAFE_INTEGER - 1))).toMatchObject({ type: 'live' });
    expect(() => of(Number.MAX_SAFE_INTEGER)).toThrow();
  });
});

describe('an item that meets a bug', () => {
  it('is logged, and what comes next is dealt with', async () => {
    const adas = await Guest.enter(room, ada, known(bo));
    const bos = await Guest.enter(room, bo, known(ada));
    const group = await meet(room, [adas, bos]);
    const bug = new TypeError('x is not a function');
    vi.spyOn(Receiving.prototype, 'item').mockRejectedValueOnce(bug);
    vi.spyOn(Inbox.prototype, 'item').mockRejectedValueOnce(bug);
    room.slip(bo, { type: 'rekey', token: new Uint8Array(1) });
    room.slip(bo, { type: 'rekey', token: new Uint8Array(1) });
    await adas.client.send(group, 'one');
    await room.pass(1_000);
    await adas.client.send(group, 'two');
    await room.pass(1_000);
    expect(room.log.filter((line) => line.startsWith('Bo: '))).toEqual(
      expect.arrayContaining([
        'Bo: inbox item failed: TypeError: x is not a function',
        'Bo: inbox item refused: malformed',
        'Bo: group item failed: TypeError: x is not a function',
      ]),
    );
    expect(await bos.texts(group)).toContain('two');
  });
});
