// The process that server.mjs starts: VS Code's server behind a small http server
// of its own. It ends as soon as whoever started it is gone.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} HostConfig
 * @property {number} port
 * @property {string} token
 * @property {string} serverRoot
 * @property {string} userDataDir
 * @property {string} extensionsDir
 * @property {string} serverDataDir
 * @property {string[]} views to open with every window
 */

process.once('disconnect', () => process.exit());
process.once('message', (config) => {
  start(/** @type {HostConfig} */ (config)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});

/** @param {HostConfig} config */
async function start(config) {
  // With this set, server-main.js exports its parts instead of listening by itself.
  process.env.CODE_SERVER_PARENT_PID = String(process.pid);
  process.env.EXTENSIONS_GALLERY = '{}';
  const main = await import(pathToFileURL(join(config.serverRoot, 'out/server-main.js')).href);
  const workbench = await (
    await main.loadCodeWithNls()
  ).createServer(null, {
    _: [],
    'accept-server-license-terms': true,
    compatibility: '1.64',
    'connection-token': config.token,
    'disable-telemetry': true,
    'disable-update-check': true,
    'user-data-dir': config.userDataDir,
    'extensions-dir': config.extensionsDir,
    'server-data-dir': config.serverDataDir,
  });
  const key = await secretKey(join(config.serverDataDir, 'secret-key'));

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://workbench');
    if (!isOurs(request, server)) return refuse(response, 421, 'This address is not served here.');
    if (url.pathname !== '/mint-key') {
      if (url.pathname === '/') openViews(response, config.views);
      return workbench.handleRequest(request, response);
    }
    const cookies = request.headers.cookie?.split('; ') ?? [];
    if (request.method !== 'POST' || !cookies.includes(`vscode-tkn=${config.token}`))
      return refuse(response, 403, 'Forbidden.');
    response
      .writeHead(200, { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' })
      .end(key);
  });
  server.on('upgrade', (request, socket) => {
    if (isOurs(request, server)) workbench.handleUpgrade(request, socket);
    else socket.destroy();
  });
  const port = await listen(server, config.port).catch(() => listen(server, 0));
  process.send?.({ port });
}

/**
 * @param {import('node:http').Server} server
 * @param {number} port
 * @returns {Promise<number>}
 */
function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(portOf(server));
    });
  });
}

/** @param {import('node:http').Server} server */
function portOf(server) {
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

/**
 * Whoever reaches the workbench has a terminal. A page elsewhere must not get in
 * by a name that it makes resolve to this machine, nor by a request across origins.
 *
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').Server} server
 */
function isOurs({ headers }, server) {
  const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${portOf(server)}`);
  if (!hosts.includes(headers.host ?? '')) return false;
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} text
 */
function refuse(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
}

/**
 * The server has no setting for the view to begin with; the page has.
 *
 * @param {import('node:http').ServerResponse} response
 * @param {string[]} views
 */
function openViews(response, views) {
  if (views.length === 0) return;
  const layout = JSON.stringify({ force: true, views: views.map((id) => ({ id })) }).replaceAll(
    '"',
    '&quot;',
  );
  const marker = 'id="vscode-workbench-web-configuration" data-settings="{';
  const end = response.end.bind(response);
  response.end = /** @type {typeof response.end} */ (
    (/** @type {unknown} */ body) =>
      end(
        typeof body === 'string'
          ? body.replace(marker, `${marker}&quot;defaultLayout&quot;:${layout},`)
          : body,
      )
  );
}

/**
 * The server's half of what SecretStorage is encrypted with.
 *
 * @param {string} file
 */
async function secretKey(file) {
  const stored = await readFile(file).catch(() => Buffer.alloc(0));
  if (stored.length === 32) return stored;
  const key = randomBytes(32);
  await writeFile(file, key, { mode: 0o600 });
  return key;
}
