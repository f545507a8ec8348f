import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatClient } from '../../src/client/chatClient.js';
import { groupChannel } from '../../src/client/connection.js';
import { equal, toHex } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { parseCommit, type Commit } from '../../src/protocol/commit.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem, type InboxItem } from '../../src/protocol/inbox.js';
import { openToken, parseToken, verifyToken } from '../../src/protocol/invitation.js';
import { openMessage, parseMessage } from '../../src/protocol/message.js';
import { makeRejoinRequest } from '../../src/protocol/rejoin.js';
import { rosterHash, sortRoster, type Role, type Roster } from '../../src/protocol/roster.js';
import { chainStep, joinerHash, joinerSecret, welcomeSecrets } from '../../src/protocol/schedule.js';
import { sealWelcome } from '../../src/protocol/welcome.js';
import { commitBy, everything, forge, known, tokenItem, type Known } from '../helpers/forging.js';
import { inboxOf, intrude } from '../helpers/intruder.js';
import { LyingRelay } from '../helpers/lyingRelay.js';
import { codeOf } from '../helpers/tamper.js';
import { fastClock, hasText, message, RelayProcess } from '../helpers/team.js';
import { shiftedClock, Team, texts, until } from '../helpers/team.js';

const HOUR = 3600 * 1000;

/** The numbers are those of docs/PROTOCOL.md's list of attacks. */
describe('attacks on a group', { timeout: 120_000 }, () => {
  let team: Team;
  beforeEach(async () => {
    team = await Team.make(['Ada', 'Bo', 'Cy', 'Mal'], await new RelayProcess(['--rate', '0']).start());
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(team.log.join('\n'));
    await team.close();
  });

  const view = (client: ChatClient, group: string) => client.view().groups.find(({ id }) => id === group)!;
  const notice = (client: ChatClient, group: string, part: string) =>
    until(client, async () => (await client.page(group)).messages.some(({ text }) => text.includes(part)));
  const epochOf = (client: ChatClient, group: string) => client.groups.details(group).epoch;
  const personOf = (fingerprint: Uint8Array) =>
    [...team.people.values()].find(({ identity }) => equal(identity.card.fingerprint, fingerprint))!;
  const logged = (line: string) => expect.poll(() => team.log, { timeout: 10_000 }).toContain(line);

  it('12: an old database put back is noticed before anything is sent, and mended', async () => {
    const clock = fastClock(30);
    const { ada, bo, cy, group } = await team.three({ clock });
    await bo.send(group, 'one');
    await until(ada, hasText(ada, group, 'Bo: one'));
    await bo.close();
    await cp(join(team.root, 'Bo'), join(team.root, 'old'), { recursive: true });
    const again = await team.open('Bo', { clock });
    await again.send(group, 'two');
    await until(ada, hasText(ada, group, 'Bo: two'));
    await again.close();
    await rm(join(team.root, 'Bo'), { recursive: true });
    await cp(join(team.root, 'old'), join(team.root, 'Bo'), { recursive: true });
    const old = await team.open('Bo', { clock });
    await old.send(group, 'three').catch(() => undefined);
    await until(old, () => epochOf(old, group) > 1);
    await until(old, () => view(old, group).stopped === undefined);
    await old.send(group, 'four');
    for (const client of [ada, cy]) await until(client, hasText(client, group, 'Bo: four'));
    expect(team.log.filter((line) => line.includes('equivocation'))).toEqual([]);
  });

  /** The roster with Mal in it, and these roles. */
  const withMal = (roster: Roster, roles: Readonly<Record<string, Role>> = {}) => {
    const { fingerprint, hash: cardHash } = team.person('Mal').identity.card;
    const next = sortRoster([...roster, { fingerprint, role: 'admin', cardHash }]);
    return next.map((entry) => ({ ...entry, role: roles[toHex(entry.fingerprint)] ?? entry.role }));
  };

  it('14: nobody is added but by an admin’s signature', async () => {
    const { ada, bo, group } = await team.three();
    await bo.close();
    const bos = await known(team, 'Bo');
    const { fingerprint, hash: cardHash } = team.person('Mal').identity.card;
    const changes = [{ type: 'add', fingerprint, role: 'admin', cardHash } as const];
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    const adas = team.person('Ada').identity.card.fingerprint;
    for (const [signer, change] of [
      ['Bo', {}],
      ['Mal', {}],
      ['Mal', { committer: adas }],
    ] as const) {
      team.log.length = 0;
      const body = { changes, rosterHash: rosterHash(withMal(bos.roster)), ...change };
      await mal.publish(bos.access, commitBy(bos, team.person(signer), body).envelope);
      await logged('Ada: group envelope refused: bad-commit');
      await logged('Cy: group envelope refused: bad-commit');
    }
    expect(epochOf(ada, group)).toBe(1);
    mal.close();
  });

  it('14: nor by a new start of the group that is no admin’s', async () => {
    const { ada, bo, cy, group } = await team.three();
    await bo.close();
    const bos = await known(team, 'Bo');
    const mal = await intrude(team.person('Bo').identity, team.relay.url);
    const roster = withMal(bos.roster, { [team.fingerprint('Bo')]: 'admin' });
    const body = { reason: 'reset', epoch: 101, rosterHash: rosterHash(roster), cut: [] } as const;
    const { commit, joiner } = commitBy(bos, team.person('Bo'), body);
    const cards = roster.map(({ fingerprint }) => personOf(fingerprint).identity.card);
    const welcome = sealWelcome(joiner, commit, roster, cards, systemRandom(16));
    const to = groupChannel(welcomeSecrets(joiner).channelSeed);
    for (const chunk of welcome.chunks) await mal.publish(to, chunk);
    for (const name of ['Ada', 'Cy']) {
      const draft = { type: 'rejoin', secret: joiner, welcomeHash: welcome.hash } as const;
      const item = await tokenItem(mal, team.person('Bo'), team.person(name), commit, draft);
      await mal.publish(inboxOf(team.person(name).identity), item);
      await logged(`${name}: inbox item refused: wrong-type`);
    }
    for (const client of [ada, cy]) expect(epochOf(client, group)).toBe(1);
    mal.close();
  });

  it('15: who was removed can neither read, nor write, nor subscribe', async () => {
    const { ada, bo, cy, group } = await team.three();
    await cy.close();
    const cys = await known(team, 'Cy');
    await ada.groups.remove(group, team.fingerprint('Cy'));
    for (const client of [ada, bo]) await until(client, () => epochOf(client, group) === 2);
    const mal = await intrude(team.person('Cy').identity, team.relay.url);
    await mal.publish(cys.access, forge(cys, team.person('Cy'), 'too late').envelope);
    await logged('Bo: group envelope refused: behind-the-cut');
    await ada.send(group, 'secret');
    await until(bo, hasText(bo, group, 'Ada: secret'));
    mal.close();
    const back = await team.open('Cy');
    await until(back, () => view(back, group).stopped?.startsWith('You were removed') ?? false);
    expect(await texts(back, group)).toEqual([]);
    expect(await texts(bo, group)).toEqual(['Ada: secret']);
    await back.close();
    await ada.close();
    // Nothing that Cy ever held leads into the new epoch, and no token went to it.
    const adas = await known(team, 'Ada');
    const stores = [await team.store('Cy'), await team.store('Ada')] as const;
    closedTo([...cys.held, ...everything(stores[0])], cys, adas);
    const tokens = stores[1].all('outbox', { channel_kind: 'inbox', epoch: 2 });
    expect(tokens.map(({ channel_key }) => toHex(channel_key))).toEqual([team.fingerprint('Bo')]);
    for (const store of stores) await store.close();
  });

  it('16: two commits, each shown first to a part of the group, are noticed and healed by a reset', async () => {
    const [toAda, toCy] = [new LyingRelay(), new LyingRelay()];
    const { ada, bo, cy, group } = await team.three({}, { Ada: toAda, Cy: toCy });
    toAda.judge = toCy.judge = () => 'hold';
    await bo.groups.renew(group);
    await until(bo, () => epochOf(bo, group) === 2);
    await expect.poll(() => toAda.held).toBeGreaterThan(0);
    await ada.groups.rename(group, 'Ours');
    await expect.poll(() => toCy.held).toBeGreaterThan(1);
    toAda.judge = toCy.judge = () => 'pass';
    toCy.release((items) => items.reverse());
    toAda.release();
    await notice(cy, group, 'follows another change of this group than you do');
    await notice(bo, group, 'Cy follows another change of this group than you do');
    await ada.groups.reset(group);
    for (const client of [ada, bo, cy]) await until(client, () => epochOf(client, group) > 100);
    await cy.send(group, 'together again');
    for (const client of [ada, bo]) await until(client, hasText(client, group, 'Cy: together again'));
  });

  it('17: withheld messages are named, and repaired by any holder', async () => {
    const [clock, toCy] = [fastClock(30), new LyingRelay()];
    const { ada, bo, cy, group } = await team.three({ clock }, { Cy: toCy });
    toCy.judge = () => 'drop';
    for (const text of ['one', 'two', 'three']) await bo.send(group, text);
    await until(ada, hasText(ada, group, 'Bo: three'));
    // The last of them were withheld: their sender sees it.
    await until(bo, async () => (await message(bo, group, 'three'))?.delivery?.state === 'received');
    expect((await message(bo, group, 'three'))?.delivery).toEqual({ state: 'received', by: 1, of: 2 });
    await bo.close();
    toCy.judge = () => 'pass';
    const named: string[] = [];
    cy.events.on('changed', () => named.push(JSON.stringify(view(cy, group).missing)));
    await ada.send(group, 'what do you say, Cy?');
    await until(cy, hasText(cy, group, 'Bo: three'));
    expect(named).toContain(JSON.stringify([{ name: 'Bo', count: 3 }]));
    expect((await texts(cy, group)).sort()).toEqual(
      ['Ada: what do you say, Cy?', 'Bo: one', 'Bo: three', 'Bo: two'].sort(),
    );
    expect(view(cy, group).missing).toEqual([]);
  });

  it('17: a withheld last message is told of again by its sender', async () => {
    const [clock, toCy] = [fastClock(30), new LyingRelay()];
    const { ada, bo, cy, group } = await team.three({ clock }, { Cy: toCy });
    toCy.judge = () => 'drop';
    await bo.send(group, 'the last one');
    await until(ada, hasText(ada, group, 'Bo: the last one'));
    await Promise.all([ada.close(), bo.close()]);
    toCy.judge = () => 'pass';
    await team.open('Bo', { clock });
    await until(cy, hasText(cy, group, 'Bo: the last one'));
  });

  it('18: two messages with one number, each shown to one member, are noticed by their receipts', async () => {
    const [toAda, toCy] = [new LyingRelay(), new LyingRelay()];
    const { ada, bo, cy, group } = await team.three({}, { Ada: toAda, Cy: toCy });
    await bo.close();
    const bos = await known(team, 'Bo');
    const [yes, no] = ['yes', 'no'].map((text) => forge(bos, team.person('Bo'), text).envelope) as [
      Uint8Array,
      Uint8Array,
    ];
    toAda.judge = (item) => (equal(item.envelope, no) ? 'drop' : 'pass');
    toCy.judge = (item) => (equal(item.envelope, yes) ? 'drop' : 'pass');
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, yes);
    await mal.publish(bos.access, no);
    await until(ada, hasText(ada, group, 'Bo: yes'));
    await until(cy, hasText(cy, group, 'Bo: no'));
    await ada.send(group, 'noted');
    await notice(cy, group, 'Ada holds another message of Bo than you do');
    mal.close();
  });

  it('19: a committer who gives a member another secret is named, and the member comes back', async () => {
    const clock = fastClock(30);
    const { ada, bo, cy, group } = await team.three({ clock });
    await bo.close();
    const bos = await known(team, 'Bo');
    const { commit, secret, envelope } = commitBy(bos, team.person('Bo'));
    const mal = await intrude(team.person('Bo').identity, team.relay.url);
    for (const [name, given] of [
      ['Ada', secret],
      ['Cy', systemRandom(32)],
    ] as const) {
      const draft = { type: 'rekey', secret: given } as const;
      const item = await tokenItem(mal, team.person('Bo'), team.person(name), commit, draft);
      await mal.publish(inboxOf(team.person(name).identity), item);
    }
    await mal.publish(bos.access, envelope);
    await notice(cy, group, 'Bo sent you a key that is not the group’s.');
    await until(cy, () => epochOf(cy, group) >= 3);
    await cy.send(group, 'back');
    await until(ada, hasText(ada, group, 'Cy: back'));
    mal.close();
  });

  it('20: who asks to be brought back again and again is brought back once', async () => {
    const { ada, bo, group } = await team.three();
    await bo.close();
    const { at, commit } = await known(team, 'Bo');
    const { identity, prekey } = team.person('Bo');
    const mal = await intrude(identity, team.relay.url);
    const ask = { ...at, from: identity.card.fingerprint, commitHash: commit.hash, prekey: prekey.signed };
    const key = inboxKey(team.person('Ada').identity.card);
    for (let time = Date.now(); team.log.length === 0; time++) {
      const request = makeRejoinRequest(identity.signKey, { ...ask, reason: 'no-token', time });
      const item = sealInboxItem(key, { type: 'rejoin-request', request }, systemRandom(16));
      await mal.publish(inboxOf(team.person('Ada').identity), item);
      await until(ada, () => epochOf(ada, group) === 2);
    }
    await logged('Ada: inbox item refused: replayed');
    expect(epochOf(ada, group)).toBe(2);
    mal.close();
  });

  it('20: an epoch’s numbers end, and its key is renewed before they do', async () => {
    const { bo, group } = await team.three();
    await bo.close();
    for (const [next_sqn, ends] of [
      [1000, true],
      [901, false],
    ] as const) {
      const { members, at } = await known(team, 'Bo');
      const store = await team.store('Bo');
      await store.commit([{ put: 'member', row: { ...members[at.place]!, next_sqn } }]);
      await store.close();
      const again = await team.open('Bo');
      if (ends) await expect(again.send(group, 'too many')).rejects.toMatchObject({ code: 'used-up' });
      else await again.send(group, 'many').then(() => until(again, () => epochOf(again, group) === 2));
      await again.close();
    }
  });

  it('23: all of memory and disk, taken a day later, opens nothing that was sent before', async () => {
    const [tap, toCy] = [new LyingRelay(), new LyingRelay()];
    const { ada, bo, cy, group } = await team.three({}, { Cy: toCy });
    await bo.groups.renew(group);
    for (const client of [ada, bo, cy]) await until(client, () => epochOf(client, group) === 2);
    const recorded: Uint8Array[] = [];
    await ada.close();
    const adas = await known(team, 'Ada');
    const listening = await team.open('Ada', { dial: tap.dial });
    tap.judge = (item) => {
      recorded.push(item.envelope);
      return 'pass';
    };
    // They come to Cy the other way round, so that a key is kept for a while.
    toCy.judge = () => 'hold';
    for (const text of ['for your eyes only', 'and yours']) await bo.send(group, text);
    await until(listening, hasText(listening, group, 'Bo: and yours'));
    await expect.poll(() => toCy.held).toBeGreaterThan(1);
    toCy.judge = () => 'pass';
    toCy.release((items) => items.reverse());
    await until(cy, hasText(cy, group, 'Bo: for your eyes only'));
    await Promise.all([listening, bo, cy].map((client) => client.close()));
    const wire = recorded
      .map((envelope) => openEnvelope(adas.epoch.seal_key, envelope))
      .flatMap(({ kind, data }) => (kind === 'message' ? [parseMessage(data)] : []));
    expect(wire).toHaveLength(2);
    for (const name of ['Ada', 'Bo', 'Cy']) {
      const later = await team.open(name, { clock: shiftedClock(25 * HOUR), relay: () => undefined });
      await later.close();
      const store = await team.store(name);
      const bytes = everything(store);
      const joiners = store.all('epoch').map(({ commit }) => toHex(parseCommit(commit).joinerHash));
      // No chain reaches back, no message key is left, no joiner or commit secret; prekeys that opened tokens are gone.
      const opens = (key: Uint8Array) => wire.some((each) => openMessage(each, key) !== undefined);
      for (const each of bytes) {
        let chain = each;
        for (let i = 0; i < 3; i++, chain = chainStep(chain).next)
          expect(opens(chain) || opens(chainStep(chain).messageKey)).toBe(false);
        expect(joiners).not.toContain(toHex(joinerHash(each)));
        expect(bytes.some((init) => leads(init, each, adas.commit))).toBe(false);
      }
      expect(store.all('prekey').filter(({ used }) => used > 0)).toEqual([]);
      await store.close();
    }
  });

  it('24: who stole everything of a member is out after that member’s next commit', async () => {
    const { ada, bo, group } = await team.three();
    await bo.close();
    const store = await team.store('Bo');
    const prekeys = store.all('prekey');
    await store.close();
    const bos = await known(team, 'Bo');
    const again = await team.open('Bo');
    await again.groups.renew(group);
    for (const client of [ada, again]) await until(client, () => epochOf(client, group) === 2);
    await ada.close();
    closedTo(bos.held, bos, await known(team, 'Ada'));
    // Nor do the tokens on the wire open with the stolen identity and prekeys.
    const { identity } = team.person('Bo');
    const after = await team.store('Bo', { takeOver: true });
    const sent = after.all('outbox', { channel_kind: 'inbox', epoch: 2 });
    await after.close();
    expect(sent).toHaveLength(2);
    for (const { channel_key: to, envelope } of sent) {
      const { card } = personOf(to).identity;
      const item = openInboxItem(inboxKey(card), envelope) as InboxItem & { type: 'rekey' };
      const token = verifyToken(parseToken(item.token, 'rekey', to), identity.card);
      for (const { seed } of prekeys)
        expect(codeOf(() => openToken(token, identity, seed))).toBe('undecryptable');
    }
  });

  it('25: nobody edits or deletes what another wrote', async () => {
    const { ada, bo, cy, group } = await team.three();
    await ada.send(group, 'the original');
    await until(bo, hasText(bo, group, 'Ada: the original'));
    const id = new Uint8Array(Buffer.from((await message(ada, group, 'the original'))!.id, 'hex'));
    await bo.close();
    let bos: Known = await known(team, 'Bo');
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    for (const [text, change] of [
      ['edited', { kind: 'edit' }],
      ['deleted', { kind: 'delete' }],
      ['not the original', { id }],
    ] as const) {
      const { envelope, next } = forge(bos, team.person('Bo'), text, change);
      await mal.publish(bos.access, envelope);
      bos = next;
    }
    await until(cy, hasText(cy, group, 'Bo: not the original'));
    expect(await texts(cy, group)).toEqual(['Ada: the original', 'Bo: not the original']);
    mal.close();
  });

  it('25: a sender who uses an id twice replaces nothing', async () => {
    const { ada, bo, cy, group } = await team.three();
    await bo.send(group, 'first');
    for (const client of [ada, cy]) await until(client, hasText(client, group, 'Bo: first'));
    const id = new Uint8Array(Buffer.from((await message(bo, group, 'first'))!.id, 'hex'));
    await bo.close();
    const bos = await known(team, 'Bo');
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, forge(bos, team.person('Bo'), 'second', { id }).envelope);
    await notice(cy, group, 'Bo sent two different messages as if they were one.');
    expect(await texts(cy, group)).toEqual(['Bo: first']);
    mal.close();
  });
});

/** Whether a commit's secret, on top of the epoch before, leads to the epoch that the commit begins. */
const leads = (init: Uint8Array, secret: Uint8Array, { joinerHash: hash }: Commit): boolean =>
  equal(joinerHash(joinerSecret(init, secret)), hash);

/** Neither the next epoch nor its channel can be had from this epoch and these secrets. */
function closedTo(secrets: readonly Uint8Array[], { epoch }: Known, next: Known) {
  for (const each of secrets) {
    expect(equal(each, next.epoch.channel_seed)).toBe(false);
    expect(leads(epoch.init, each, next.commit)).toBe(false);
  }
}
