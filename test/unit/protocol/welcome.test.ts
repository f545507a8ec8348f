import { beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { label } from '../../../src/crypto/bytes.js';
import { sha256 } from '../../../src/crypto/hash.js';
import { seal } from '../../../src/crypto/sealed.js';
import { makeCard, openCard } from '../../../src/protocol/card.js';
import { bytes, encode, struct, uint } from '../../../src/protocol/codec.js';
import { parseToken, type Token } from '../../../src/protocol/invitation.js';
import { rosterHash } from '../../../src/protocol/roster.js';
import { joinerHash, welcomeSecrets } from '../../../src/protocol/schedule.js';
import {
  CHUNK_BYTES,
  openCards,
  openWelcome,
  sealWelcome,
  WelcomeCollector,
} from '../../../src/protocol/welcome.js';
import { inviteTo, makeGroup, place, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips } from '../../helpers/tamper.js';
import { atOnce } from '../../helpers/atOnce.js';

let ada: Person;
let bob: Person;
let eve: Person;
let group: Group;
beforeAll(async () => {
  [ada, bob, eve] = await makePeople(['Ada', 'Bob', 'Eve']);
  group = makeGroup(ada, [bob]);
});

const salt = new Uint8Array(16);
const tokenOf = (of: Group, change = {}, guest = bob, sender = of.founder): Token =>
  parseToken(inviteTo(of, guest, change, sender), 'join', guest.identity.card.fingerprint);
const open = (of: Group, token = tokenOf(of), box = of.welcome.box, joiner = of.joiner, guest = bob) =>
  codeOf(() => atOnce(openWelcome(box, joiner, token, guest.identity.card)));

describe('a welcome', () => {
  it('tells a guest of the group', () => {
    const welcome = atOnce(openWelcome(group.welcome.box, group.joiner, tokenOf(group), bob.identity.card));
    expect(welcome.commit).toEqual(group.commit);
    expect(welcome.roster).toEqual(group.roster);
    expect(welcome.cards.map(({ name }) => name).sort()).toEqual(['Ada', 'Bob']);
    expect(welcome.place).toBe(place(group, bob));
  });

  it('is closed under another joiner secret, and refused with any change', () => {
    expect(open(group, tokenOf(group), group.welcome.box, new Uint8Array(32))).toBe('bad-welcome');
    for (const box of flips(group.welcome.box, 0, group.welcome.box.length, 997))
      expect(open(group, tokenOf(group), box)).toBe('bad-welcome');
    expect(open(group, tokenOf(group), new Uint8Array(0))).toBe('bad-welcome');
  });

  it('is refused for a token of another commit, group or epoch', () => {
    expect(open(group, tokenOf(group, { commitHash: sha256() }))).toBe('bad-welcome');
    expect(open(group, tokenOf(group, { group: new Uint8Array(16) }))).toBe('bad-welcome');
    expect(open(group, tokenOf(group, { epoch: 2 }))).toBe('bad-welcome');
  });

  it('gives who is there already the cards, of the commit that it knows and no other', () => {
    const cards = (of: Group) => atOnce(openCards(group.welcome.box, group.joiner, of.commit));
    expect(cards(group)).toHaveLength(2);
    expect(codeOf(() => cards(makeGroup(ada, [bob])))).toBe('bad-welcome');
  });

  it('is refused if its sender did not make the group', () => {
    expect(open(group, tokenOf(group, {}, bob, eve))).toBe('bad-welcome');
  });

  it('is refused if its commit breaks the rules', () => {
    expect(open(makeGroup(ada, [bob], { title: 'Plan\u202e' }))).toBe('bad-commit');
  });

  it('is refused if the commit is signed by another than its committer', () => {
    const forged = makeGroup({ ...ada, identity: { ...ada.identity, signKey: eve.identity.signKey } }, [bob]);
    expect(open(forged, tokenOf(forged, {}, bob, ada))).toBe('bad-welcome');
  });

  it('is refused if the commit speaks of another secret', () => {
    expect(open(makeGroup(ada, [bob], { joinerHash: joinerHash(new Uint8Array(32)) }))).toBe('bad-welcome');
  });

  it('is refused for somebody who is not in it', () => {
    const token = tokenOf(group, {}, eve);
    expect(open(group, token, group.welcome.box, group.joiner, eve)).toBe('bad-welcome');
  });

  /** With another content, which the token announces. */
  const openAnew = (roster = group.roster, cards = group.cards) => {
    let box: Uint8Array | undefined;
    const collector = new WelcomeCollector();
    const sealed = sealWelcome(group.joiner, group.commit, roster, cards, salt);
    for (const chunk of sealed.chunks) box = collector.add(chunk, sealed.hash) ?? box;
    return open(group, tokenOf(group, { welcomeHash: sealed.hash }), box);
  };

  it('is refused with another roster than the commit’s', () => {
    const promoted = group.roster.map((entry) => ({ ...entry, role: 'admin' as const }));
    expect(openAnew()).toBe('nothing');
    expect(openAnew(promoted)).toBe('bad-welcome');
  });

  it('is refused with cards missing, doubled, swapped or exchanged', () => {
    const [first, second] = group.cards as [Group['cards'][0], Group['cards'][0]];
    const exchanged = group.cards.map((card) => (card === bob.identity.card ? eve.identity.card : card));
    for (const cards of [[first], [first, second, second], [second, first], exchanged])
      expect(openAnew(group.roster, cards)).toBe('bad-welcome');
  });

  it('is refused with another card of mine than the one I have', () => {
    const { card, signKey } = bob.identity;
    const other = openCard(
      makeCard(signKey, {
        name: 'Bobby',
        signKey: card.signSpki,
        transportKey: card.transportSpki,
        prekey: card.signedPrekey,
        created: 1,
      }),
    );
    const renamed = makeGroup(ada, [{ ...bob, identity: { ...bob.identity, card: other } }]);
    expect(open(renamed)).toBe('bad-welcome');
  });

  it('is refused if what is sealed is no welcome', () => {
    const box = seal(welcomeSecrets(group.joiner).key, label('welcome'), salt, Uint8Array.of(0x80));
    expect(open(group, tokenOf(group), box)).toBe('bad-welcome');
    expect(open(group, tokenOf(group, { welcomeHash: sha256(box) }), box)).toBe('malformed');
  });

  it('is not mistaken: its roster hash is the commit’s', () => {
    expect(group.commit.rosterHash).toEqual(rosterHash(group.roster));
  });
});

describe('the chunks of a welcome', () => {
  const chunk = (index: number, total: number, data: Uint8Array) =>
    encode(struct({ index: uint(), total: uint(), data: bytes(0, 1 << 20) }), { index, total, data });
  const box = systemRandom(2 * CHUNK_BYTES + 100);
  const hash = sha256(box);
  const [a, b, c] = [0, 1, 2].map((i) =>
    chunk(i, 3, box.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const collect = (...chunks: Uint8Array[]) => {
    const collector = new WelcomeCollector();
    return chunks.map((one) => collector.add(one, hash)).at(-1);
  };

  it('come together in any order and with repetitions', () => {
    expect(collect(a, b, c)).toEqual(box);
    expect(collect(c, a, b)).toEqual(box);
    expect(collect(b, b, c, c, a)).toEqual(box);
    expect(collect(a, c)).toBeUndefined();
  });

  it('are not fooled by foreign ones in between', () => {
    const junk = chunk(1, 3, new Uint8Array(10));
    expect(collect(a, junk, c)).toBeUndefined();
    expect(collect(a, junk, c, b)).toEqual(box);
    expect(collect(a, b, chunk(0, 1, new Uint8Array(10)), a, c)).toEqual(box);
  });

  it('are hashed again only once more of them came: each false one of many would cost as much as all', () => {
    const parts = Array.from({ length: 40 }, (_, i) => chunk(i, 40, new Uint8Array(1000).fill(i)));
    const collector = new WelcomeCollector();
    for (const part of parts.slice(1)) collector.add(part, hash);
    const whole = sha256(Buffer.concat(parts.map((_, i) => Buffer.alloc(1000, i))));
    for (let i = 0; i < 12; i++) collector.add(chunk(0, 40, new Uint8Array(1000).fill(99)), whole);
    expect(collector.add(parts[0]!, whole)).toBeUndefined();
    const again = parts.map((part) => collector.add(part, whole)).filter(Boolean);
    expect(again.length).toBeGreaterThan(0);
  });

  it('beyond their number are left out', () => {
    expect(collect(a, b, chunk(7, 3, new Uint8Array(10)), c)).toEqual(box);
  });

  it('are refused malformed or out of range', () => {
    for (const bad of [
      chunk(171, 171, new Uint8Array(1)),
      chunk(0, 172, new Uint8Array(1)),
      chunk(0, 0, new Uint8Array(1)),
      chunk(0, 1, new Uint8Array(0)),
      chunk(0, 1, new Uint8Array(CHUNK_BYTES + 1)),
      new Uint8Array(3),
    ])
      expect(codeOf(() => collect(bad))).toBe('malformed');
  });
});
