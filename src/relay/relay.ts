import { once } from 'node:events';
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { toHex } from '../crypto/bytes.js';
import { UserError } from '../protocol/errors.js';
import { MAX_PAYLOAD } from '../protocol/wire.js';
import { Doorkeeper, type AdmissionRules } from './admission.js';
import { Connection } from './connection.js';
import type { Context } from './context.js';

export interface RelaySettings extends Omit<AdmissionRules, 'connections'> {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

const HTTP = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 8192,
};
const SWEEP_INTERVAL = 60_000;

/** The server: takes connections in, and `GET /healthz`. */
export class Relay {
  readonly #doorkeeper: Doorkeeper;
  #sweptAt: number;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
  });

  /** Throws UserError 'port-taken' or 'cannot-listen'. */
  static async listen(settings: RelaySettings, context: Context): Promise<Relay> {
    const server = settings.tls ? createTlsServer({ ...HTTP, ...settings.tls }) : createServer(HTTP);
    try {
      await once(server.listen(settings.port, settings.host), 'listening');
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, settings);
    }
    return new Relay(server, settings, context);
  }

  private constructor(
    private readonly server: Server,
    private readonly settings: RelaySettings,
    private readonly context: Context,
  ) {
    const origins = settings.origins.length > 0 ? settings.origins : this.#loopbackOrigins();
    const { connections } = context.limits;
    this.#doorkeeper = new Doorkeeper({ ...settings, origins, connections }, context.clock);
    this.#sweptAt = context.clock();
    // RFC 9110, 6.6.1: who connects can tell that its clock is off.
    this.#sockets.on('headers', (headers) => headers.push(`Date: ${new Date().toUTCString()}`));
    server.on('request', (request, response) => this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Where it listens, as a URL. */
  get url(): string {
    const { host } = this.settings;
    return `${this.#scheme}://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** Looks after deadlines and retention; to be called about once a second, also while it stops. */
  tick(): void {
    for (const peer of this.context.hub.peers) peer.tick();
    const now = this.context.clock();
    if (now - this.#sweptAt < SWEEP_INTERVAL) return;
    this.#sweptAt = now;
    this.context.store.sweep();
    this.#doorkeeper.sweep();
  }

  /** Takes no one in any more, acknowledges what is being stored, says goodbye, and waits until all are gone. */
  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await this.context.store.flush();
    await setImmediate();
    for (const peer of this.context.hub.peers) peer.goAway('shutting-down');
    await closed;
  }

  get #scheme(): string {
    return this.settings.tls ? 'wss' : 'ws';
  }

  #loopbackOrigins(): string[] {
    return ['127.0.0.1', 'localhost', '[::1]'].map(
      (host) => new URL(`${this.#scheme}://${host}:${this.port}`).origin,
    );
  }

  #answer({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    const { relayId, storeId } = this.context.store.ids;
    const found = method === 'GET' && url === '/healthz';
    // No web page learns from here what runs on this machine.
    const status = headers.origin !== undefined ? 403 : found ? 200 : 404;
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(
      status === 200
        ? JSON.stringify({ service: 'secure-chat-relay', relayId: toHex(relayId), storeId: toHex(storeId) })
        : undefined,
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const verdict = this.#doorkeeper.judge(request.headers, request.socket.remoteAddress ?? '');
    if ('origin' in verdict) {
      const { origin } = verdict;
      this.#sockets.handleUpgrade(request, socket, head, (ws) => new Connection(ws, origin, this.context));
      return;
    }
    const { status, why } = verdict;
    const host = JSON.stringify(request.headers.host?.slice(0, 100) ?? '');
    this.context.log('refused', { status, host, why: JSON.stringify(why) });
    socket.on('error', () => undefined);
    socket.once('finish', () => socket.destroy());
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
}

function listenError(error: NodeJS.ErrnoException, { host, port }: RelaySettings): UserError {
  if (error.code === 'EADDRINUSE')
    return new UserError(
      'port-taken',
      `Port ${port} on ${host} is taken by something else. Choose another with --port, or any free one with --any-port.`,
    );
  return new UserError(
    'cannot-listen',
    `Cannot listen on port ${port} of ${host} (${error.code ?? error.message}). Choose another with --host and --port.`,
  );
}
