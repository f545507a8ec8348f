import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupChannel } from '../../src/client/connection.js';
import { toHex, utf8 } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openEnvelope, sealEnvelope } from '../../src/protocol/channel.js';
import { parseCommit } from '../../src/protocol/commit.js';
import { makeFrontier } from '../../src/protocol/frontier.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import { sealMessage } from '../../src/protocol/message.js';
import { encodePayload } from '../../src/protocol/payload.js';
import type { ParticipantStore } from '../../src/store/participantStore.js';
import { inboxOf, intrude } from '../helpers/intruder.js';
import {
  acceptNext,
  hasText,
  members,
  RelayProcess,
  shiftedClock,
  Team,
  texts,
  until,
} from '../helpers/team.js';

const HOUR = 3600 * 1000;
const DAY = 24 * HOUR;

/** The numbers are those of docs/PROTOCOL.md's list of attacks. */
describe('attacks on a session', () => {
  let team: Team;
  beforeEach(async () => {
    team = await Team.make(['Ada', 'Bo', 'Cy', 'Mal'], await new RelayProcess().start());
  });
  afterEach(() => team.close());

  const logged = (line: string) => expect.poll(() => team.log, { timeout: 10_000 }).toContain(line);
  /** What a member knows of a group's epoch. */
  const secrets = (store: ParticipantStore) => {
    const [epoch] = store.all('epoch');
    return { epoch: epoch!, commit: parseCommit(epoch!.commit), members: store.all('member') };
  };
  const placeOf = (store: ParticipantStore, name: string) =>
    store.all('member').find((row) => toHex(row.fingerprint) === team.fingerprint(name))!.place;
  /** A message as the member could make it who holds this chain key and signs with this person's key. */
  const forge = (
    store: ParticipantStore,
    signer: string,
    change: { place?: number; sqn?: number; text?: string; group?: Uint8Array; chainOf?: number } = {},
  ) => {
    const { epoch, commit, members: rows } = secrets(store);
    const place = change.place ?? epoch.place;
    const row = rows.find((member) => member.place === (change.chainOf ?? place))!;
    const content = utf8(change.text ?? 'forged');
    const payload = { kind: 'text', id: systemRandom(16), time: Date.now(), content, frontier: [] } as const;
    const { bytes } = sealMessage(
      team.person(signer).identity.signKey,
      commit.hash,
      row.chain,
      {
        group: change.group ?? epoch.chat,
        epoch: epoch.epoch,
        place,
        sqn: change.sqn ?? row.next_sqn,
        salt: systemRandom(16),
        previous: row.last_hash,
      },
      encodePayload(payload),
    );
    return sealEnvelope(epoch.seal_key, 'message', bytes, systemRandom(16));
  };

  it('3: refuses a join token that is too old, and holds one from the future until its time', async () => {
    const late = await team.open('Ada', { clock: shiftedClock(-8 * DAY) });
    await late.invite('Old', [team.fingerprint('Bo')]);
    const bo = await team.open('Bo');
    const notices: string[] = [];
    bo.events.on('notice', (text) => notices.push(text));
    await logged('Bo: inbox item refused: expired');
    await expect.poll(() => notices.join()).toMatch(/expired/);
    await late.close();

    const early = await team.open('Ada', { clock: shiftedClock(HOUR) });
    await early.invite('Early', [team.fingerprint('Bo')]);
    await expect.poll(() => notices.join()).toMatch(/dated in the future/);
    expect(bo.view().invitations).toEqual([]);
    await bo.close();
    const later = await team.open('Bo', { clock: shiftedClock(2 * HOUR) });
    await until(later, () => later.view().invitations.length === 1);
    await early.close();

    const far = await team.open('Ada', { clock: shiftedClock(3 * DAY) });
    await far.invite('Far', [team.fingerprint('Bo')]);
    await logged('Bo: inbox item refused: from-the-future');
    expect(later.view().invitations.map(({ title }) => title)).toEqual(['Early']);
  });

  it('3: refuses Accept of an invitation that has expired meanwhile', async () => {
    const ada = await team.open('Ada');
    await ada.invite('Soon over', [team.fingerprint('Bo')]);
    const bo = await team.open('Bo', { inviteLifetime: HOUR });
    await until(bo, () => bo.view().invitations.length === 1);
    await bo.close();
    const later = await team.open('Bo', { inviteLifetime: HOUR, clock: shiftedClock(2 * HOUR) });
    await expect(later.accept(later.view().invitations[0]!.id)).rejects.toThrow(/expired/);
    expect(later.view()).toMatchObject({ invitations: [], groups: [] });
  });

  it('4: refuses a token that comes twice, also after a restart and after Accept', async () => {
    const ada = await team.open('Ada');
    await ada.invite('Once', [team.fingerprint('Bo')]);
    const bo = await team.open('Bo');
    await until(bo, () => bo.view().invitations.length === 1);
    await ada.close();
    const store = await team.store('Ada');
    const token = store.all('outbox').find((row) => row.channel_kind === 'inbox')!.envelope;
    await store.close();
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(inboxOf(team.person('Bo').identity), token);
    await logged('Bo: inbox item refused: replayed');
    await bo.close();
    const again = await team.open('Bo');
    await acceptNext(again);
    team.log.length = 0;
    await mal.publish(inboxOf(team.person('Bo').identity), token);
    await logged('Bo: inbox item refused: replayed');
    expect(again.view().invitations).toEqual([]);
    mal.close();
  });

  it('6: refuses a message of one group played into another, and a token for somebody else', async () => {
    const ada = await team.open('Ada');
    const bo = await team.open('Bo');
    const one = await team.group(ada, { Bo: bo }, 'One');
    await bo.close();
    const store = await team.store('Bo');
    const { epoch } = secrets(store);
    const played = forge(store, 'Bo', { group: systemRandom(16) });
    await store.close();
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(groupChannel(epoch.channel_seed), played);
    await logged('Ada: group envelope refused: wrong-group');

    const cy = await team.open('Cy');
    await ada.close();
    const other = await team.open('Ada');
    await other.invite('Two', [team.fingerprint('Mal')]);
    await other.close();
    const again = await team.store('Ada');
    const [row] = again.all('outbox', { channel_key: team.person('Mal').identity.card.fingerprint });
    const forMal = row!.envelope;
    await again.close();
    await mal.publish(inboxOf(team.person('Cy').identity), forMal);
    await logged('Cy: inbox item refused: malformed');
    const item = openInboxItem(inboxKey(team.person('Mal').identity.card), forMal);
    const { identity } = team.person('Cy');
    await mal.publish(inboxOf(identity), sealInboxItem(inboxKey(identity.card), item, systemRandom(16)));
    await logged('Cy: inbox item refused: not-for-me');
    expect(cy.view().invitations).toEqual([]);
    expect(one).toHaveLength(32);
    mal.close();
  });

  it('13: a window that was replaced neither shows nor sends', async () => {
    const [ada, bo] = await Promise.all([team.open('Ada'), team.open('Bo')]);
    const group = await team.group(ada, { Bo: bo });
    const ended: string[] = [];
    bo.events.on('ended', (reason) => ended.push(reason));
    await expect(team.open('Bo')).rejects.toMatchObject({ code: 'open-elsewhere' });
    const second = await team.open('Bo', { store: { takeOver: true } });
    await expect(bo.send(group, 'from the first window')).rejects.toThrow();
    expect(ended).toEqual(['replaced']);
    await second.send(group, 'from the second window');
    await until(ada, hasText(ada, group, 'Bo: from the second window'));
    expect(await texts(ada, group)).toEqual(['Bo: from the second window']);
  });

  it('21: refuses every kind of object where another belongs', async () => {
    const [ada, bo] = await Promise.all([team.open('Ada'), team.open('Bo')]);
    await team.group(ada, { Bo: bo });
    await bo.close();
    const store = await team.store('Bo');
    const { epoch, commit } = secrets(store);
    const good = openEnvelope(epoch.seal_key, forge(store, 'Bo')).data;
    await store.close();
    const frontier = makeFrontier(team.person('Bo').identity.signKey, commit.hash, {
      group: epoch.chat,
      epoch: epoch.epoch,
      place: epoch.place,
      entries: [],
      next: new Uint8Array(0),
    });
    const card = team.person('Bo').identity.card.bytes;
    const objects = { message: good, frontier, commit: epoch.commit, card };
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    for (const kind of ['message', 'frontier', 'commit', 'resend'] as const) {
      for (const [name, object] of Object.entries(objects)) {
        if (name === kind) continue;
        team.log.length = 0;
        await mal.publish(
          groupChannel(epoch.channel_seed),
          sealEnvelope(epoch.seal_key, kind, object, systemRandom(16)),
        );
        await expect
          .poll(() => team.log.join(), { message: `${name} as ${kind}` })
          .toMatch(/Ada: group envelope refused: malformed/);
      }
    }
    const ada_ = team.person('Ada').identity;
    for (const object of Object.values(objects)) {
      for (const type of ['rekey', 'rejoin'] as const) {
        team.log.length = 0;
        const envelope = sealInboxItem(inboxKey(ada_.card), { type, token: object, card }, systemRandom(16));
        await mal.publish(inboxOf(ada_), envelope);
        await expect.poll(() => team.log.join()).toMatch(/Ada: inbox item refused: malformed/);
      }
      team.log.length = 0;
      const join = { type: 'join', token: object, card } as const;
      await mal.publish(inboxOf(ada_), sealInboxItem(inboxKey(ada_.card), join, systemRandom(16)));
      await logged('Ada: inbox item refused: malformed');
    }
    mal.close();
  });

  it('22: refuses a message whose sender is not its signer, and 18 shows two with one number', async () => {
    const [ada, bo, cy] = await Promise.all([team.open('Ada'), team.open('Bo'), team.open('Cy')]);
    const group = await team.group(ada, { Bo: bo, Cy: cy });
    await bo.close();
    const store = await team.store('Bo');
    const { epoch } = secrets(store);
    const asAda = forge(store, 'Bo', { place: placeOf(store, 'Ada') });
    const first = forge(store, 'Bo', { text: 'yes' });
    const second = forge(store, 'Bo', { text: 'no' });
    const afterAnother = forge(store, 'Bo', { sqn: 2 });
    await store.close();
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(groupChannel(epoch.channel_seed), asAda);
    await logged('Cy: group envelope refused: bad-signature');
    await mal.publish(groupChannel(epoch.channel_seed), first);
    await mal.publish(groupChannel(epoch.channel_seed), second);
    await logged('Cy: group envelope refused: equivocation');
    team.log.length = 0;
    await mal.publish(groupChannel(epoch.channel_seed), afterAnother);
    await logged('Cy: group envelope refused: equivocation');
    await until(cy, hasText(cy, group, 'Bo: yes'));
    expect(await texts(cy, group)).toEqual(['Bo: yes']);
    mal.close();
  });

  it('28: a group made of borrowed cards shows nobody as present', async () => {
    const mal = await team.open('Mal');
    const group = await mal.invite('We all agree', [team.fingerprint('Ada'), team.fingerprint('Bo')]);
    const bo = await team.open('Bo');
    await acceptNext(bo);
    const presence = Object.fromEntries(members(bo, group).map(({ name, presence: p }) => [name, p]));
    expect(presence).toMatchObject({ Mal: 'present', Ada: 'invited' });
    await until(mal, () =>
      members(mal, group).some(({ name, presence: p }) => name === 'Bo' && p === 'present'),
    );
    expect(members(mal, group).find(({ name }) => name === 'Ada')?.presence).toBe('invited');

    await mal.close();
    const store = await team.store('Mal');
    const { epoch, commit } = secrets(store);
    const frontier = {
      group: epoch.chat,
      epoch: epoch.epoch,
      place: placeOf(store, 'Ada'),
      entries: [],
      next: new Uint8Array(0),
    };
    await store.close();
    const forged = makeFrontier(team.person('Mal').identity.signKey, commit.hash, frontier);
    const intruder = await intrude(team.person('Mal').identity, team.relay.url);
    await intruder.publish(
      groupChannel(epoch.channel_seed),
      sealEnvelope(epoch.seal_key, 'frontier', forged, systemRandom(16)),
    );
    await logged('Bo: group envelope refused: bad-signature');
    expect(members(bo, group).find(({ name }) => name === 'Ada')?.presence).toBe('invited');
    intruder.close();
  });
});
