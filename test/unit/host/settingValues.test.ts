import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingValue, type SettingName } from '../../../src/host/settingValues.js';

interface Property {
  readonly default: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Manifest {
  readonly contributes: { readonly configuration: { readonly properties: Record<string, Property> } };
}

const manifest = JSON.parse(
  await readFile(join(import.meta.dirname, '../../../package.json'), 'utf8'),
) as Manifest;
const declared = Object.entries(manifest.contributes.configuration.properties).map(
  ([id, property]) => [id.replace('secureChat.', '') as SettingName, property] as const,
);

describe('a setting', () => {
  it.each(declared)('%s keeps what the manifest allows, else its default counts', (name, property) => {
    const { minimum, maximum } = property;
    const allowed = [property.default, ...(property.enum ?? []), minimum, maximum];
    for (const value of allowed.filter((each) => each !== undefined))
      expect(settingValue(name, value)).toBe(value);
    const outside = minimum === undefined || maximum === undefined ? [] : [minimum - 1, maximum + 1];
    for (const value of [...outside, undefined, null, {}, [], Number.NaN, 'nonsense', Infinity])
      expect(settingValue(name, value)).toBe(property.default);
  });

  it('relayUrl is the address of a relay, and nothing that comes after it', () => {
    for (const url of ['wss://relay.example.org', 'ws://127.0.0.1:8787/', 'wss://[::1]:443'])
      expect(settingValue('relayUrl', ` ${url} `)).toBe(url);
    for (const url of ['https://relay.example.org', 'relay.example.org', 'wss://', 'wss://a/b', 'wss://a b'])
      expect(settingValue('relayUrl', url)).toBe('');
    expect(settingValue('relayUrl', `wss://${'a'.repeat(300)}`)).toBe('');
  });

  it('relayPort is a whole number', () => {
    expect(settingValue('relayPort', 80.5)).toBe(8787);
    expect(settingValue('relayPort', '80')).toBe(8787);
  });
});
