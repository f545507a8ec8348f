import { parseArgs } from 'node:util';
import { UserError } from '../protocol/errors.js';
import { isLoopback } from './admission.js';
import { LIMITS, limitsFrom, type Limits } from './limits.js';

export interface Options {
  readonly help: boolean;
  readonly host: string;
  readonly port: number;
  readonly anyPort: boolean;
  /** Folder of the durable store; without it the store is in memory. */
  readonly data: string | undefined;
  /** As URL.origin writes them; none: the loopback ones. */
  readonly origins: readonly string[];
  readonly announce: string | undefined;
  /** Files, PEM. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly behindProxy: boolean;
  readonly allowWebOrigin: boolean;
  readonly limits: Limits;
}

const OPTIONS = {
  help: { type: 'boolean' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8787' },
  'any-port': { type: 'boolean' },
  data: { type: 'string' },
  origin: { type: 'string', multiple: true, default: [] as string[] },
  announce: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'behind-proxy': { type: 'boolean' },
  'allow-web-origin': { type: 'boolean' },
} as const;

const limitOptions = Object.fromEntries(
  Object.values(LIMITS).map(({ option, default: value }) => [
    option,
    { type: 'string' as const, default: String(value) },
  ]),
);

const limitHelp = Object.values(LIMITS)
  .map(({ option, default: value, help }) => `  ${`--${option} N`.padEnd(26)}${help} (${value})`)
  .join('\n');

export const HELP = `Secure Chat relay: keeps sealed envelopes in order and hands them out. It cannot read them.

Usage: node relay.js [options]      (defaults in parentheses)

  --host ADDRESS            listen there; beyond loopback only with TLS or behind a proxy (127.0.0.1)
  --port PORT               0 takes any free one (8787)
  --any-port                take a free port if that one is taken (no)
  --data FOLDER             keep envelopes there, so that they survive a restart (none: in memory)
  --origin URL              what people dial, such as wss://chat.example.org; may be repeated
                            (ws://127.0.0.1:PORT, ws://localhost:PORT, ws://[::1]:PORT; wss:// with TLS)
  --announce FILE           while it runs, {"port","pid","relayId"} stands there (none)
  --tls-cert FILE           certificate chain, PEM (none)
  --tls-key FILE            private key, PEM (none)
  --behind-proxy            a reverse proxy ends TLS, passes Host on, appends to X-Forwarded-For (no)
  --allow-web-origin        let web pages connect: requests with an Origin header (no)
  --help                    show this

Limits
${limitHelp}
`;

function wrong(message: string): never {
  throw new UserError('bad-option', `${message} See --help.`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { ...OPTIONS, ...limitOptions } }).values;
  } catch (error) {
    return wrong(`${(error as Error).message.replace(/\.$/, '')}.`);
  }
}

function number(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'string' && /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max)
    return Number(value);
  return wrong(`--${option} needs a whole number from ${min} to ${max}.`);
}

function originOf(url: string): string {
  const { protocol, origin, pathname, search, hash, username } = URL.canParse(url)
    ? new URL(url)
    : wrong(`--origin ${url} is not a URL.`);
  if (!/^wss?:$/.test(protocol) || pathname !== '/' || search + hash + username !== '')
    return wrong(`--origin ${url} is not like wss://chat.example.org or ws://192.0.2.1:8787.`);
  return origin;
}

/** Throws UserError 'bad-option'. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  const limits: Record<string, unknown> = values;
  const { host, 'tls-cert': cert, 'tls-key': key, 'behind-proxy': behindProxy = false } = values;
  const origins = [...new Set(values.origin.map(originOf))];
  if ((cert === undefined) !== (key === undefined)) wrong('--tls-cert and --tls-key go together.');
  if (!isLoopback(host)) {
    if (cert === undefined && !behindProxy)
      wrong(`Listening on ${host} needs --tls-cert and --tls-key, or --behind-proxy.`);
    if (origins.length === 0) wrong(`Listening on ${host} needs --origin: what people dial.`);
  }
  if (new Set(origins.map((origin) => new URL(origin).host)).size < origins.length)
    wrong('A host can be in one --origin only.');
  return {
    help: values.help ?? false,
    host,
    port: number('port', values.port, 0, 65_535),
    anyPort: values['any-port'] ?? false,
    data: values.data,
    origins,
    announce: values.announce,
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    behindProxy,
    allowWebOrigin: values['allow-web-origin'] ?? false,
    limits: limitsFrom(({ option, min }) => number(option, limits[option], min, 1e9)),
  };
}
