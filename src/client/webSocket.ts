import { WebSocket } from 'ws';
import { MAX_PAYLOAD, SUBPROTOCOL } from '../protocol/wire.js';
import type { Dial, Socket } from './effects.js';

const HANDSHAKE_TIMEOUT = 10_000;
/** The relay pings every 25 s; a connection silent for longer than two of them is dead. */
const SILENCE = 60_000;

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'No relay answers there.',
  ENOTFOUND: 'There is no such host.',
  ETIMEDOUT: 'The relay does not answer.',
};

/** Dials with `ws`. */
export const dialWebSocket: Dial = (url) =>
  new Promise((resolve, reject) => {
    const ws = new WebSocket(url, SUBPROTOCOL, {
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      maxPayload: MAX_PAYLOAD,
      perMessageDeflate: false,
    });
    let date = NaN;
    ws.on('upgrade', ({ headers }) => (date = Date.parse(headers.date ?? '')));
    let silence: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => ws.terminate(), SILENCE);
    };
    const socket: Socket = {
      onMessage: () => undefined,
      onClose: () => undefined,
      send: (data) => ws.send(data),
      close: () => ws.close(),
    };
    let reason = 'The connection to the relay was lost.';
    ws.on('open', () => {
      heard();
      // What came along with the handshake waits until whoever dialled has set its handlers.
      ws.pause();
      resolve(Number.isNaN(date) ? socket : Object.assign(socket, { date }));
      setImmediate(() => ws.resume());
    });
    ws.on('ping', heard);
    ws.on('message', (data: Buffer, binary) => {
      heard();
      if (binary) socket.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.length));
      else ws.terminate();
    });
    ws.on('error', (error: NodeJS.ErrnoException) => {
      reason = SENTENCES[error.code ?? ''] ?? 'What answers there is not a Secure Chat relay.';
      reject(new Error(reason));
    });
    ws.on('close', () => {
      clearTimeout(silence);
      socket.onClose(reason);
    });
  });
