import { describe, expect, it } from 'vitest';
import { SUBPROTOCOL } from '../../../src/protocol/wire.js';
import { Doorkeeper, isLoopback, type AdmissionRules } from '../../../src/relay/admission.js';

const rules: AdmissionRules = {
  origins: ['wss://chat.example.org', 'ws://127.0.0.1:8787'],
  allowWebOrigin: false,
  behindProxy: false,
  connections: 2,
};
let now = 0;
const doorkeeper = (changes: Partial<AdmissionRules> = {}) =>
  new Doorkeeper({ ...rules, ...changes }, () => now);
const headers = (more: Record<string, string> = {}) => ({
  host: 'chat.example.org',
  'sec-websocket-protocol': SUBPROTOCOL,
  ...more,
});
const status = (verdict: object) => ('status' in verdict ? verdict.status : 200);

describe('Doorkeeper', () => {
  it('gives the origin that was dialled', () => {
    const door = doorkeeper();
    expect(door.judge(headers(), '127.0.0.1')).toEqual({ origin: 'wss://chat.example.org' });
    expect(door.judge(headers({ host: 'CHAT.example.org' }), '127.0.0.1')).toEqual({
      origin: 'wss://chat.example.org',
    });
    expect(door.judge(headers({ host: '127.0.0.1:8787' }), '127.0.0.1')).toEqual({
      origin: 'ws://127.0.0.1:8787',
    });
  });

  it.each(['evil.example', '127.0.0.1', '127.0.0.1:8788', 'chat.example.org:444', 'chat.example.org.', ''])(
    'refuses the host %j with 421',
    (host) => expect(status(doorkeeper().judge(headers({ host }), '127.0.0.1'))).toBe(421),
  );

  it('refuses no host at all', () => {
    expect(status(doorkeeper().judge({}, '127.0.0.1'))).toBe(421);
  });

  it('refuses web pages unless told otherwise', () => {
    for (const origin of ['https://chat.example.org', 'null', ''])
      expect(status(doorkeeper().judge(headers({ origin }), '127.0.0.1'))).toBe(403);
    const open = doorkeeper({ allowWebOrigin: true });
    expect(status(open.judge(headers({ origin: 'https://a.example' }), '127.0.0.1'))).toBe(200);
  });

  it('refuses another subprotocol', () => {
    for (const protocol of ['', 'secure-chat.v2', `x${SUBPROTOCOL}`])
      expect(status(doorkeeper().judge(headers({ 'sec-websocket-protocol': protocol }), '127.0.0.1'))).toBe(
        400,
      );
    expect(
      status(doorkeeper().judge(headers({ 'sec-websocket-protocol': `other, ${SUBPROTOCOL}` }), '127.0.0.1')),
    ).toBe(200);
  });

  it('takes so many connections a minute from an address, and any number from this machine', () => {
    const door = doorkeeper();
    const from = (address: string) => status(door.judge(headers(), address));
    expect(['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(from)).toEqual([200, 200, 429]);
    expect(from('192.0.2.2')).toBe(200);
    expect(Array.from({ length: 5 }, () => from('::1'))).toEqual(Array(5).fill(200));
    now += 30_000;
    door.sweep();
    expect(['192.0.2.1', '192.0.2.1'].map(from)).toEqual([200, 429]);
    now += 60_000;
    door.sweep();
    expect(['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(from)).toEqual([200, 200, 429]);
  });

  it('counts an IPv6 /64 as one address', () => {
    const door = doorkeeper();
    const from = (address: string) => status(door.judge(headers(), address));
    expect(['2001:db8::1', '2001:db8::2:3', '2001:db8:0:0:9::'].map(from)).toEqual([200, 200, 429]);
    expect(from('2001:db8:0:1::1')).toBe(200);
  });

  it('believes X-Forwarded-For behind a proxy only, and its last entry only', () => {
    const forwarded = (address: string) => headers({ 'x-forwarded-for': address });
    const behind = doorkeeper({ behindProxy: true });
    const seen = ['10.0.0.1, 192.0.2.1', '10.0.0.2, 192.0.2.1', '10.0.0.3,192.0.2.1'].map((address) =>
      status(behind.judge(forwarded(address), '127.0.0.1')),
    );
    expect(seen).toEqual([200, 200, 429]);
    const open = doorkeeper();
    const other = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) =>
      status(open.judge(forwarded(address), '192.0.2.1')),
    );
    expect(other).toEqual([200, 200, 429]);
  });
});

it('knows loopback addresses', () => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', 'localhost'])
    expect(isLoopback(address), address).toBe(true);
  for (const address of ['0.0.0.0', '::', '192.0.2.1', '127.evil.example', 'localhost.example', '1::1'])
    expect(isLoopback(address), address).toBe(false);
});
