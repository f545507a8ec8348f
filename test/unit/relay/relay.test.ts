import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { toHex } from '../../../src/crypto/bytes.js';
import { newLoginKeys, RawRelayClient, type LoginKeys } from '../../helpers/rawRelayClient.js';
import { startRelay, type Harness } from './harness.js';

const pem = (kind: string, base64: string) =>
  Buffer.from(`-----BEGIN ${kind}-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END ${kind}-----\n`);
/** Self-signed, P-256, for localhost, good for nothing but this. */
const tls = {
  cert: pem(
    'CERTIFICATE',
    'MIIBfzCCASWgAwIBAgIUT8o1Ha0ZN9Jy3jUsVVuFyEs+phgwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3' +
      'N0MCAXDTI2MTEyMjIxNDE0NloYDzIxMjYxMDI5MjE0MTQ2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjO' +
      'PQIBBggqhkjOPQMBBwNCAAS8qKylGc7xviA00MRr7czdX5dsQKY0/+HZAFhSWmW1pGc7ZcP+8gV9NN7rJ7NjZnuIFH' +
      'BOYAt28CxhYYoSvU2po1MwUTAdBgNVHQ4EFgQUclGjGsWt4iXNFTUbub03cuBkMEwwHwYDVR0jBBgwFoAUclGjGsWt' +
      '4iXNFTUbub03cuBkMEwwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAd1tIMugvhsEVaRZ5KJ0rV4h' +
      'H98I/+LPmsYgtbZdSQvAIhAKsNK0cbK440dW4l8ra6RLkICrtt0cIRN8fQvRyRWbuc',
  ),
  key: pem(
    'PRIVATE KEY',
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgG9qrcG3TlL/E07v5G/vvdcNccB7NcHVK3QFVrCEkdM' +
      '+hRANCAAS8qKylGc7xviA00MRr7czdX5dsQKY0/+HZAFhSWmW1pGc7ZcP+8gV9NN7rJ7NjZnuIFHBOYAt28CxhYYoS' +
      'vU2p',
  ),
};

let keys: LoginKeys;
beforeAll(async () => {
  keys = await newLoginKeys();
});
let harness: Harness;
beforeEach(async () => {
  harness = await startRelay();
});
afterEach(() => harness.end());

const get = (path: string, init?: RequestInit) =>
  fetch(`${harness.relay.url.replace('ws', 'http')}${path}`, init);

it('says on /healthz who it is, to no web page, and nothing elsewhere', async () => {
  const response = await get('/healthz');
  const { relayId, storeId } = harness.store.ids;
  expect([response.status, await response.json()]).toEqual([
    200,
    { service: 'secure-chat-relay', relayId: toHex(relayId), storeId: toHex(storeId) },
  ]);
  expect((await get('/healthz', { headers: { origin: 'http://a.example' } })).status).toBe(403);
  expect((await get('/healthz', { method: 'POST' })).status).toBe(404);
  expect((await get('/')).status).toBe(404);
});

it('answers an upgrade it refuses with the reason’s status', async () => {
  for (const [headers, status] of [
    [{ host: 'evil.example' }, 421],
    [{ origin: 'http://127.0.0.1' }, 403],
  ] as const)
    await expect(RawRelayClient.connect(harness.relay.url, { headers })).rejects.toThrow(String(status));
  expect(harness.lines[0]).toContain('evil.example');
});

it('is found under each of the loopback names', async () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const headers = { host: `${host}:${harness.relay.port}` };
    const client = await RawRelayClient.connect(harness.relay.url, {
      keys,
      signs: `ws://${headers.host}`,
      headers,
    });
    await client.authenticate();
    await client.next('ready');
    client.socket.terminate();
  }
});

it('speaks TLS itself', async () => {
  await harness.end();
  harness = await startRelay({ settings: { tls } });
  expect(harness.relay.url).toMatch(/^wss:/);
  const options = { keys, rejectUnauthorized: false };
  const inClear = { ...options, signs: harness.relay.url.replace('wss', 'ws') };
  for (const [how, answer] of [
    [options, 'ready'],
    [inClear, 'err'],
  ] as const) {
    const client = await RawRelayClient.connect(harness.relay.url, how);
    await client.authenticate();
    await client.next(answer);
    client.socket.terminate();
  }
});

it('says which port is taken', async () => {
  await expect(startRelay({ settings: { port: harness.relay.port } })).rejects.toMatchObject({
    code: 'port-taken',
    message: expect.stringContaining(String(harness.relay.port)) as string,
  });
  await expect(startRelay({ settings: { host: '192.0.2.1' } })).rejects.toMatchObject({
    code: 'cannot-listen',
  });
});

it('survives a peer that goes away in the middle of an upgrade', async () => {
  const socket = connect(harness.relay.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.resetAndDestroy();
  expect((await get('/healthz')).status).toBe(200);
});

it('cuts a peer that it refused and that stays', async () => {
  const socket = connect({ port: harness.relay.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('421 Misdirected Request');
  await harness.relay.stop();
  socket.destroy();
  harness = await startRelay();
});

it('sweeps the store once a minute', async () => {
  const client = await harness.login(keys);
  const seed = new Uint8Array(32);
  client.publish(seed, new Uint8Array(1));
  await client.next('ack');
  const used = harness.store.used;
  harness.now += 59_999;
  harness.relay.tick();
  harness.now += 30 * 24 * 3_600_000;
  expect(harness.store.used).toBe(used);
  harness.relay.tick();
  expect(harness.store.used).toBeLessThan(used);
});

it('stops: acknowledges what is being stored, says goodbye, takes no one in', async () => {
  const client = await harness.login(keys);
  const { url } = harness.relay;
  client.publish(new Uint8Array(32), new Uint8Array(1));
  await client.next('ack');
  await harness.relay.stop();
  expect(await client.closed()).toBe(1001);
  expect(client.frames).toEqual([{ type: 'goaway', reason: 'shutting-down' }]);
  await expect(RawRelayClient.connect(url)).rejects.toThrow('ECONNREFUSED');
  harness = await startRelay();
});
