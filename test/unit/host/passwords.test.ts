import { describe, expect, it } from 'vitest';
import type { LogOutputChannel, SecretStorage } from 'vscode';
import { Passwords } from '../../../src/host/passwords.js';

function passwords(kept: Record<string, string>, broken?: 'store' | 'get') {
  const secrets = new Map(Object.entries(kept));
  const use = <T>(name: string, act: () => T) =>
    name === broken ? Promise.reject(new Error('no keyring')) : Promise.resolve(act());
  const storage = {
    get: (key: string) => use('get', () => secrets.get(key)),
    store: (key: string, value: string) => use('store', () => secrets.set(key, value)),
    delete: (key: string) => use('delete', () => secrets.delete(key)),
  };
  const log = { warn: () => undefined };
  return {
    secrets,
    passwords: new Passwords(storage as unknown as SecretStorage, log as unknown as LogOutputChannel),
  };
}

describe('a changed password', () => {
  it('replaces the one that is remembered', async () => {
    const { passwords: kept } = passwords({ 'password:a': 'old', 'password:b': 'b' });
    await kept.replace('a', 'new');
    expect([await kept.recall('a'), await kept.recall('b')]).toEqual(['new', 'b']);
  });

  it('is not remembered if none was', async () => {
    const { passwords: kept } = passwords({});
    await kept.replace('a', 'new');
    expect(await kept.recall('a')).toBeUndefined();
  });

  it('leaves nothing behind that no longer opens, when it can’t be stored', async () => {
    const { passwords: kept, secrets } = passwords({ 'password:a': 'old' }, 'store');
    await kept.replace('a', 'new');
    expect([...secrets]).toEqual([]);
    await expect(
      passwords({ 'password:a': 'old' }, 'get').passwords.replace('a', 'new'),
    ).resolves.toBeUndefined();
  });
});
