import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatClient } from '../../src/client/chatClient.js';
import { acceptNext, hasText, members, RelayProcess, Team, texts, until } from '../helpers/team.js';

let team: Team;
beforeEach(async () => {
  team = await Team.make(['Ada', 'Bo', 'Cy', 'Dee'], await new RelayProcess(['--rate', '0']).start());
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(team.log.join('\n'));
  await team.close();
});

const names = (client: ChatClient, group: string) =>
  members(client, group)
    .map(({ name }) => name)
    .sort();
const view = (client: ChatClient, group: string) => client.view().groups.find(({ id }) => id === group);
const says = async (client: ChatClient, group: string, text: string) =>
  (await client.page(group)).messages.some((each) => each.text === text);
const said = (client: ChatClient, group: string, text: string) =>
  until(client, () => says(client, group, text));

describe('a group that changes', () => {
  it('takes somebody in, who reads nothing from before', async () => {
    const { ada, bo, cy, group } = await team.three();
    await ada.send(group, 'before');
    await until(bo, hasText(bo, group, 'Ada: before'));
    const dee = await team.open('Dee');
    await ada.groups.add(group, [team.fingerprint('Dee')]);
    await acceptNext(dee);
    for (const client of [ada, bo, cy, dee])
      await until(client, () => names(client, group).join() === 'Ada,Bo,Cy,Dee');
    await said(bo, group, 'Ada invited Dee.');
    await said(bo, group, 'Dee joined.');
    await bo.send(group, 'welcome');
    for (const client of [ada, cy, dee]) await until(client, hasText(client, group, 'Bo: welcome'));
    await dee.send(group, 'hello');
    for (const client of [ada, bo, cy]) await until(client, hasText(client, group, 'Dee: hello'));
    expect(await texts(dee, group)).toEqual(['Bo: welcome', 'Dee: hello']);
  });

  it('removes somebody, who reads nothing after', async () => {
    const { ada, bo, cy, group } = await team.three();
    await ada.groups.remove(group, team.fingerprint('Cy'));
    for (const client of [ada, bo]) await until(client, () => names(client, group).join() === 'Ada,Bo');
    await until(cy, () => view(cy, group)?.stopped?.startsWith('You were removed') ?? false);
    await ada.send(group, 'without Cy');
    await until(bo, hasText(bo, group, 'Ada: without Cy'));
    await expect(cy.send(group, 'still here?')).rejects.toMatchObject({ code: 'stopped' });
    expect(await texts(cy, group)).toEqual([]);
  });

  it('lets a member leave, and a sole admin name who is admin next', async () => {
    const { ada, bo, cy, group } = await team.three();
    await expect(ada.groups.leave(group)).rejects.toMatchObject({ code: 'last-admin' });
    await cy.groups.leave(group);
    await until(cy, () => view(cy, group)?.stopped?.startsWith('You left') ?? false);
    await until(bo, () => names(bo, group).join() === 'Ada,Bo');
    await ada.groups.leave(group, team.fingerprint('Bo'));
    await until(bo, () => names(bo, group).join() === 'Bo', 90_000);
    expect(members(bo, group)[0]?.admin).toBe(true);
    await bo.groups.leave(group);
    expect(view(bo, group)?.stopped).toContain('You left');
  }, 120_000);

  it('is renewed by any member, renamed and administered by admins', async () => {
    const { ada, bo, cy, group } = await team.three();
    await expect(bo.groups.rename(group, 'Mine')).rejects.toMatchObject({ code: 'no-admin' });
    await ada.groups.setRole(group, team.fingerprint('Bo'), 'admin');
    await until(bo, () => members(bo, group).some(({ name, admin }) => name === 'Bo' && admin));
    await bo.groups.rename(group, 'Ours');
    await until(cy, () => view(cy, group)?.title === 'Ours');
    await cy.groups.renew(group);
    for (const [client, name] of [
      [ada, 'Ada'],
      [bo, 'Bo'],
      [cy, 'Cy'],
    ] as const) {
      await client.send(group, `from ${name}`);
      for (const other of [ada, bo, cy]) await until(other, hasText(other, group, `${name}: from ${name}`));
    }
  });

  it('has one winner when several change it at once, and all of it happens', async () => {
    const { ada, bo, cy, group } = await team.three();
    await ada.groups.setRole(group, team.fingerprint('Bo'), 'admin');
    await until(bo, () => members(bo, group).some(({ name, admin }) => name === 'Bo' && admin));
    const dee = await team.open('Dee');
    await Promise.all([
      ada.groups.rename(group, 'At once'),
      bo.groups.add(group, [team.fingerprint('Dee')]),
      cy.groups.renew(group),
      ...[ada, bo, cy].map((client, i) => client.send(group, `during ${i}`)),
    ]);
    await acceptNext(dee);
    for (const client of [ada, bo, cy, dee]) {
      await until(client, () => names(client, group).join() === 'Ada,Bo,Cy,Dee');
      await until(client, () => view(client, group)?.title === 'At once');
    }
    await ada.send(group, 'after');
    for (const client of [bo, cy, dee]) await until(client, hasText(client, group, 'Ada: after'));
    for (const client of [ada, bo, cy])
      expect((await texts(client, group)).sort()).toEqual(
        ['Ada: after', 'Ada: during 0', 'Bo: during 1', 'Cy: during 2'].sort(),
      );
  });

  it('waits for who is away, through several epochs', async () => {
    const { ada, bo, cy, group } = await team.three();
    await cy.close();
    for (let i = 0; i < 3; i++) {
      await ada.send(group, `text ${i}`);
      const before = await epochOf(bo, group);
      await bo.groups.renew(group);
      await until(ada, async () => (await epochOf(ada, group)) > before);
      await until(bo, async () => (await epochOf(bo, group)) > before);
    }
    const again = await team.open('Cy');
    await until(again, hasText(again, group, 'Ada: text 2'));
    await until(again, async () => (await epochOf(again, group)) === 4);
    await again.send(group, 'caught up');
    await until(ada, hasText(ada, group, 'Cy: caught up'));
    expect(await texts(again, group)).toEqual(['Ada: text 0', 'Ada: text 1', 'Ada: text 2', 'Cy: caught up']);
  });

  it('brings back who lost a change, by itself', async () => {
    const { ada, bo, cy, group } = await team.three();
    await cy.close();
    const store = await team.store('Cy');
    // Its prekeys are gone: the next change can't be read.
    await store.commit(store.all('prekey').map(({ id }) => ({ drop: 'prekey' as const, key: [id] })));
    await store.close();
    await ada.groups.renew(group);
    await until(bo, async () => (await epochOf(bo, group)) === 2);
    const again = await team.open('Cy');
    await until(again, async () => (await epochOf(again, group)) >= 3, 90_000);
    await again.send(group, 'back');
    await until(ada, hasText(ada, group, 'Cy: back'));
    await bo.send(group, 'hello again');
    await until(again, hasText(again, group, 'Bo: hello again'));
  }, 120_000);

  it('can be reset by an admin', async () => {
    const { ada, bo, cy, group } = await team.three();
    await expect(bo.groups.reset(group)).rejects.toMatchObject({ code: 'no-admin' });
    await bo.send(group, 'before');
    await until(ada, hasText(ada, group, 'Bo: before'));
    await ada.groups.reset(group);
    for (const client of [bo, cy])
      await said(client, group, 'Ada reset the group: it goes on with a new key.');
    await cy.send(group, 'after');
    for (const client of [ada, bo]) await until(client, hasText(client, group, 'Cy: after'));
  });
});

const epochOf = async (client: ChatClient, group: string) => client.groups.details(group).epoch;
