import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  contributes: {
    commands: { command: string; title: string; category: string }[];
    configuration: { properties: Record<string, { scope: string }> };
  };
}

describe('the package', () => {
  it('holds exactly these files', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, 'node_modules/@vscode/vsce/vsce'), 'ls', '--no-dependencies'],
      { cwd: root },
    );
    const files = stdout
      .trim()
      .split('\n')
      .filter((file) => !file.startsWith('docs/images/'))
      .sort();
    expect(files).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/extension.js',
      'dist/historyWorker.js',
      'dist/relay.js',
      'dist/sql-wasm.wasm',
      'dist/tokenWorker.js',
      'dist/webview.css',
      'dist/webview.js',
      'media/icon.png',
      'media/secure-chat.svg',
      'package.json',
    ]);
  });

  it('names commands in camelCase of their title, and lets no repository steer traffic', async () => {
    const { contributes } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
    for (const { command, title, category } of contributes.commands) {
      const camel = title.toLowerCase().replace(/ (.)/g, (_, letter: string) => letter.toUpperCase());
      expect(command).toBe(`secureChat.${camel}`);
      expect(category).toBe('Secure Chat');
    }
    const { properties } = contributes.configuration;
    for (const name of ['relayUrl', 'relayPort', 'rememberPassword', 'inviteLifetime'])
      expect(properties[`secureChat.${name}`]?.scope).toBe('machine');
  });
});
