import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { equal } from '../../src/crypto/bytes.js';
import { ed25519Sign } from '../../src/crypto/ed25519.js';
import { channelProofBytes, packFrames, SUBPROTOCOL } from '../../src/protocol/wire.js';
import { groupOf, newKey, newLoginKeys, RawRelayClient, type LoginKeys } from '../helpers/rawRelayClient.js';

const seed = new Uint8Array(32).fill(5);
const envelope = (n: number, size = 100): Uint8Array => {
  const data = new Uint8Array(size).fill(n);
  new DataView(data.buffer).setUint32(0, n);
  return data;
};
const numberOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset).getUint32(0);
const newFolder = () => mkdtempSync(join(tmpdir(), 'relay-scenario-'));

const script = join(newFolder(), 'relay.cjs');
let ada: LoginKeys;
let bo: LoginKeys;
beforeAll(async () => {
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', minify: true } as const;
  await build({ ...options, entryPoints: ['src/relay/main.ts'], outfile: script });
  [ada, bo] = await Promise.all([newLoginKeys(), newLoginKeys()]);
});

class Process {
  stdout = '';
  stderr = '';
  readonly exit: Promise<unknown[]>;

  constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (text: Buffer) => (this.stdout += text.toString()));
    child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.exit = once(child, 'close');
  }
  /** Where it listens. */
  get url(): string {
    return /^Relay listening on (\S+)\n$/.exec(this.stdout)?.[1] ?? '';
  }
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown> {
    this.child.kill(signal);
    return (await this.exit)[0];
  }
}
const processes: Process[] = [];
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.kill()));
});

function run(...args: string[]): Process {
  const process_ = new Process(spawn(process.execPath, [script, ...args]));
  processes.push(process_);
  return process_;
}
/** A relay that listens, on any free port. */
async function relay(...args: string[]): Promise<Process> {
  const started = run('--port', '0', ...args);
  while (started.url === '') {
    const ended = await Promise.race([
      once(started.child.stdout as never, 'data'),
      started.exit.then(() => 'ended'),
    ]);
    if (ended === 'ended') throw new Error(started.stderr);
  }
  return started;
}
/** Everything in the channel of `seed`, from 1 to LIVE. */
async function readAll(url: string, keys = bo) {
  const client = await RawRelayClient.login(url, keys);
  client.subscribe(seed);
  const { seq } = await client.next('live');
  const items = await client.take('item', seq);
  client.socket.terminate();
  return items;
}

describe('a relay with --data', () => {
  it('goes on after a restart: same store, same order, duplicates known', async () => {
    const data = newFolder();
    const first = await relay('--data', data);
    const before = await RawRelayClient.login(first.url, ada);
    const keys = [1, 2, 3].map((n) => before.publish(seed, envelope(n)));
    await before.take('ack', 3);
    expect(await first.kill('SIGTERM')).toBe(0);

    const second = await relay('--data', data);
    const after = await RawRelayClient.login(second.url, ada);
    expect(after.ready?.storeId).toEqual(before.ready?.storeId);
    expect(after.challenge?.relayId).toEqual(before.challenge?.relayId);
    after.subscribe(seed, 3);
    expect(await after.next('item')).toMatchObject({ seq: 3, envelope: envelope(3) });
    expect(await after.next('live')).toMatchObject({ seq: 3 });
    after.publish(seed, envelope(2), keys[1]);
    expect(await after.next('ack')).toMatchObject({ seq: 2, duplicate: 1 });
    after.publish(seed, envelope(4));
    expect(await after.next('item')).toMatchObject({ seq: 4 });
  });

  it('has a new storeId when its data is lost, and readers start from 1', async () => {
    const data = newFolder();
    const first = await relay('--data', data);
    const before = await RawRelayClient.login(first.url, ada);
    for (const n of [1, 2, 3]) before.publish(seed, envelope(n));
    await before.take('ack', 3);
    await first.kill();
    renameSync(data, `${data}.lost`);

    const second = await relay('--data', data);
    const after = await RawRelayClient.login(second.url, ada);
    expect(after.ready?.storeId).not.toEqual(before.ready?.storeId);
    after.publish(seed, envelope(9));
    await after.next('ack');
    after.subscribe(seed, 4, before.ready?.storeId);
    expect(await after.next('item')).toMatchObject({ seq: 1, envelope: envelope(9) });
  });

  it('has all that it acknowledged or handed out, once and in order, when killed at any moment of a storm', async () => {
    const data = newFolder();
    const keys: Uint8Array[] = [];
    const acknowledged = new Map<number, number>();
    const handedOut = new Map<number, number>();
    for (let round = 0; round < 8; round++) {
      const started = await relay('--data', data, '--rate', '0');
      const [reader, writer] = [
        await RawRelayClient.login(started.url, bo),
        await RawRelayClient.login(started.url, ada),
      ];
      reader.subscribe(seed, Math.max(0, ...handedOut.keys()) + 1);
      writer.subscribe(seed, 1e9);
      const publish = (n: number) => writer.publish(groupOf(seed), envelope(n), (keys[n] ??= newKey()));
      const note = ({ idempotencyKey, seq }: { idempotencyKey: Uint8Array; seq: number }) =>
        acknowledged.set(
          keys.findIndex((key) => Buffer.compare(key, idempotencyKey) === 0),
          seq,
        );
      const retried = [...keys.keys()].filter((n) => !acknowledged.has(n));
      retried.forEach(publish);
      const wanted = round === 7 ? retried.length : 30 + round * 23;
      for (let n = 0; n < wanted; n++) {
        if (round < 7) publish(keys.length);
        note(await writer.next('ack'));
      }
      if (round === 7) break;
      for (let n = 0; n < 40; n++) publish(keys.length);
      await started.kill();
      await Promise.all([writer.closed(), reader.closed()]);
      for (const frame of writer.frames) if (frame.type === 'ack') note(frame);
      for (const frame of reader.frames)
        if (frame.type === 'item') handedOut.set(frame.seq, numberOf(frame.envelope));
      expect(started.stderr).not.toContain('damaged');
    }
    const items = await readAll(processes.at(-1)?.url as string);
    const at = (seq: number) => numberOf(items[seq - 1]?.envelope as Uint8Array);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => i + 1));
    expect(items.map((item) => numberOf(item.envelope)).toSorted((a, b) => a - b)).toEqual([...keys.keys()]);
    for (const [n, seq] of acknowledged) expect(at(seq)).toBe(n);
    for (const [seq, n] of handedOut) expect(at(seq)).toBe(n);
  });

  it('sets damaged data aside and says so', async () => {
    const data = newFolder();
    const first = await relay('--data', data);
    const client = await RawRelayClient.login(first.url, ada);
    for (const n of [1, 2, 3]) client.publish(seed, envelope(n));
    await client.take('ack', 3);
    await first.kill();
    const file = join(data, readdirSync(data)[0] as string);
    const content = readFileSync(file);
    content[content.length >> 1] = (content[content.length >> 1] as number) ^ 1;
    writeFileSync(file, content);
    const second = await relay('--data', data);
    expect(second.stderr).toMatch(/ damaged files=1 .*set aside/);
    expect((await RawRelayClient.login(second.url, ada)).ready?.storeId).not.toEqual(client.ready?.storeId);
    expect(readFileSync(`${file}.damaged`).equals(content)).toBe(true);
  });

  it('belongs to one relay at a time', async () => {
    const data = newFolder();
    const first = await relay('--data', data);
    const second = run('--port', '0', '--data', data);
    expect((await second.exit)[0]).toBe(2);
    expect(second.stderr).toBe(
      `Another relay uses the data in ${data}. Stop it, or choose another folder with --data.\n`,
    );
    await first.kill();
    await relay('--data', data);
  });
});

describe('a slow reader', () => {
  /** 25 MiB for a reader that takes nothing. */
  async function flood(...args: string[]): Promise<{ slow: RawRelayClient; writer: RawRelayClient }> {
    const { url } = await relay(
      '--rate',
      '0',
      '--credit',
      '10000',
      '--queue-pause',
      '64',
      '--queue-limit',
      '1024',
      ...args,
    );
    const slow = await RawRelayClient.login(url, bo);
    slow.subscribe(seed);
    await slow.next('live');
    slow.socket.pause();
    const writer = await RawRelayClient.login(url, ada);
    writer.publish(seed, envelope(0));
    for (let n = 2; n <= 400; n++) writer.publish(groupOf(seed), envelope(n, 64 * 1024));
    await writer.take('ack', 400);
    return { slow, writer };
  }

  it('does not slow others, is not cut off, and gets the rest when it reads again', async () => {
    const { slow, writer } = await flood();
    writer.subscribe(seed);
    const items = await writer.take('item', 400);
    expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    slow.socket.resume();
    const late = await slow.take('item', 400);
    expect(
      late.every(
        ({ seq, envelope }, i) => seq === i + 1 && equal(envelope, items[i]?.envelope as Uint8Array),
      ),
    ).toBe(true);
  });

  it('is told and cut off when it takes nothing for too long', async () => {
    const { slow } = await flood('--stall-seconds', '1');
    await expect.poll(() => processes[0]?.stderr, { timeout: 60_000 }).toContain('why=too-slow');
    slow.socket.resume();
    expect(await slow.closed()).toBe(1013);
    expect(slow.frames.at(-1)).toEqual({ type: 'goaway', reason: 'too-slow' });
  });
});

describe('a relay that forwards another relay’s challenge', () => {
  /** A relay in the middle: passes everything on, with these headers. */
  async function between(url: string, headers: Record<string, string> = {}): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (victim) => {
      const onward = new WebSocket(url, SUBPROTOCOL, { headers });
      onward.on('error', (error) => victim.close(4000, error.message));
      const opened = once(onward, 'open').catch(() => undefined);
      victim.on('message', (data) => void opened.then(() => onward.send(data)));
      onward.on('message', (data) => victim.send(data));
    });
    await once(server, 'listening');
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('gets no login out of it', async () => {
    const { url } = await relay();
    const { port } = new URL(url);
    for (const headers of [{}, { host: `localhost:${port}` }, { host: `[::1]:${port}` }]) {
      const victim = await RawRelayClient.connect(await between(url, headers), { keys: ada });
      await victim.authenticate();
      expect(await victim.next('err')).toMatchObject({ code: 'login-refused' });
    }
    // What would have come through, had the victim signed for whom it was talking to in truth.
    const careless = await RawRelayClient.connect(await between(url), { keys: ada, signs: url });
    await careless.authenticate();
    await careless.next('ready');
  });

  it('is not let in under its own name', async () => {
    const started = await relay();
    const names = [
      'evil.example',
      'evil.example:8787',
      '127.0.0.1',
      '127.0.0.1:1',
      `127.0.0.1:${new URL(started.url).port}.evil.example`,
    ];
    for (const host of names)
      await expect(RawRelayClient.connect(started.url, { headers: { host } })).rejects.toThrow('421');
    const victim = await RawRelayClient.connect(await between(started.url, { host: 'evil.example' }), {
      keys: ada,
    });
    expect(await victim.closed()).toBe(4000);
  });

  it('gets no channel out of it either', async () => {
    const { url } = await relay();
    const mallory = await RawRelayClient.login(url, bo);
    const { relayId, nonce } = mallory.challenge as { relayId: Uint8Array; nonce: Uint8Array };
    const channel = groupOf(seed);
    const storeId = new Uint8Array(32);
    const subscribe = (origin: string, signKey: Uint8Array) => {
      const proof = ed25519Sign(seed, channelProofBytes(origin, relayId, nonce, signKey));
      mallory.send({ type: 'sub', channel, proof, storeId, from: 1 });
    };
    subscribe('ws://127.0.0.1:1', ada.signKey);
    subscribe(url, ada.signKey);
    subscribe('ws://127.0.0.1:1', bo.signKey);
    expect((await mallory.take('err', 3)).map(({ code }) => code)).toEqual(Array(3).fill('bad-proof'));
    subscribe(url, bo.signKey);
    await mallory.next('live');
  });
});

describe('the process', () => {
  it('says one line when it is ready, and announces itself as long as it runs', async () => {
    const file = join(newFolder(), 'relay.json');
    const first = await relay('--announce', file);
    const { port, pid, relayId } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect([`ws://127.0.0.1:${String(port)}`, pid]).toEqual([first.url, first.child.pid]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const health = await (await fetch(`${first.url.replace('ws', 'http')}/healthz`)).json();
    expect(health).toMatchObject({ service: 'secure-chat-relay', relayId });
    await first.kill();
    expect(existsSync(file)).toBe(true);
    const second = await relay('--announce', file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: second.child.pid });
    expect(await second.kill('SIGTERM')).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('stops cleanly on %s', async (signal) => {
    const started = await relay('--data', newFolder());
    const client = await RawRelayClient.login(started.url, ada);
    client.publish(seed, envelope(1));
    await client.next('ack');
    expect(await started.kill(signal)).toBe(0);
    expect(await client.closed()).toBe(1001);
    expect(client.frames).toEqual([{ type: 'goaway', reason: 'shutting-down' }]);
    expect(started.stdout).toBe(`Relay listening on ${started.url}\n`);
  });

  it('says which port is taken, and takes another if it may', async () => {
    const { port } = new URL((await relay()).url);
    const second = run('--port', port);
    expect((await second.exit)[0]).toBe(2);
    expect(second.stderr).toMatch(
      new RegExp(`^Port ${port} on 127.0.0.1 is taken by something else\\. [^\n]+\n$`),
    );
    const third = await relay('--port', port, '--any-port');
    expect(third.stderr).toContain(`Port ${port} on 127.0.0.1 is taken by something else`);
    expect(new URL(third.url).port).not.toBe(port);
  });

  it.each([
    ['--host', '0.0.0.0'],
    ['--port', 'x'],
    ['--tls-cert', '/nowhere', '--tls-key', '/nowhere'],
  ])('ends with one line and a code on %s %s', async (...args) => {
    const started = run(...args);
    expect((await started.exit)[0]).not.toBe(0);
    expect([started.stdout, started.stderr.split('\n').length]).toEqual(['', 2]);
  });

  it('lives through rubbish: HTTP, WebSocket and frames', async () => {
    const started = await relay();
    const { port } = new URL(started.url);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(3), async (data, kind) => {
        if (kind > 1) {
          const client = await RawRelayClient.connect(started.url);
          client.socket.send(kind === 2 ? data : packFrames([data]));
          client.socket.close();
          await client.closed();
          expect(client.frames.every(({ type }) => type === 'err')).toBe(true);
          return;
        }
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume();
        const upgrade = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`;
        if (kind === 1) socket.write(upgrade);
        socket.end(data);
        await once(socket, 'close');
      }),
      { numRuns: 200 },
    );
    expect((await RawRelayClient.login(started.url, ada)).ready).toBeDefined();
    expect(started.stderr).not.toMatch(/[0-9a-f]{9}|Error/);
  });
});
