import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { sha256 } from '../../src/crypto/hash.js';
import { parsePrivateKey, publicOf } from '../../src/crypto/rsa.js';
import { encodeRelayFrame } from '../../src/protocol/wire.js';
import { groupOf, newLoginKeys, RawRelayClient, type LoginKeys } from '../helpers/rawRelayClient.js';
import { median, now, report, time } from './figures.js';

const READERS = 100;
const SIZE = 1024;
const DELIVERIES = 100_000;
const ROUNDS = 3;
/** Messages in flight; the first run warms up. */
const WINDOWS = [16, 1, 16];
/** Least ratios to the bare loop, by messages in flight. */
const STORES: [name: string, options: string[], targets: Record<number, number>][] = [
  ['in memory', [], { 1: 0.9, 16: 5 }],
  ['durable', ['--data', join(tmpdir(), 'relay')], { 16: 4 }],
];
const BARE_LOOP = `
  const { WebSocketServer } = require('ws');
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  server.on('listening', () => console.log('ws://127.0.0.1:' + server.address().port));
  server.on('connection', (socket) => socket.on('message', (data) => server.clients.forEach((each) => each.send(data))));`;

const keys = await loginKeys(READERS + 1);
/** Driver and server each have a core where taskset exists. */
const pinned = spawnSync('taskset', ['-cp', '1', String(process.pid)]).status === 0;

async function start(args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const [command = '', ...rest] = [...(pinned ? ['taskset', '-c', '0'] : []), process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: /ws:\S+/.exec(String(text))![0] };
}

/** Login keys take a third of a second each to make: kept from run to run, beside this bundle. */
async function loginKeys(wanted: number): Promise<LoginKeys[]> {
  const file = join(import.meta.dirname, 'bench-keys.json');
  const keys = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [];
  for (const { privateKey } of await Promise.all(Array.from({ length: wanted - keys.length }, newLoginKeys)))
    keys.push(privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'));
  writeFileSync(file, JSON.stringify(keys), { mode: 0o600 });
  return keys.map((key) => {
    const privateKey = parsePrivateKey(new Uint8Array(Buffer.from(key, 'base64')));
    const signKey = publicOf(privateKey);
    return { signKey, privateKey, fingerprint: sha256(signKey) };
  });
}

/** Counts what a client receives below `ws`, so that the driver costs both sides the same few microseconds. */
class Reader {
  onBytes: (bytes: number) => void = () => undefined;

  constructor(
    socket: WebSocket,
    readonly onItem: () => void = () => undefined,
  ) {
    let left = 0;
    let rest: Buffer = Buffer.alloc(0);
    const raw = (socket as unknown as { _socket: Socket })._socket.removeAllListeners('data');
    raw.on('data', (chunk: Buffer) => {
      let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      let bytes = 0;
      for (;;) {
        const taken = Math.min(left, data.length);
        left -= taken;
        bytes += taken;
        data = data.subarray(taken);
        const length = data.length < 2 ? 0 : data[1]!;
        const header = data.length < 2 ? Infinity : length < 126 ? 2 : length === 126 ? 4 : 10;
        if (data.length < header) break;
        left = header === 2 ? length : header === 4 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
        data = data.subarray(header);
      }
      rest = data;
      this.onBytes(bytes);
    });
  }
}

/** ms a delivery with `window` messages in flight: one is complete when every reader has it. */
function drive(readers: Reader[], itemBytes: number, window: number, publish: () => void): Promise<number> {
  const messages = Math.ceil(DELIVERIES / READERS / (window === 1 ? 4 : 1));
  return new Promise((resolve) => {
    const got = new Uint32Array(messages);
    let sent = 0;
    let complete = 0;
    const from = now();
    const send = () => {
      for (; sent < Math.min(complete + window, messages); sent++) publish();
    };
    for (const reader of readers) {
      let bytes = 0;
      let seen = 0;
      reader.onBytes = (more) => {
        bytes += more;
        for (; seen < Math.floor(bytes / itemBytes); seen++) {
          got[seen]!++;
          reader.onItem();
        }
        while (got[complete] === READERS) complete++;
        if (complete === messages) resolve((now() - from) / messages / READERS);
        else send();
      };
    }
    send();
  });
}

async function runBareLoop(): Promise<number[]> {
  const { child, url } = await start(['-e', BARE_LOOP]);
  const envelope = Buffer.alloc(SIZE, 7);
  const sockets = Array.from({ length: READERS }, () => new WebSocket(url, { perMessageDeflate: false }));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const readers = sockets.map((socket) => new Reader(socket));
  const times = [];
  for (const window of WINDOWS)
    times.push(await drive(readers, SIZE, window, () => sockets[0]!.send(envelope)));
  child.kill();
  return times;
}

async function runRelay(options: string[]): Promise<number[]> {
  const { child, url } = await start(['dist/relay.js', '--port', '0', '--rate', '0', ...options]);
  const seed = new Uint8Array(32).fill(9);
  const channel = groupOf(seed);
  const envelope = new Uint8Array(SIZE).fill(7);
  const publisher = await RawRelayClient.login(url, keys[READERS]!);
  publisher.publish(seed, envelope);
  let { seq } = await publisher.next('ack');
  // From 256 on seq takes the same three bytes.
  for (; seq < 256; seq++) {
    publisher.publish(channel, envelope);
    await publisher.next('ack');
  }
  const readers = [];
  for (const each of keys.slice(0, READERS)) {
    const client = await RawRelayClient.login(url, each);
    client.subscribe(seed, seq + 1);
    await client.next('live');
    let received = seq;
    readers.push(
      new Reader(client.socket, () => {
        if (++received % 256 === 0) client.send({ type: 'received', channel, seq: received });
      }),
    );
  }
  const itemBytes = 4 + encodeRelayFrame({ type: 'item', channel, seq: 256, envelope }).length;
  const times = [];
  for (const window of WINDOWS)
    times.push(await drive(readers, itemBytes, window, () => publisher.publish(channel, envelope)));
  const exit = once(child, 'exit');
  child.kill();
  await exit;
  return times;
}

for (const [name, options, targets] of STORES) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push({ bare: await runBareLoop(), relay: await runRelay(options) });
  for (let i = 1; i < WINDOWS.length; i++) {
    const window = WINDOWS[i]!;
    const [bare, relay] = [median(rounds.map((r) => r.bare[i]!)), median(rounds.map((r) => r.relay[i]!))];
    const [ratio, target] = [bare / relay, targets[window]];
    report({
      what: `relay ${name}, a delivery of 1 KiB to ${READERS} readers, ${window} in flight`,
      result: time(relay),
      against: `\`ws\` loop ${time(bare)}`,
      ratio,
      ...(target && { target: `≥ ${target}×`, met: ratio >= target }),
    });
  }
}
