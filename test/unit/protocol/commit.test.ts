import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import {
  applyChanges,
  checkCommit,
  checkFirstCommit,
  checkJoining,
  makeCommit,
  parseCommit,
  verifyCommit,
  type Commit,
  type CommitBody,
  type EpochBase,
  type RosterChange,
} from '../../../src/protocol/commit.js';
import { rosterHash, sortRoster, type Roster } from '../../../src/protocol/roster.js';
import { baseOf, commitAfter, leaveOf, makeGroup, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips, signedWith } from '../../helpers/tamper.js';

const NONE: Uint8Array = new Uint8Array(0);
let ada: Person;
let bob: Person;
let cleo: Person;
let eve: Person;
let group: Group;
/** Ada is the only admin of Ada, Bob and Cleo; Eve is outside. */
let base: EpochBase;
beforeAll(async () => {
  [ada, bob, cleo, eve] = await makePeople(['Ada', 'Bob', 'Cleo', 'Eve']);
  group = makeGroup(ada, [bob]);
  base = baseOf(makeGroup(ada, [bob, cleo]));
});

const key = (n: number) => new Uint8Array(32).fill(n);

describe('a commit', () => {
  it('is read as it was made', () => {
    const commit = parseCommit(group.commit.bytes);
    expect(commit).toEqual(group.commit);
    expect(commit.hash).toEqual(sha256(group.commit.bytes));
    expect(verifyCommit(commit, ada.identity.card.signKey)).toBe(true);
    expect(verifyCommit(commit, bob.identity.card.signKey)).toBe(false);
  });

  it('does not survive a flipped bit', () => {
    for (const data of flips(group.commit.bytes, 0, group.commit.bytes.length, 61)) {
      let holds = false;
      const code = codeOf(() => {
        holds = verifyCommit(parseCommit(data), ada.identity.card.signKey);
      });
      expect(['nothing', 'malformed']).toContain(code);
      expect(holds).toBe(false);
    }
  });

  it('is refused with a body that is no commit', () => {
    const data = signedWith(group.commit.bytes, () => ({ body: Uint8Array.of(0x80) }));
    expect(codeOf(() => parseCommit(data))).toBe('malformed');
    expect(codeOf(() => parseCommit(new Uint8Array(0)))).toBe('malformed');
  });
});

describe('the rules of a first commit', () => {
  it('give the roster', () => {
    expect(checkFirstCommit(group.commit)).toEqual(group.roster);
  });

  const breaks: [string, () => Partial<CommitBody>][] = [
    ['another epoch', () => ({ epoch: 2 })],
    ['another reason', () => ({ reason: 'reset' })],
    ['a parent', () => ({ parent: key(1) })],
    ['a cut', () => ({ cut: [0] })],
    ['a title that hides its direction', () => ({ title: 'Plan\u202e' })],
    ['a title of several lines', () => ({ title: 'Plan\nInvited by: Bob' })],
    ['no title', () => ({ title: '' })],
    ['a roster hash of another roster', () => ({ rosterHash: key(1) })],
    ['somebody twice', () => ({ changes: [...group.commit.changes, group.commit.changes[0]!] })],
    [
      'somebody removed who is not there',
      () => ({ changes: [{ type: 'remove', fingerprint: key(1), leave: NONE }] }),
    ],
    ['a role for nobody', () => ({ changes: [{ type: 'role', fingerprint: key(1), role: 'admin' }] })],
    ['a committer outside', () => ({ committer: key(1) })],
    ['a committer who is no admin', () => ({ committer: bob.identity.card.fingerprint })],
    ['nobody', () => ({ changes: [], rosterHash: rosterHash([]) })],
  ];
  it.each(breaks)('refuse %s', (_, change) => {
    const { commit } = makeGroup(ada, [bob], change());
    expect(codeOf(() => checkFirstCommit(commit))).toBe('bad-commit');
  });
});

describe('changes to a roster', () => {
  const one: Roster = [{ fingerprint: key(5), role: 'admin', cardHash: key(6) }];

  it('add in order, promote and remove', () => {
    const two = applyChanges(one, [
      { type: 'add', fingerprint: key(2), role: 'member', cardHash: key(3) },
      { type: 'role', fingerprint: key(2), role: 'admin' },
    ]);
    expect(two.map(({ fingerprint, role }) => [fingerprint[0], role])).toEqual([
      [2, 'admin'],
      [5, 'admin'],
    ]);
    expect(applyChanges(two, [{ type: 'remove', fingerprint: key(2), leave: NONE }])).toEqual(one);
    expect(one).toHaveLength(1);
  });

  it('are refused if there is nothing to change', () => {
    expect(
      codeOf(() =>
        applyChanges(one, [{ type: 'add', fingerprint: key(5), role: 'member', cardHash: key(6) }]),
      ),
    ).toBe('bad-commit');
    expect(codeOf(() => applyChanges(one, [{ type: 'remove', fingerprint: key(1), leave: NONE }]))).toBe(
      'bad-commit',
    );
  });
});

it('two signatures of one body are two commits: their hashes differ', () => {
  const again = makeCommit(ada.identity.signKey, group.commit);
  expect(again.hash).not.toEqual(group.commit.hash);
});

const of = ({ identity }: Person) => identity.card.fingerprint;
const adds = (person: Person, role: 'admin' | 'member' = 'member'): RosterChange => ({
  type: 'add',
  fingerprint: of(person),
  role,
  cardHash: person.identity.card.hash,
});
const removes = (person: Person, leave = NONE): RosterChange => ({
  type: 'remove',
  fingerprint: of(person),
  leave,
});
const turns = (person: Person, role: 'admin' | 'member'): RosterChange => ({
  type: 'role',
  fingerprint: of(person),
  role,
});
const returns = (person: Person): RosterChange => ({ type: 'rejoin', fingerprint: of(person) });
const names = (roster: Roster) =>
  roster
    .map(
      ({ fingerprint, role }) =>
        `${role} ${[ada, bob, cleo, eve].find((each) => Buffer.compare(of(each), fingerprint) === 0)!.identity.card.name}`,
    )
    .sort();
const judge = (commit: Commit, against = base) => codeOf(() => checkCommit(commit, against));

describe('a commit that follows', () => {
  it('may change whatever an admin wants', () => {
    const changes = [adds(eve), removes(bob), turns(cleo, 'admin'), returns(cleo)];
    const commit = commitAfter(base, ada, changes, { title: 'Another plan' });
    expect(names(checkCommit(commit, base))).toEqual(['admin Ada', 'admin Cleo', 'member Eve']);
    expect(parseCommit(commit.bytes)).toEqual(commit);
  });

  it('may renew the secret or bring somebody back, whoever makes it', () => {
    for (const person of [ada, bob])
      expect(checkCommit(commitAfter(base, person, [returns(cleo)]), base)).toEqual(base.roster);
    expect(checkCommit(commitAfter(base, bob), base)).toEqual(base.roster);
  });

  it('may be any member’s if it removes who asked to leave', () => {
    const commit = commitAfter(base, bob, [removes(cleo, leaveOf(base, cleo))]);
    expect(names(checkCommit(commit, base))).toEqual(['admin Ada', 'member Bob']);
  });

  it('may be that of an admin who is one no more', () => {
    const commit = commitAfter(base, ada, [turns(bob, 'admin'), turns(ada, 'member')]);
    expect(names(checkCommit(commit, base))).toEqual(['admin Bob', 'member Ada', 'member Cleo']);
  });

  it('makes the successor of the only admin an admin when that one leaves', () => {
    const leave = leaveOf(base, ada, { successor: of(cleo) });
    const commit = commitAfter(base, bob, [turns(cleo, 'admin'), removes(ada, leave)]);
    expect(names(checkCommit(commit, base))).toEqual(['admin Cleo', 'member Bob']);
  });

  const breaks: [string, () => Commit][] = [
    ['of another group', () => commitAfter(base, ada, [], { group: new Uint8Array(16) })],
    ['of the same epoch', () => commitAfter(base, ada, [], { epoch: 1 })],
    ['of an epoch too far', () => commitAfter(base, ada, [], { epoch: 3 })],
    ['with another parent', () => commitAfter(base, ada, [], { parent: key(1) })],
    ['that is a first one', () => commitAfter(base, ada, [], { reason: 'create' })],
    ['that is a reset', () => commitAfter(base, ada, [], { reason: 'reset' })],
    ['of somebody outside', () => commitAfter(base, eve)],
    ['of somebody outside that adds itself', () => commitAfter(base, eve, [adds(eve, 'admin')])],
    ['that another member signed', () => commitAfter(base, bob, [], { committer: of(ada) })],
    ['with a cut too short', () => commitAfter(base, ada, [], { cut: [0, 0] })],
    ['with a cut too long', () => commitAfter(base, ada, [], { cut: [0, 0, 0, 0] })],
    ['with a cut of the new roster', () => commitAfter(base, ada, [adds(eve)], { cut: [0, 0, 0, 0] })],
    ['that removes its committer', () => commitAfter(base, ada, [turns(bob, 'admin'), removes(ada)])],
    [
      'that removes its committer, who asked for it',
      () => commitAfter(base, bob, [removes(bob, leaveOf(base, bob))]),
    ],
    ['with a title that is no name', () => commitAfter(base, ada, [], { title: ' Plan' })],
    ['with another roster hash', () => commitAfter(base, ada, [adds(eve)], { rosterHash: key(1) })],
    [
      'with the roster hash before',
      () => commitAfter(base, ada, [adds(eve)], { rosterHash: rosterHash(base.roster) }),
    ],
    ['that leaves no admin', () => commitAfter(base, ada, [turns(ada, 'member')])],
    ['that adds who is there', () => commitAfter(base, ada, [adds(bob)], { rosterHash: key(1) })],
    ['that removes who is not there', () => commitAfter(base, ada, [removes(eve)], { rosterHash: key(1) })],
    [
      'that changes who is not there',
      () => commitAfter(base, ada, [turns(eve, 'admin')], { rosterHash: key(1) }),
    ],
    [
      'that brings back who is not there',
      () => commitAfter(base, ada, [returns(eve)], { rosterHash: key(1) }),
    ],
  ];
  it.each(breaks)('is refused: one %s', (_, make) => {
    expect(judge(make())).toBe('bad-commit');
  });

  const withoutRight: [string, () => Commit][] = [
    ['rename', () => commitAfter(base, bob, [], { title: 'Bob’s plan' })],
    ['add', () => commitAfter(base, bob, [adds(eve)])],
    ['remove', () => commitAfter(base, bob, [removes(cleo)])],
    ['promote', () => commitAfter(base, bob, [turns(cleo, 'admin')])],
    ['promote itself', () => commitAfter(base, bob, [turns(bob, 'admin')])],
    ['demote', () => commitAfter(base, bob, [turns(cleo, 'member')])],
    [
      'remove by words of another epoch',
      () => commitAfter(base, bob, [removes(cleo, leaveOf(base, cleo, { parent: key(1) }))]),
    ],
    [
      'remove by words of another group',
      () => commitAfter(base, bob, [removes(cleo, leaveOf({ ...base, commit: group.commit }, cleo))]),
    ],
    ['remove by somebody else’s words', () => commitAfter(base, bob, [removes(cleo, leaveOf(base, bob))])],
    [
      'remove by words about another that the member signed',
      () => commitAfter(base, bob, [removes(cleo, leaveOf(base, cleo, { member: of(ada) }))]),
    ],
    [
      'remove by words that it signed itself',
      () => commitAfter(base, bob, [removes(cleo, leaveOf(base, bob, { member: of(cleo) }))]),
    ],
    ['remove by something else', () => commitAfter(base, bob, [removes(cleo, Uint8Array.of(0x80))])],
    [
      'remove two by the words of one',
      () =>
        commitAfter(base, bob, [removes(cleo, leaveOf(base, cleo)), removes(ada, leaveOf(base, cleo))], {
          rosterHash: key(1),
        }),
    ],
    [
      'promote whom a leaving member names',
      () =>
        commitAfter(base, bob, [
          turns(bob, 'admin'),
          removes(cleo, leaveOf(base, cleo, { successor: of(bob) })),
        ]),
    ],
    [
      'promote another than the leaving admin names',
      () => {
        const leave = leaveOf(base, ada, { successor: of(cleo) });
        return commitAfter(base, bob, [turns(bob, 'admin'), removes(ada, leave)]);
      },
    ],
    [
      'demote whom the leaving admin names',
      () => {
        const leave = leaveOf(base, ada, { successor: of(cleo) });
        return commitAfter(base, bob, [turns(cleo, 'member'), removes(ada, leave)], { rosterHash: key(1) });
      },
    ],
    [
      'let the only admin go without a successor',
      () => commitAfter(base, bob, [removes(ada, leaveOf(base, ada))]),
    ],
    [
      'add somebody whom the leaving admin names',
      () => {
        const leave = leaveOf(base, ada, { successor: of(eve) });
        return commitAfter(base, bob, [adds(eve, 'admin'), removes(ada, leave)]);
      },
    ],
    [
      'add who left, as an admin',
      () => commitAfter(base, bob, [removes(cleo, leaveOf(base, cleo)), adds(cleo, 'admin')]),
    ],
    [
      'promote because an admin leaves who will stay',
      () => {
        const leave = leaveOf(base, ada, { successor: of(bob) });
        return commitAfter(base, bob, [turns(bob, 'admin'), removes(cleo, leave)]);
      },
    ],
  ];
  it.each(withoutRight)('is refused if a member who is no admin would %s', (_, make) => {
    expect(judge(make())).toBe('bad-commit');
  });

  it('does not promote a successor while another admin stays', () => {
    const two = { ...base, roster: applyChanges(base.roster, [turns(cleo, 'admin')]) };
    for (const admin of [ada, cleo]) {
      const leaves = removes(admin, leaveOf(base, admin, { successor: of(bob) }));
      expect(judge(commitAfter(two, bob, [leaves]), two)).toBe('nothing');
      expect(judge(commitAfter(two, bob, [turns(bob, 'admin'), leaves]), two)).toBe('bad-commit');
    }
  });

  it('does not show a removal as a wish that was none, not even an admin’s', () => {
    expect(judge(commitAfter(base, ada, [removes(bob, leaveOf(base, bob))]))).toBe('nothing');
    expect(judge(commitAfter(base, ada, [removes(bob, leaveOf(base, cleo))]))).toBe('bad-commit');
    expect(judge(commitAfter(base, ada, [removes(bob, leaveOf(base, bob, { parent: key(1) }))]))).toBe(
      'bad-commit',
    );
    expect(judge(commitAfter(base, ada, [removes(bob, Uint8Array.of(0x80))]))).toBe('bad-commit');
  });

  it('has at most 1000 members after it', () => {
    const others = Array.from({ length: 999 }, (_, i) => ({
      fingerprint: Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? i >> (8 * at) : 7)),
      role: 'member' as const,
      cardHash: key(1),
    }));
    const mine = base.roster.filter(({ role }) => role === 'admin');
    const full = { ...base, roster: sortRoster([...mine, ...others]) };
    expect(judge(commitAfter(full, ada), full)).toBe('nothing');
    expect(judge(commitAfter(full, ada, [adds(eve)]), full)).toBe('bad-commit');
    const swapped = commitAfter(full, ada, [
      { type: 'remove', fingerprint: others[0]!.fingerprint, leave: NONE },
      adds(eve),
    ]);
    expect(judge(swapped, full)).toBe('nothing');
  });
});

describe('a commit that somebody joins by', () => {
  const join = (commit: Commit, roster = applyChanges(base.roster, commit.changes)) =>
    codeOf(() => checkJoining(commit, roster));

  it('is a first one, an admin’s change, a return or an admin’s reset', () => {
    expect(join(group.commit, group.roster)).toBe('nothing');
    expect(join(commitAfter(base, ada, [adds(eve)]))).toBe('nothing');
    expect(join(commitAfter(base, bob, [returns(cleo)]))).toBe('nothing');
    expect(join(commitAfter(base, ada, [], { reason: 'reset', epoch: 101, cut: [] }))).toBe('nothing');
  });

  const breaks: [string, () => [Commit, Roster?]][] = [
    ['a member adds', () => [commitAfter(base, bob, [adds(eve)])]],
    ['a member adds, and brings somebody back', () => [commitAfter(base, bob, [adds(eve), returns(cleo)])]],
    [
      'a reset changes something',
      () => [commitAfter(base, ada, [turns(bob, 'admin')], { reason: 'reset', cut: [] })],
    ],
    ['a reset cuts something', () => [commitAfter(base, ada, [], { reason: 'reset' })]],
    ['a member resets', () => [commitAfter(base, bob, [], { reason: 'reset', cut: [] })]],
    ['the committer is outside', () => [commitAfter(base, eve, [], { reason: 'reset', cut: [] })]],
    ['the committer left by it', () => [commitAfter(base, ada, [turns(bob, 'admin'), removes(ada)])]],
    ['the title is no name', () => [commitAfter(base, ada, [adds(eve)], { title: 'a\nb' })]],
    ['the roster is another', () => [commitAfter(base, ada, [adds(eve)]), base.roster]],
    ['nobody is admin', () => [commitAfter(base, ada, [turns(ada, 'member')])]],
    ['the first one breaks a rule', () => [{ ...group.commit, cut: [0] }, group.roster]],
    [
      'the roster is not in order',
      () => {
        const roster = [...base.roster].reverse();
        return [commitAfter(base, ada, [], { rosterHash: rosterHash(roster) }), roster];
      },
    ],
    [
      'somebody is in it twice',
      () => {
        const roster = [base.roster[0]!, ...base.roster];
        return [commitAfter(base, ada, [], { rosterHash: rosterHash(roster) }), roster];
      },
    ],
  ];
  it.each(breaks)('is refused if %s', (_, make) => {
    expect(join(...make())).toBe('bad-commit');
  });
});
