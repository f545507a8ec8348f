import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/crypto/random.js';
import { sealKeyFile } from '../../src/protocol/keyFile.js';
import { RelayProcess, Team, texts, until } from '../helpers/team.js';

const root = join(import.meta.dirname, '../..');
const script = join(root, 'test/results/clientProcess.mjs');
const wasm = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');
const KILLS = Number(process.env['SECURE_CHAT_KILLS'] ?? 12);

describe('kill -9 while chatting', () => {
  let team: Team;
  beforeAll(async () => {
    await build({
      entryPoints: [join(root, 'test/helpers/clientProcess.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;",
      },
      logLevel: 'error',
    });
    team = await Team.make(['Ada', 'Bo'], await new RelayProcess(['--rate', '0']).start());
    const { identity, secrets } = team.person('Bo');
    const cost = { logN: 14, r: 8, p: 1 };
    await writeFile(
      join(team.root, 'Bo/identity.key'),
      await sealKeyFile(identity.card.bytes, secrets, 'pw', systemRandom, cost),
    );
  });
  afterAll(() => team.close());

  it('loses nothing that was stored or shown, and shows nothing twice', { timeout: 300_000 }, async () => {
    const stored: string[] = [];
    const shown: string[] = [];
    let sent = 0;
    let lines = 0;
    const open = (killAfter: number) =>
      new Promise<ChildProcess>((resolve) => {
        const child = spawn(process.execPath, [script, join(team.root, 'Bo'), 'pw', team.relay.url, wasm], {
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        child.stdin.on('error', () => undefined);
        let seen = 0;
        createInterface({ input: child.stdout }).on('line', (line) => {
          const [word, text = ''] = line.split(' ');
          if (word === 'stored') stored.push(text);
          if (word === 'shown') shown.push(text);
          if (++seen === killAfter) child.kill('SIGKILL');
        });
        child.once('exit', () => resolve(child));
        const feed = setInterval(() => child.stdin.write(`b${++lines}\n`), 25);
        child.once('exit', () => clearInterval(feed));
      });
    const ada = await team.open('Ada');
    const group = await ada.invite('Kills', [team.fingerprint('Bo')]);
    const chatter = setInterval(() => sent < 900 && void ada.send(group, `a${++sent}`), 60);
    // The first run accepts the invitation; each later one is killed at another point.
    for (let i = 0; i < KILLS; i++) await open(3 + ((i * 7) % 23));
    clearInterval(chatter);
    await ada.send(group, 'end');
    sent++;

    const bo = await team.open('Bo');
    const all = async () => {
      const collected: string[] = [];
      let page = await bo.page(group);
      for (;;) {
        collected.unshift(...page.messages.filter(({ kind }) => kind === 'text').map(({ text }) => text));
        if (!page.older) return collected;
        page = await bo.page(group, page.messages[0]!.position);
      }
    };
    await until(bo, async () => (await all()).includes('end'));
    const history = await all();
    expect(new Set(history).size).toBe(history.length);
    const fromAda = history.filter((text) => !text.startsWith('b'));
    expect(fromAda).toEqual([...Array.from({ length: sent - 1 }, (_, i) => `a${i + 1}`), 'end']);
    for (const text of [...stored, ...shown]) expect(history).toContain(text);
    // Bo's, too, arrive once each and in order.
    const mine = history.filter((text) => text.startsWith('b'));
    await until(ada, async () => (await texts(ada, group)).includes(`Bo: ${mine.at(-1)}`));
    expect(stored.length).toBeGreaterThan(0);
    expect(shown.length).toBeGreaterThan(0);
  });
});
