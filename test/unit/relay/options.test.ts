import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, LIMITS } from '../../../src/relay/limits.js';
import { HELP, parseOptions } from '../../../src/relay/options.js';

const MIB = 1024 * 1024;
const TLS = ['--tls-cert', 'c.pem', '--tls-key', 'k.pem'];

describe('options', () => {
  it('has the defaults that --help states', () => {
    const options = parseOptions([]);
    expect(options).toMatchObject({
      host: '127.0.0.1',
      port: 8787,
      anyPort: false,
      data: undefined,
      origins: [],
    });
    expect(options.limits).toEqual(DEFAULT_LIMITS);
    expect(DEFAULT_LIMITS).toMatchObject({
      storeBytes: 1024 * MIB,
      queuePause: MIB,
      queueLimit: 8 * MIB,
      ping: 25_000,
    });
    for (const { option, default: value } of Object.values(LIMITS))
      expect(HELP).toMatch(new RegExp(`--${option} N .*\\(${value}\\)\n`));
  });

  it('reads every option', () => {
    const args =
      '--port 0 --any-port --data d --announce a --rate 0 --store-limit 2 --behind-proxy --allow-web-origin';
    const options = parseOptions([
      ...args.split(' '),
      ...TLS,
      '--host',
      '::',
      '--origin',
      'wss://a.example:443/',
    ]);
    expect(options).toMatchObject({
      host: '::',
      port: 0,
      anyPort: true,
      data: 'd',
      announce: 'a',
      origins: ['wss://a.example'],
      tls: { cert: 'c.pem', key: 'k.pem' },
      behindProxy: true,
      allowWebOrigin: true,
      limits: { rate: 0, storeBytes: 2 * MIB },
    });
    expect(parseOptions(['--help']).help).toBe(true);
  });

  it.each([
    ['an unknown option', ['--prot', '1']],
    ['an argument', ['8787']],
    ['no value', ['--port']],
    ['a port that is none', ['--port', '65536']],
    ['a number that is none', ['--rate', '1.5']],
    ['a limit of nothing', ['--credit', '0']],
    ['a URL that is none', ['--origin', 'chat.example.org']],
    ['a URL of another kind', ['--origin', 'https://chat.example.org']],
    ['a URL with a path', ['--origin', 'wss://chat.example.org/chat']],
    ['a host under two schemes', ['--origin', 'wss://a.example:9', '--origin', 'ws://a.example:9']],
    ['half of TLS', ['--tls-cert', 'c.pem']],
    ['an open address in the clear', ['--host', '0.0.0.0', '--origin', 'ws://a.example']],
    ['an open address that nobody can dial', ['--host', '0.0.0.0', '--behind-proxy']],
  ])('refuses %s and points to --help', (_, args) => {
    expect(() => parseOptions(args)).toThrow(/^[^\n]+ See --help\.$/);
  });
});
