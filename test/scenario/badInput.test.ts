import { once } from 'node:events';
import { createServer, type Server, type Socket as NetSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { systemClock, type Clock } from '../../src/client/effects.js';
import { SUBPROTOCOL } from '../../src/protocol/wire.js';
import { acceptNext, hasText, RelayProcess, shiftedClock, Team, texts, until } from '../helpers/team.js';

/** Waits end a hundred times sooner; the time of day is the real one. */
const hasty: Clock = { ...systemClock, after: (ms, task) => systemClock.after(ms / 100, task) };

describe('bad input and bad weather', () => {
  let team: Team;
  beforeEach(async () => {
    team = await Team.make(['Ada', 'Bo', 'Cy'], await new RelayProcess().start());
  });
  afterEach(() => team.close());

  it('refuses to invite nobody, oneself, strangers, and under a bad name, each with a sentence', async () => {
    const ada = await team.open('Ada');
    const bo = [team.fingerprint('Bo')];
    await expect(ada.invite('Team', [])).rejects.toThrow('Pick at least one other person');
    await expect(ada.invite('Team', [team.fingerprint('Ada')])).rejects.toThrow(
      'You are in the group anyway',
    );
    await expect(ada.invite('Team', ['00'.repeat(32)])).rejects.toThrow('not among your contacts');
    await expect(ada.invite('', bo)).rejects.toThrow('A name is empty');
    await expect(ada.invite('a\u202Eb', bo)).rejects.toThrow('direction-changing');
    await expect(ada.invite('x'.repeat(65), bo)).rejects.toThrow('at most 64');
    expect(ada.view().groups).toEqual([]);
    const group = await ada.invite('Team', [...bo, ...bo]);
    expect(ada.view().groups[0]?.members).toHaveLength(2);
    await expect(ada.send(group, '  ')).rejects.toThrow('The message is empty');
    await expect(ada.send(group, 'x'.repeat(32 * 1024 + 1))).rejects.toThrow('Split it');
    await expect(ada.send('00', 'hi')).rejects.toThrow('no such group');
    await ada.send(group, '𝕏'.repeat(8192));
    expect(await texts(ada, group)).toHaveLength(1);
  });

  it('handles two invitations at once, and a second answer to one', async () => {
    const [ada, bo, cy] = await Promise.all([team.open('Ada'), team.open('Bo'), team.open('Cy')]);
    await Promise.all([
      ada.invite('From Ada', [team.fingerprint('Cy')]),
      bo.invite('From Bo', [team.fingerprint('Cy')]),
    ]);
    await until(cy, () => cy.view().invitations.length === 2);
    const [first, second] = cy.view().invitations;
    await Promise.all([cy.accept(first!.id), cy.decline(second!.id)]);
    await expect(cy.accept(first!.id)).rejects.toThrow('answered already');
    await expect(cy.decline(second!.id)).rejects.toThrow('answered already');
    expect(cy.view().groups.map(({ title }) => title)).toEqual([first!.title]);
  });

  it('invites and chats into a relay that is not there yet', async () => {
    const port = team.relay.port;
    await team.relay.stop();
    const ada = await team.open('Ada');
    const group = await ada.invite('Later', [team.fingerprint('Bo')]);
    await ada.send(group, 'queued');
    await until(ada, () => ada.view().connection.detail.includes('No relay answers there'));
    await team.relay.start();
    expect(team.relay.port).toBe(port);
    ada.connect();
    const bo = await team.open('Bo');
    await acceptNext(bo);
    await until(bo, hasText(bo, group, 'Ada: queued'));
  });

  it('survives the relay at every step: durable restarts and a lost store give each message once', async () => {
    const folder = `${team.root}/relay`;
    await team.relay.stop();
    team.relay = await new RelayProcess(['--data', folder]).start();
    const [ada, bo] = await Promise.all([
      team.open('Ada', { clock: hasty, inviteLifetime: 1e9 }),
      team.open('Bo', { clock: hasty, inviteLifetime: 1e9 }),
    ]);
    const group = await ada.invite('Weather', [team.fingerprint('Bo')]);
    await team.relay.stop('SIGKILL');
    await team.relay.start();
    await acceptNext(bo);
    const expected: string[] = [];
    for (let i = 0; i < 6; i++) {
      const stopped = team.relay.stop(i % 2 ? 'SIGKILL' : 'SIGTERM');
      await ada.send(group, `a${i}`);
      await stopped;
      await bo.send(group, `b${i}`);
      expected.push(`Ada: a${i}`, `Bo: b${i}`);
      await team.relay.start();
    }
    for (const client of [ada, bo])
      await until(client, async () => (await texts(client, group)).length >= expected.length);
    await ada.send(group, 'end');
    await until(bo, hasText(bo, group, 'Ada: end'));
    for (const client of [ada, bo]) {
      const shown = (await texts(client, group)).slice(0, -1);
      expect([...shown].sort()).toEqual([...expected].sort());
    }
  });

  it.each([
    ['behind', 'behind', -3],
    ['ahead', 'ahead of', 3],
  ])('says that a clock is days %s, and locks nobody out', async (_, said, days) => {
    const bo = await team.open('Bo');
    const ada = await team.open('Ada', { clock: shiftedClock(days * 24 * 60 * 60 * 1000) });
    const notices: string[] = [];
    ada.events.on('notice', (text) => notices.push(text));
    const group = await (days < 0 ? team.group(ada, { Bo: bo }) : team.group(bo, { Ada: ada }));
    expect(notices).toEqual([
      expect.stringContaining(`The clock of this computer is 3 days ${said} the relay’s`),
    ]);
    await ada.send(group, 'What time is it?');
    await until(bo, hasText(bo, group, 'Ada: What time is it?'));
  });

  it('says so when something else answers, or nothing ever does', async () => {
    const rubbish = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
    rubbish.on('connection', (ws) => ws.send(Buffer.from('this is not CBOR at all')));
    const sockets = new Set<NetSocket>();
    const web: Server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi');
    }).listen(0, '127.0.0.1');
    const mute = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
    const url = (server: { address(): unknown }) =>
      `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
    await Promise.all(
      [rubbish, mute, web].filter((server) => !server.address()).map((server) => once(server, 'listening')),
    );
    let address = url(rubbish);
    const ada = await team.open('Ada', { clock: hasty, relay: () => address });
    await until(ada, () => ada.view().connection.detail.includes('is not a Secure Chat relay'));
    address = url(mute);
    await until(ada, () => ada.view().connection.detail.includes('does not answer'));
    address = url(web);
    await until(ada, () => ada.view().connection.detail.includes('is not a Secure Chat relay'));
    address = team.relay.url;
    await until(ada, () => ada.view().connection.state === 'online');
    rubbish.close();
    mute.close();
    web.close();
    for (const socket of sockets) socket.destroy();
  });
});
