import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { announce, withdraw } from '../../../src/relay/announce.js';

const own = { port: 1, pid: 2, relayId: 'ab' };

it('replaces an older announcement, for its owner only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'announce-'));
  const file = join(folder, 'relay.json');
  writeFileSync(file, 'older', { mode: 0o644 });
  await announce(file, own);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(own);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['relay.json']);
  await withdraw(file, own);
  expect(existsSync(file)).toBe(false);
});

it('leaves another relay’s announcement alone', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'announce-')), 'relay.json');
  await announce(file, { ...own, port: 9 });
  await withdraw(file, own);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ port: 9 });
});

it('is content when there is nothing to withdraw', async () => {
  await withdraw(join(tmpdir(), 'no-such-file'), own);
});
