import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import { parseToken } from '../../src/protocol/invitation.js';
import { envelopeOf, forge, known, signOfLife, tokenItem } from '../helpers/forging.js';
import { inboxOf, intrude } from '../helpers/intruder.js';
import { acceptNext, hasText, members, RelayProcess } from '../helpers/team.js';
import { shiftedClock, Team, texts, until } from '../helpers/team.js';

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
    const bos = await known(team, 'Bo');
    const played = forge(bos, team.person('Bo'), 'of another group', {}, { group: systemRandom(16) });
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, played.envelope);
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

  it('9: refuses a group whose secret a member passed on to somebody outside', async () => {
    const [ada, cy] = await Promise.all([team.open('Ada'), team.open('Cy')]);
    await ada.invite('Not for Cy', [team.fingerprint('Bo')]);
    const bo = await team.open('Bo');
    await until(bo, () => bo.view().invitations.length === 1);
    await bo.close();
    const store = await team.store('Bo');
    const { token, joiner: secret } = store.all('invitation')[0]!;
    await store.close();
    const {
      group,
      epoch,
      commitHash: hash,
      welcomeHash,
    } = parseToken(token, 'join', team.person('Bo').identity.card.fingerprint);
    const mal = await intrude(team.person('Bo').identity, team.relay.url);
    const draft = { type: 'join', secret, welcomeHash } as const;
    const commit = { group, epoch, hash };
    const item = await tokenItem(mal, team.person('Bo'), team.person('Cy'), commit, draft);
    await mal.publish(inboxOf(team.person('Cy').identity), item);
    await logged('Cy: group item refused: bad-welcome');
    expect(cy.view().invitations).toEqual([]);
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
    const bos = await known(team, 'Bo');
    const { data } = forge(bos, team.person('Bo'), 'good');
    const frontier = signOfLife(bos, team.person('Bo'));
    const card = team.person('Bo').identity.card.bytes;
    const objects = { message: data, frontier, commit: bos.commit.bytes, card };
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    for (const kind of ['message', 'frontier', 'commit', 'resend'] as const) {
      for (const [name, object] of Object.entries(objects)) {
        if (name === kind) continue;
        team.log.length = 0;
        await mal.publish(bos.access, envelopeOf(bos, kind, object));
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
    const bos = await known(team, 'Bo');
    const forged = (text: string, header = {}) => forge(bos, team.person('Bo'), text, {}, header).envelope;
    const mal = await intrude(team.person('Mal').identity, team.relay.url);
    await mal.publish(bos.access, forged('as Ada', { place: bos.placeOf('Ada') }));
    await logged('Cy: group envelope refused: bad-signature');
    await mal.publish(bos.access, forged('yes'));
    await mal.publish(bos.access, forged('no'));
    await logged('Cy: group envelope refused: equivocation');
    team.log.length = 0;
    await mal.publish(bos.access, forged('after another', { sqn: 2 }));
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
    const mals = await known(team, 'Mal');
    const forged = signOfLife(mals, team.person('Mal'), mals.placeOf('Ada'));
    const intruder = await intrude(team.person('Mal').identity, team.relay.url);
    await intruder.publish(mals.access, envelopeOf(mals, 'frontier', forged));
    await logged('Bo: group envelope refused: bad-signature');
    expect(members(bo, group).find(({ name }) => name === 'Ada')?.presence).toBe('invited');
    intruder.close();
  });
});
