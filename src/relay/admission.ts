import type { IncomingHttpHeaders } from 'node:http';
import { SUBPROTOCOL } from '../protocol/wire.js';
import { TokenBucket, type Clock } from '../shared/tokenBucket.js';

export interface AdmissionRules {
  /** What people dial, as URL.origin writes it. */
  readonly origins: readonly string[];
  /** Let web pages in: requests with an Origin header. */
  readonly allowWebOrigin: boolean;
  /** Addresses come from X-Forwarded-For, whose last entry is the proxy's own. */
  readonly behindProxy: boolean;
  /** New connections a minute and address; 0 is no limit. */
  readonly connections: number;
}

export type Verdict = { readonly origin: string } | { readonly status: number; readonly why: string };

/** Whether an address or host name is of this machine. */
export const isLoopback = (address: string): boolean =>
  /^(::ffff:)?127\.[\d.]+$|^::1$|^localhost$/.test(address);

/** Decides which WebSocket upgrades come in, and under which origin they log in. */
export class Doorkeeper {
  readonly #origins: ReadonlyMap<string, string>;
  readonly #arrivals = new Map<string, TokenBucket>();

  constructor(
    private readonly rules: AdmissionRules,
    private readonly clock: Clock,
  ) {
    this.#origins = new Map(rules.origins.map((origin) => [new URL(origin).host, origin]));
  }

  /** `address`: the socket's. */
  judge(headers: IncomingHttpHeaders, address: string): Verdict {
    const origin = this.#origins.get((headers.host ?? '').toLowerCase());
    if (origin === undefined)
      return { status: 421, why: 'host is not one of the relay’s origins (--origin)' };
    if (headers.origin !== undefined && !this.rules.allowWebOrigin)
      return { status: 403, why: 'web page (--allow-web-origin)' };
    const protocols = headers['sec-websocket-protocol']?.split(',').map((each) => each.trim());
    if (!protocols?.includes(SUBPROTOCOL)) return { status: 400, why: `subprotocol is not ${SUBPROTOCOL}` };
    if (!this.#mayArrive(this.#addressOf(headers, address)))
      return { status: 429, why: 'too many connections from one address (--connections)' };
    return { origin };
  }

  /** Forgets addresses that have been quiet; to be called now and then. */
  sweep(): void {
    for (const [address, bucket] of this.#arrivals) if (bucket.full) this.#arrivals.delete(address);
  }

  #addressOf(headers: IncomingHttpHeaders, address: string): string {
    if (!this.rules.behindProxy) return address;
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim() ?? '';
    return forwarded === '' ? address : forwarded;
  }

  #mayArrive(address: string): boolean {
    if (isLoopback(address)) return true;
    const { connections } = this.rules;
    const network = networkOf(address);
    const bucket = this.#arrivals.get(network) ?? new TokenBucket(connections / 60, connections, this.clock);
    this.#arrivals.set(network, bucket);
    return bucket.take() === 0;
  }
}

/** An IPv4 address, or the /64 of an IPv6 address, which is what one subscriber has (RFC 6177). */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}
