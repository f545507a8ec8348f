import { setTimeout as sleep } from 'node:timers/promises';
import { window, type Terminal } from 'vscode';
import { UserError } from '../../protocol/errors.js';
import { localUrl, type RelayAddress } from '../relayAddress.js';
import { setting } from '../settings.js';

const NAME = 'Secure Chat Relay';
const START_TIMEOUT = 20_000;
const STOP_TIMEOUT = 15_000;
const POLL = 100;

/** The relay of local sessions: a process in a terminal, found again by every window of this machine. */
export class LocalRelay {
  constructor(
    private readonly address: RelayAddress,
    private readonly script: string,
  ) {}

  /** "Secure Chat: Start relay". Gives what to tell the person. Throws UserError. */
  async start(): Promise<string> {
    const running = await this.address.running();
    if (running) return `The relay is running already, on ${localUrl(running)}.`;
    const terminal = this.#terminal();
    terminal.show(true);
    const started = await this.#until(
      START_TIMEOUT,
      () => this.address.running(),
      () => terminal.exitStatus !== undefined,
    );
    if (!started)
      throw new UserError('relay-not-started', `The relay did not start. The terminal “${NAME}” says why.`);
    const elsewhere =
      started.port === setting('relayPort')
        ? ''
        : ` Port ${setting('relayPort')} is taken by something else, so it uses ${started.port}.`;
    const remote =
      setting('relayUrl') === '' ? '' : ` This window stays with ${setting('relayUrl')}, as set.`;
    return `The relay is running on ${localUrl(started)}.${elsewhere}${remote}`;
  }

  /** "Secure Chat: Stop relay": a clean end, whichever window started it. Throws UserError. */
  async stop(): Promise<string> {
    const running = await this.address.running();
    if (!running) return 'No relay is running on this machine.';
    process.kill(running.pid, 'SIGTERM');
    const stopped = await this.#until(STOP_TIMEOUT, async () =>
      (await this.address.running()) ? undefined : true,
    );
    if (!stopped)
      throw new UserError('relay-not-stopped', `The relay did not stop. Close the terminal “${NAME}”.`);
    return 'The relay was stopped. Messages are kept and sent when it runs again.';
  }

  /** Electron runs the script as Node; elsewhere the variable means nothing. */
  #terminal(): Terminal {
    const { folder, announceFile } = this.address;
    return window.createTerminal({
      name: NAME,
      shellPath: process.execPath,
      shellArgs: [
        this.script,
        ...['--data', folder],
        ...['--announce', announceFile],
        ...['--port', String(setting('relayPort'))],
        '--any-port',
      ],
      env: { ELECTRON_RUN_AS_NODE: '1' },
      isTransient: true,
    });
  }

  async #until<T>(
    timeout: number,
    look: () => Promise<T | undefined>,
    hopeless: () => boolean = () => false,
  ): Promise<T | undefined> {
    for (const end = Date.now() + timeout; Date.now() < end && !hopeless(); await sleep(POLL)) {
      const found = await look();
      if (found !== undefined) return found;
    }
    return look();
  }
}
