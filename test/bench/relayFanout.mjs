// Fan-out of the relay against a plain `ws` send loop in the same run:
//   node test/bench/relayFanout.mjs [readers = 100] [relay options, such as --data DIR]
// Server and driver are two processes, on two cores where `taskset` exists. Readers are counted below `ws`, so that
// the driver costs both sides the same few microseconds.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { WebSocket } from 'ws';

const [count = '100', ...relayOptions] = process.argv.slice(2);
const READERS = Number(count);
const SIZE = 1024;
const DELIVERIES = 100_000;
const ROUNDS = 3;
/** Messages in flight; the first run warms up. */
const WINDOWS = [16, 1, 16];

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'error' };
await build({
  ...options,
  entryPoints: [join(root, 'src/relay/main.ts')],
  outfile: join(folder, 'relay.cjs'),
});
await build({
  ...options,
  stdin: {
    contents: `export * from './test/helpers/rawRelayClient.ts'; export * from './src/protocol/wire.ts';`,
    resolveDir: root,
  },
  outfile: join(folder, 'client.cjs'),
});
const { RawRelayClient, newLoginKeys, groupOf, encodeRelayFrame } = await import(
  pathToFileURL(join(folder, 'client.cjs'))
);
const ws = JSON.stringify(join(root, 'node_modules/ws'));
writeFileSync(
  join(folder, 'plain.cjs'),
  `const { WebSocketServer } = require(${ws});
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  server.on('listening', () => console.log('ws://127.0.0.1:' + server.address().port));
  server.on('connection', (socket) => socket.on('message', (data) => server.clients.forEach((each) => each.send(data))));`,
);

const pinned = spawnSync('taskset', ['-cp', '1', String(process.pid)]).status === 0;

async function start(file, args = []) {
  const command = [...(pinned ? ['taskset', '-c', '0'] : []), process.execPath, join(folder, file), ...args];
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  const text = await new Promise((resolve) => child.stdout.once('data', resolve));
  return { child, url: /ws:\S+/.exec(text)[0] };
}

/** Login keys take a third of a second each to make: kept from run to run. */
async function loginKeys(wanted) {
  const file = join(tmpdir(), 'secure-chat-bench-keys.json');
  const stored = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  while (stored.length < wanted) {
    const made = await Promise.all(Array.from({ length: 8 }, newLoginKeys));
    for (const { signKey, privateKey } of made)
      stored.push(
        [signKey, privateKey.export({ format: 'der', type: 'pkcs8' })].map((b) =>
          Buffer.from(b).toString('base64'),
        ),
      );
    writeFileSync(file, JSON.stringify(stored), { mode: 0o600 });
  }
  return stored.slice(0, wanted).map(([signKey, key]) => ({
    signKey: new Uint8Array(Buffer.from(signKey, 'base64')),
    privateKey: createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }),
  }));
}

/** Calls `onBytes` with the payload bytes of unmasked WebSocket frames, straight from the socket. */
function countBytes(socket, onBytes) {
  let left = 0;
  let rest = Buffer.alloc(0);
  socket.removeAllListeners('data');
  socket.on('data', (chunk) => {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let bytes = 0;
    for (;;) {
      const taken = Math.min(left, data.length);
      left -= taken;
      bytes += taken;
      data = data.subarray(taken);
      const header = data.length < 2 ? Infinity : data[1] < 126 ? 2 : data[1] === 126 ? 4 : 10;
      if (data.length < header) break;
      left = header === 2 ? data[1] : header === 4 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
      data = data.subarray(header);
    }
    rest = data;
    onBytes(bytes);
  });
}

/** Processor time of a process so far, µs; NaN where there is no /proc. A busy machine disturbs it less than a clock. */
function cpu({ pid }) {
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return NaN;
  const [user, system] = readFileSync(stat, 'utf8').split(') ')[1].split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * 10_000;
}

/** Microseconds a delivery, of the clock and of the server's processor, with `window` messages in flight: one is complete when every reader has it. */
function drive(child, readers, itemBytes, window, publish) {
  const messages = Math.ceil(DELIVERIES / READERS / (window === 1 ? 4 : 1));
  return new Promise((resolve) => {
    const got = new Uint32Array(messages);
    let sent = 0;
    let complete = 0;
    for (const reader of readers) {
      let bytes = 0;
      let seen = 0;
      reader.onBytes = (more) => {
        bytes += more;
        for (; seen < Math.floor(bytes / itemBytes); seen++) {
          got[seen]++;
          reader.onItem?.();
        }
        while (complete < messages && got[complete] === readers.length) {
          if (++complete === messages)
            resolve(
              [(performance.now() - from) * 1000, cpu(child) - cpuFrom].map(
                (each) => each / messages / READERS,
              ),
            );
          else if (sent < messages) publish(sent++);
        }
      };
    }
    const from = performance.now();
    const cpuFrom = cpu(child);
    while (sent < Math.min(window, messages)) publish(sent++);
  });
}

async function runPlain() {
  const { child, url } = await start('plain.cjs');
  const envelope = Buffer.alloc(SIZE, 7);
  const readers = [];
  for (let i = 0; i < READERS; i++) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((resolve) => socket.once('open', resolve));
    const reader = { socket, onBytes: () => {} };
    countBytes(socket._socket, (bytes) => reader.onBytes(bytes));
    readers.push(reader);
  }
  const results = [];
  for (const window of WINDOWS)
    results.push(await drive(child, readers, SIZE, window, () => readers[0].socket.send(envelope)));
  child.kill();
  return results;
}

async function runRelay(keys) {
  const { child, url } = await start('relay.cjs', ['--port', '0', '--rate', '0', ...relayOptions]);
  const seed = new Uint8Array(32).fill(9);
  const channel = groupOf(seed);
  const envelope = new Uint8Array(SIZE).fill(7);
  const publisher = await RawRelayClient.login(url, keys[READERS]);
  publisher.publish(seed, envelope);
  let seq = (await publisher.next('ack')).seq;
  // From 256 on seq takes the same three bytes.
  for (; seq < 256; seq++) {
    publisher.publish(channel, envelope);
    await publisher.next('ack');
  }
  const readers = [];
  for (let i = 0; i < READERS; i++) {
    const client = await RawRelayClient.login(url, keys[i]);
    client.subscribe(seed, seq + 1);
    await client.next('live');
    let received = seq;
    const reader = {
      onBytes: () => {},
      onItem: () => {
        if (++received % 256 === 0) client.send({ type: 'received', channel, seq: received });
      },
    };
    countBytes(client.socket._socket, (bytes) => reader.onBytes(bytes));
    readers.push(reader);
  }
  const itemBytes = 4 + encodeRelayFrame({ type: 'item', channel, seq: 256, envelope }).length;
  const results = [];
  for (const window of WINDOWS)
    results.push(await drive(child, readers, itemBytes, window, () => publisher.publish(channel, envelope)));
  child.kill();
  await new Promise((resolve) => child.once('exit', resolve));
  return results;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const keys = await loginKeys(READERS + 1);
const plain = [];
const relay = [];
for (let round = 0; round < ROUNDS; round++) {
  plain.push(await runPlain());
  relay.push(await runRelay(keys));
}
console.log(
  `${READERS} readers, ${SIZE} bytes, ${relayOptions.join(' ') || 'in memory'}${pinned ? '' : ', not pinned'}`,
);
WINDOWS.forEach((window, i) => {
  if (i === 0) return;
  for (const [k, what] of ['clock', 'processor'].entries()) {
    const [ws, ours] = [plain, relay].map((rounds) => median(rounds.map((each) => each[i][k])));
    const ratio = (ws / ours).toFixed(2);
    console.log(
      `${window} in flight, ${what}: ws ${ws.toFixed(2)} µs, relay ${ours.toFixed(2)} µs, ratio ${ratio}`,
    );
  }
});
rmSync(folder, { recursive: true });
process.exit(0);
