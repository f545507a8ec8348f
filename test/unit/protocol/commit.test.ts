import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import {
  applyChanges,
  checkFirstCommit,
  makeCommit,
  parseCommit,
  verifyCommit,
  type CommitBody,
} from '../../../src/protocol/commit.js';
import { rosterHash, type Roster } from '../../../src/protocol/roster.js';
import { makeGroup, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips, signedWith } from '../../helpers/tamper.js';

const NONE = new Uint8Array(0);
let ada: Person;
let bob: Person;
let group: Group;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
  group = makeGroup(ada, [bob]);
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
