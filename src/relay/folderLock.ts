import { once } from 'node:events';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex, utf8 } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { UserError } from '../protocol/errors.js';

/**
 * Keeps a second relay out of a data folder for as long as this process lives. The lock is a listening local socket:
 * unlike a file with a process id in it, the system takes it back whatever way its owner ends.
 * Throws UserError 'data-in-use'.
 */
export async function lockFolder(folder: string): Promise<Server> {
  const { path, staysBehind } = socketOf(toHex(sha256(utf8(await realpath(folder)))).slice(0, 32));
  for (let mayRemove = staysBehind; ; mayRemove = false) {
    const server = createServer((socket) => socket.destroy());
    try {
      await once(server.listen(path), 'listening');
      return server.unref();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (!mayRemove || (await answers(path)))
        throw new UserError(
          'data-in-use',
          `Another relay uses the data in ${folder}. Stop it, or choose another folder with --data.`,
        );
      await rm(path, { force: true });
    }
  }
}

/** A pipe and an abstract socket go away with their owner; a socket file stays behind when it crashes. */
function socketOf(id: string): { path: string; staysBehind: boolean } {
  const name = `secure-chat-relay-${id}`;
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\${name}`, staysBehind: false };
  if (process.platform === 'linux') return { path: `\0${name}`, staysBehind: false };
  return { path: join(tmpdir(), name), staysBehind: true };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });
}
