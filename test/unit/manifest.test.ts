import { build, type Metafile } from 'esbuild';
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

/** The files that importing this one runs. */
function atOnce({ inputs }: Metafile, file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const { path, kind, external } of inputs[file]?.imports ?? [])
    if (kind !== 'dynamic-import' && external !== true) atOnce({ inputs } as Metafile, path, loaded);
  return loaded;
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
      .map((file) => file.replace(/^(dist\/extension\/)[\w-]+-[0-9A-Z]{8}\.js$/, '$1…'));
    expect([...new Set(files)].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/extension.js',
      'dist/extension/…',
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

  it('starts without what only an unlocked participant needs', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['src/extension.ts'],
      bundle: true,
      platform: 'node',
      external: ['vscode'],
      write: false,
      metafile: true,
    });
    const loaded = atOnce(metafile, 'src/extension.ts');
    const libraries = [...loaded].flatMap(
      (file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
    );
    expect([...new Set(libraries)].sort()).toEqual(['@noble/hashes', 'valibot']);
    expect(loaded).not.toContain('src/client/chatClient.ts');
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
