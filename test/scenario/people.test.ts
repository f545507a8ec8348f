import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prekeyRow } from '../../src/client/prekeys.js';
import { systemRandom } from '../../src/crypto/random.js';
import { cardText } from '../../src/protocol/cardText.js';
import { newIdentity, newPrekey } from '../../src/protocol/identity.js';
import { makeRevocation } from '../../src/protocol/revocation.js';
import { acceptNext, message, RelayProcess, Team, until } from '../helpers/team.js';

describe('people whose key is not to be relied on', () => {
  let team: Team;
  beforeEach(async () => {
    team = await Team.make(['Ada', 'Bo', 'Cy'], await new RelayProcess().start());
  });
  afterEach(() => team.close());

  const revocationOf = (name: string) => {
    const { identity } = team.person(name);
    return cardText('revocation', makeRevocation(identity.signKey, identity.card, Date.now()));
  };
  const logged = (line: string) => expect.poll(() => team.log, { timeout: 10_000 }).toContain(line);

  it('a group with a revoked card is not joined, whether it invites or is invited', async () => {
    const [ada, bo, cy] = [await team.open('Ada'), await team.open('Bo'), await team.open('Cy')];
    await ada.invite('Team', [team.fingerprint('Bo'), team.fingerprint('Cy')]);
    for (const client of [bo, cy]) await until(client, () => client.view().invitations.length > 0);
    await bo.directory.import(revocationOf('Ada'));
    await cy.directory.import(revocationOf('Bo'));
    for (const client of [bo, cy])
      await expect(client.accept(client.view().invitations[0]!.id)).rejects.toMatchObject({
        code: 'revoked-card',
      });
    const [invitation] = bo.view().invitations;
    expect(invitation?.from.trust).toBe('revoked');
    await bo.decline(invitation!.id);
    expect(bo.view().invitations).toEqual([]);
  });

  it('a group with a changed key is joined once a person has decided', async () => {
    const [ada, bo] = [await team.open('Ada'), await team.open('Bo')];
    const { card } = await newIdentity('Dee', systemRandom, Date.now());
    const { card: namesake } = await newIdentity('Dee', systemRandom, Date.now());
    await ada.directory.import(cardText('card', card.bytes));
    await bo.directory.import(cardText('card', namesake.bytes));
    const dee = ada.people().find(({ name }) => name === 'Dee')!.fingerprint;
    await ada.invite('Team', [team.fingerprint('Bo'), dee]);
    await until(bo, () => bo.view().invitations.length > 0);
    const [invitation] = bo.view().invitations;
    expect(invitation?.members.find(({ name }) => name === 'Dee')?.trust).toBe('changed');
    await expect(bo.accept(invitation!.id)).rejects.toMatchObject({ code: 'changed-key' });
    await bo.directory.decide(dee, true);
    await acceptNext(bo);
  });

  it('a revoked card gets no second token when it says that its prekey is gone', async () => {
    const ada = await team.open('Ada');
    const group = await ada.invite('Team', [team.fingerprint('Bo')]);
    await ada.send(group, 'hi');
    // What was made before it has left, too.
    await until(ada, async () => (await message(ada, group, 'hi'))?.delivery?.state === 'relayed');
    await ada.directory.import(revocationOf('Bo'));
    // Bo has another prekey than the one on the card.
    const store = await team.store('Bo');
    const newer = newPrekey(team.person('Bo').identity.signKey, systemRandom, Date.now());
    await store.commit([
      { drop: 'prekey', key: [team.person('Bo').prekey.prekey.id] },
      { put: 'prekey', row: prekeyRow(newer) },
    ]);
    await store.close();
    const bo = await team.open('Bo');
    await logged('Ada: inbox item refused: bad-card');
    expect(bo.view().invitations).toEqual([]);
  });

  it('who has revoked the own card joins no new group', async () => {
    const [ada, bo] = [await team.open('Ada'), await team.open('Bo')];
    await ada.invite('Team', [team.fingerprint('Bo')]);
    await until(bo, () => bo.view().invitations.length > 0);
    await bo.directory.revoke(team.fingerprint('Bo'));
    await expect(bo.accept(bo.view().invitations[0]!.id)).rejects.toMatchObject({ code: 'revoked-self' });
  });
});
