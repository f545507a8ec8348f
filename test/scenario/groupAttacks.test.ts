import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatClient } from '../../src/client/chatClient.js';
import { groupChannel } from '../../src/client/connection.js';
import { equal, utf8 } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openEnvelope, sealEnvelope } from '../../src/protocol/channel.js';
import { openPrekey } from '../../src/protocol/card.js';
import { makeCommit, parseCommit, type CommitBody } from '../../src/protocol/commit.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import { makeToken, openToken, parseToken, verifyToken } from '../../src/protocol/invitation.js';
import { openMessage, parseMessage, sealMessage } from '../../src/protocol/message.js';
import { encodePayload, type Payload } from '../../src/protocol/payload.js';
import { rosterHash } from '../../src/protocol/roster.js';
import { chainStep, epochSecrets, joinerHash, joinerSecret } from '../../src/protocol/schedule.js';
import type { ParticipantStore } from '../../src/store/participantStore.js';
import { TABLES, type Table } from '../../src/store/schema.js';
import { inboxOf, intrude } from '../helpers/intruder.js';
import { LyingRelay } from '../helpers/lyingRelay.js';
import {
  fastClock,
  hasText,
  message,
  RelayProcess,
  shiftedClock,
  Team,
  texts,
  until,
} from '../helpers/team.js';

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
  const logged = (line: string) => expect.poll(() => team.log, { timeout: 10_000 }).toContain(line);
  const signKey = (name: string) => team.person(name).identity.signKey;

  /** What a member knows of its newest epoch, taken from its closed session. */
  async function known(name: string) {
    const store = await team.store(name);
    const epoch = store.all('epoch').at(-1)!;
    const where = { chat: epoch.chat, epoch: epoch.epoch };
    const rows = store.all('member', where);
    await store.close();
    return { epoch, rows, commit: parseCommit(epoch.commit), access: groupChannel(epoch.channel_seed) };
  }
  type Known = Awaited<ReturnType<typeof known>>;

  /** A message of whoever's place and chain these are. */
  const forge = (
    { epoch, rows, commit }: Known,
    signer: string,
    text: string,
    change: Partial<Payload> = {},
  ) => {
    const row = rows[epoch.place]!;
    const payload: Payload = {
      kind: 'text',
      id: systemRandom(16),
      time: Date.now(),
      content: utf8(text),
      frontier: [],
      ...change,
    };
    const header = {
      group: epoch.chat,
      epoch: epoch.epoch,
      place: epoch.place,
      sqn: row.next_sqn,
      salt: systemRandom(16),
      previous: row.last_hash,
    };
    const sealed = sealMessage(signKey(signer), commit.hash, row.chain, header, encodePayload(payload));
    return sealEnvelope(epoch.seal_key, 'message', sealed.bytes, systemRandom(16));
  };

  /** A commit after this epoch, by this person, with its secret. */
  const commitBy = ({ epoch, rows, commit }: Known, signer: string, change: Partial<CommitBody> = {}) => {
    const secret = systemRandom(32);
    const joiner = joinerSecret(epoch.init, secret);
    const roster = rows.map(({ fingerprint, role, card_hash }) => ({
      fingerprint,
      role,
      cardHash: card_hash,
    }));
    const next = makeCommit(signKey(signer), {
      group: epoch.chat,
      epoch: epoch.epoch + 1,
      parent: commit.hash,
      title: commit.title,
      changes: [],
      rosterHash: rosterHash(roster),
      committer: team.person(signer).identity.card.fingerprint,
      reason: 'change',
      joinerHash: joinerHash(joiner),
      cut: rows.map((row) => row.complete_sqn),
      time: Date.now(),
      ...change,
    });
    return { next, secret, envelope: sealEnvelope(epoch.seal_key, 'commit', next.bytes, systemRandom(16)) };
  };

  async function three(options: Parameters<Team['open']>[1] = {}) {
    const [ada, bo, cy] = await Promise.all(['Ada', 'Bo', 'Cy'].map((name) => team.open(name, options)));
    const group = await team.group(ada!, { Bo: bo!, Cy: cy! });
    return { ada: ada!, bo: bo!, cy: cy!, group };
  }

  it('12: an old database put back is noticed before anything is sent, and mended', async () => {
    const clock = fastClock(30);
    const { ada, bo, cy, group } = await three({ clock });
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

  it('14: nobody is added but by an admin’s signature', async () => {
    const { ada, bo, group } = await three();
    await bo.close();
    const bos = await known('Bo');
    const { card } = team.person('Mal').identity;
    const add = { type: 'add', fingerprint: card.fingerprint, role: 'admin', cardHash: card.hash } as const;
    const roster = [
      ...bos.rows.map(({ fingerprint, role, card_hash }) => ({ fingerprint, role, cardHash: card_hash })),
      { fingerprint: card.fingerprint, role: 'admin' as const, cardHash: card.hash },
    ];
    const hash = rosterHash(roster.sort((a, b) => Buffer.compare(a.fingerprint, b.fingerprint)));
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    const adas = team.person('Ada').identity.card.fingerprint;
    for (const [signer, change] of [
      ['Bo', {}],
      ['Mal', {}],
      ['Mal', { committer: adas }],
    ] as const) {
      team.log.length = 0;
      const { envelope } = commitBy(bos, signer, { changes: [add], rosterHash: hash, ...change });
      await mal.publish(bos.access, envelope);
      await logged('Ada: group envelope refused: bad-commit');
      await logged('Cy: group envelope refused: bad-commit');
    }
    expect(epochOf(ada, group)).toBe(1);
    mal.close();
  });

  it('15: who was removed can neither read, nor write, nor subscribe', async () => {
    const { ada, bo, cy, group } = await three();
    await cy.close();
    const cys = await known('Cy');
    await ada.groups.remove(group, team.fingerprint('Cy'));
    for (const client of [ada, bo]) await until(client, () => epochOf(client, group) === 2);
    const mal = await intrude(team.person('Cy').identity, team.relay.url);
    await mal.publish(cys.access, forge(cys, 'Cy', 'too late'));
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
    // Nothing that Cy ever held leads to the new channel's key.
    const adas = await known('Ada');
    const store = await team.store('Cy');
    const bytes = everything(store);
    await store.close();
    for (const each of bytes) {
      expect(equal(each, adas.epoch.channel_seed)).toBe(false);
      expect(equal(joinerHash(joinerSecret(cys.epoch.init, each)), adas.commit.joinerHash)).toBe(false);
    }
  });

  it('16: two commits, each shown first to a part of the group, are noticed and healed by a reset', async () => {
    const [toAda, toCy] = [new LyingRelay(), new LyingRelay()];
    const [ada, bo, cy] = await Promise.all([
      team.open('Ada', { dial: toAda.dial }),
      team.open('Bo'),
      team.open('Cy', { dial: toCy.dial }),
    ]);
    const group = await team.group(ada, { Bo: bo, Cy: cy });
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
    const toCy = new LyingRelay();
    const [ada, bo, cy] = await Promise.all([
      team.open('Ada'),
      team.open('Bo'),
      team.open('Cy', { dial: toCy.dial }),
    ]);
    const group = await team.group(ada, { Bo: bo, Cy: cy });
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

  it('18: two messages with one number, each shown to one member, are noticed by their receipts', async () => {
    const [toAda, toCy] = [new LyingRelay(), new LyingRelay()];
    const [ada, bo, cy] = await Promise.all([
      team.open('Ada', { dial: toAda.dial }),
      team.open('Bo'),
      team.open('Cy', { dial: toCy.dial }),
    ]);
    const group = await team.group(ada, { Bo: bo, Cy: cy });
    await bo.close();
    const bos = await known('Bo');
    const [yes, no] = [forge(bos, 'Bo', 'yes'), forge(bos, 'Bo', 'no')];
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
    const { ada, bo, cy, group } = await three({ clock });
    await bo.close();
    const bos = await known('Bo');
    const { next, secret, envelope } = commitBy(bos, 'Bo');
    const mal = await intrude(team.person('Bo').identity, team.relay.url);
    const content = { time: Date.now(), group: next.group, epoch: next.epoch, commitHash: next.hash };
    for (const [name, given] of [
      ['Ada', secret],
      ['Cy', systemRandom(32)],
    ] as const) {
      const { identity, prekey } = team.person(name);
      const store = await newestPrekey(name);
      const draft = {
        type: 'rekey',
        to: identity.card,
        prekey: store ?? prekey.prekey,
        secret: given,
        welcomeHash: new Uint8Array(32),
      } as const;
      const token = makeToken(team.person('Bo').identity, content, draft, systemRandom);
      const item = sealInboxItem(inboxKey(identity.card), { type: 'rekey', token }, systemRandom(16));
      await mal.publish(inboxOf(identity), item);
    }
    await mal.publish(bos.access, envelope);
    await notice(cy, group, 'Bo sent you a key that is not the group’s.');
    await until(cy, () => epochOf(cy, group) >= 3);
    await cy.send(group, 'back');
    await until(ada, hasText(ada, group, 'Cy: back'));
    mal.close();
  });

  it('23: all of memory and disk, taken a day later, opens nothing that was sent before', async () => {
    const { ada, bo, cy, group } = await three();
    const recorded: Uint8Array[] = [];
    const tap = new LyingRelay();
    await ada.close();
    const adas = await known('Ada');
    const listening = await team.open('Ada', { dial: tap.dial });
    tap.judge = (item) => {
      recorded.push(item.envelope);
      return 'pass';
    };
    await bo.send(group, 'for your eyes only');
    for (const client of [listening, cy])
      await until(client, hasText(client, group, 'Bo: for your eyes only'));
    await Promise.all([listening, bo, cy].map((client) => client.close()));
    const sent = recorded
      .map((envelope) => openEnvelope(adas.epoch.seal_key, envelope))
      .find(({ kind }) => kind === 'message')!;
    const wire = parseMessage(sent.data);
    for (const name of ['Ada', 'Bo', 'Cy']) {
      const later = await team.open(name, { clock: shiftedClock(25 * HOUR), relay: () => undefined });
      await later.close();
      const store = await team.store(name);
      const bytes = everything(store);
      // No chain reaches back, no message key is left, no joiner or commit secret; prekeys that opened tokens are gone.
      const opens = (key: Uint8Array) => openMessage(wire, key) !== undefined;
      for (const each of bytes) {
        let chain = each;
        for (let i = 0; i < 3; i++, chain = chainStep(chain).next)
          expect(opens(chain) || opens(chainStep(chain).messageKey)).toBe(false);
        const { chains } = epochSecrets(each, adas.commit.hash, 3);
        expect(chains.some((first) => opens(chainStep(first).messageKey))).toBe(false);
      }
      expect(store.all('prekey').filter(({ used }) => used > 0)).toEqual([]);
      await store.close();
    }
  });

  it('24: who stole everything of a member is out after that member’s next commit', async () => {
    const { ada, bo, group } = await three();
    await bo.close();
    const store = await team.store('Bo');
    const stolen = everything(store);
    const prekeys = store.all('prekey');
    await store.close();
    const bos = await known('Bo');
    const tokens: Uint8Array[] = [];
    const again = await team.open('Bo');
    await again.groups.renew(group);
    await until(ada, () => epochOf(ada, group) === 2);
    await until(again, () => epochOf(again, group) === 2);
    await ada.close();
    const adas = await known('Ada');
    const items = await team.store('Bo', { takeOver: true });
    tokens.push(...items.all('outbox').map(({ envelope }) => envelope));
    await items.close();
    for (const each of stolen)
      expect(equal(joinerHash(joinerSecret(bos.epoch.init, each)), adas.commit.joinerHash)).toBe(false);
    // Nor does any token on the wire open with the stolen identity and prekeys.
    const { identity } = team.person('Bo');
    for (const envelope of tokens)
      for (const { seed } of prekeys)
        for (const name of ['Ada', 'Bo', 'Cy'])
          expect(() => {
            const item = openInboxItem(inboxKey(team.person(name).identity.card), envelope);
            if (item.type !== 'rekey') throw new Error('no token');
            const token = parseToken(item.token, 'rekey', team.person(name).identity.card.fingerprint);
            return openToken(verifyToken(token, identity.card), identity, seed);
          }).toThrow();
  });

  it('25: nobody edits or deletes what another wrote', async () => {
    const { ada, bo, cy, group } = await three();
    await ada.send(group, 'the original');
    await until(bo, hasText(bo, group, 'Ada: the original'));
    const id = Buffer.from((await message(ada, group, 'the original'))!.id, 'hex');
    await bo.close();
    const bos = await known('Bo');
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, forge(bos, 'Bo', 'not the original', { id: new Uint8Array(id) }));
    await until(cy, hasText(cy, group, 'Bo: not the original'));
    expect(await texts(cy, group)).toEqual(['Ada: the original', 'Bo: not the original']);
    mal.close();
  });

  it('25: a sender who uses an id twice replaces nothing', async () => {
    const { ada, bo, cy, group } = await three();
    await bo.send(group, 'first');
    for (const client of [ada, cy]) await until(client, hasText(client, group, 'Bo: first'));
    const id = new Uint8Array(Buffer.from((await message(bo, group, 'first'))!.id, 'hex'));
    await bo.close();
    const bos = await known('Bo');
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, forge(bos, 'Bo', 'second', { id }));
    await notice(cy, group, 'Bo sent two different messages as if they were one.');
    expect(await texts(cy, group)).toEqual(['Bo: first']);
    mal.close();
  });

  /** The newest prekey that a session has published, as its holder's disk has it. */
  async function newestPrekey(name: string) {
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    const signed = await mal.prekey(team.person(name).identity.card.fingerprint);
    mal.close();
    return signed && openPrekey(signed, team.person(name).identity.card.signKey);
  }
});

/** Every secret-sized value in all tables. */
function everything(store: ParticipantStore): Uint8Array[] {
  return (Object.keys(TABLES) as Table[]).flatMap((table) =>
    store
      .all(table)
      .flatMap((row) => Object.values(row as Record<string, unknown>))
      .filter((value): value is Uint8Array => value instanceof Uint8Array && value.length === 32),
  );
}
