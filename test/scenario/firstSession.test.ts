import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acceptNext, hasText, members, message, RelayProcess, Team, texts, until } from '../helpers/team.js';

describe('a first session', () => {
  let team: Team;
  beforeEach(async () => {
    team = await Team.make(['Ada', 'Bo', 'Cy'], await new RelayProcess().start());
  });
  afterEach(() => team.close());

  it('invites, accepts and chats, and shows how far a message got', async () => {
    const [ada, bo, cy] = await Promise.all([team.open('Ada'), team.open('Bo'), team.open('Cy')]);
    const group = await team.group(ada, { Bo: bo, Cy: cy });
    for (const client of [bo, cy])
      await until(client, () => members(client, group).every(({ presence }) => presence === 'present'));
    await ada.send(group, 'Hello, both!');
    await Promise.all([bo, cy].map((client) => until(client, hasText(client, group, 'Ada: Hello, both!'))));
    await until(ada, async () => {
      const sent = await message(ada, group, 'Hello, both!');
      return sent?.delivery?.state === 'received' && sent.delivery.by === 2 && sent.delivery.of === 2;
    });
    await bo.send(group, 'Hello, Ada!');
    await cy.send(group, 'Hi.');
    await until(ada, async () => (await texts(ada, group)).length === 3);
    expect(new Set(await texts(ada, group))).toEqual(new Set(await texts(cy, group)));
    expect(ada.view().groups[0]?.unread).toBe(2);
    await ada.markRead(group, 1000);
    expect(ada.view().groups[0]?.unread).toBe(0);
  });

  it('loses nothing when a window is closed and opened again', async () => {
    const [ada, bo] = await Promise.all([team.open('Ada'), team.open('Bo')]);
    const group = await ada.invite('Pair', [team.fingerprint('Bo')]);
    await bo.close();
    const again = await team.open('Bo');
    expect(await acceptNext(again)).toBe(group);
    await again.send(group, 'before');
    await again.setDraft(group, 'half a sen');
    await until(ada, hasText(ada, group, 'Bo: before'));
    await again.close();
    await ada.send(group, 'while you were away');
    const third = await team.open('Bo');
    expect(third.draft(group)).toBe('half a sen');
    await until(third, hasText(third, group, 'Ada: while you were away'));
    expect(await texts(third, group)).toEqual(['Bo: before', 'Ada: while you were away']);
    await third.send(group, 'after');
    await until(ada, hasText(ada, group, 'Bo: after'));
    expect(await texts(ada, group)).toEqual(['Bo: before', 'Ada: while you were away', 'Bo: after']);
  });

  it('takes Decline as leaving', async () => {
    const [ada, bo, cy] = await Promise.all([team.open('Ada'), team.open('Bo'), team.open('Cy')]);
    const group = await ada.invite('Three', [team.fingerprint('Bo'), team.fingerprint('Cy')]);
    await acceptNext(bo);
    await until(cy, () => cy.view().invitations.length === 1);
    await cy.decline(cy.view().invitations[0]!.id);
    expect(cy.view().groups).toEqual([]);
    const presence = () => Object.fromEntries(members(ada, group).map(({ name, presence: p }) => [name, p]));
    const declined = async () =>
      (await ada.page(group)).messages.some(({ text }) => text === 'Cy declined the invitation.');
    await until(ada, declined);
    await until(ada, () => !('Cy' in presence()) && presence()['Bo'] === 'present');
    await ada.send(group, 'just us');
    await until(ada, async () => {
      const sent = await message(ada, group, 'just us');
      return sent?.delivery?.state === 'received' && sent.delivery.of === 1;
    });
  });

  it('keeps messages while the relay is away and sends them once when it is back', async () => {
    const [ada, bo] = await Promise.all([team.open('Ada'), team.open('Bo')]);
    const group = await team.group(ada, { Bo: bo });
    await team.relay.stop('SIGKILL');
    await until(ada, () => ada.view().connection.state === 'offline');
    await ada.send(group, 'one');
    await ada.send(group, 'two');
    expect((await message(ada, group, 'two'))?.delivery).toEqual({ state: 'queued' });
    await team.relay.start();
    ada.connect();
    await until(bo, hasText(bo, group, 'Ada: two'));
    expect(await texts(bo, group)).toEqual(['Ada: one', 'Ada: two']);
  });
});
