import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeLeave } from '../../../src/protocol/leave.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { acquainted, epochOf, meet, Room, type Guest } from '../../helpers/room.js';

const NOBODY = new Uint8Array(0);

let ada: Person, bo: Person, cy: Person;
beforeAll(async () => {
  [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
});

let room: Room;
let adas: Guest, bos: Guest, cys: Guest;
let group: string;
beforeEach(async () => {
  room = new Room();
  [adas, bos, cys] = await acquainted(room, ada, bo, cy);
  group = await meet(room, [adas, bos, cys]);
});

/** Names, with a star for admins, as somebody has them who says so. */
const members = ({ client }: Guest): string => {
  const { members } = client.view().groups.find(({ id }) => id === group)!;
  const names = members.map(({ name, admin }) => (admin ? `${name}*` : name));
  return names.sort().join();
};

type Word = readonly [member: Person, successor: Uint8Array];
const fingerprint = ({ identity }: Person): Uint8Array => identity.card.fingerprint;

describe('a commit of what is wanted', () => {
  /** Gets these words of members who leave, in this order, and commits what it can with nobody else there. */
  async function commits(by: Guest, ...words: Word[]): Promise<string> {
    const { commit, number, row } = epochOf(by, [ada, bo, cy]);
    const about = { group: row.chat, epoch: number, parent: commit.hash };
    for (const other of [adas, bos, cys]) if (other !== by) await other.close();
    await by.store.commit(
      words.map(([person, successor], i) => {
        const member = fingerprint(person);
        const data = makeLeave(person.identity.signKey, { ...about, member, successor });
        const due = room.time.now - words.length + i;
        return { put: 'intent', row: { chat: row.chat, kind: 'leave', fingerprint: member, data, due } };
      }),
    );
    await by.client.groups.renew(group);
    await room.pass(10_000);
    return members(by);
  }

  it('makes nobody an admin whom another than the only admin names', async () => {
    expect(await commits(adas, [bo, fingerprint(cy)])).toBe('Ada*,Cy');
  });

  it('takes out who leaves and names an admin without being one, if a member makes it', async () => {
    expect(await commits(cys, [bo, fingerprint(cy)])).toBe('Ada*,Cy');
  });

  it('makes an admin of whom the only one names', async () => {
    expect(await commits(cys, [ada, fingerprint(bo)])).toBe('Bo*,Cy');
  });

  it('leaves the only admin in who names nobody, and does the rest', async () => {
    const before = cys.epoch(group);
    expect(await commits(cys, [ada, NOBODY], [bo, NOBODY])).toBe('Ada*,Cy');
    expect(cys.epoch(group)).toBe(before + 1);
  });

  it('makes no admin of somebody whom it removes', async () => {
    expect(await commits(cys, [bo, NOBODY], [ada, fingerprint(bo)])).toBe('Ada*,Cy');
  });

  it('does not remove whom it makes an admin', async () => {
    expect(await commits(cys, [ada, fingerprint(bo)], [bo, NOBODY])).toBe('Bo*,Cy');
  });

  it('leaves an admin when all of them leave at once', async () => {
    await adas.client.groups.setRole(group, bos.id, 'admin');
    await room.pass(5_000);
    expect(await commits(cys, [ada, NOBODY], [bo, NOBODY])).toBe('Bo*,Cy');
  });
});
