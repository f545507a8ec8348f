import { EventEmitter, type Disposable, type ExtensionContext, type LogOutputChannel } from 'vscode';
import type { ChatClient } from '../client/chatClient.js';
import { toHex } from '../crypto/bytes.js';
import { UserError } from '../protocol/errors.js';
import type { Identity } from '../protocol/identity.js';
import type { LocalParticipant, LocalParticipants } from './participants.js';
import type { RelayAddress } from './relayAddress.js';
import { setting } from './settings.js';

/** A participant that this window wanted, or held until another took it over. */
export interface Elsewhere {
  readonly fingerprint: string;
  readonly name: string;
}

/** Which participant this window holds: at most one, unlocked here and in no other window. */
export class CurrentSession implements Disposable {
  readonly #changed = new EventEmitter<void>();
  readonly #opened = new EventEmitter<ChatClient>();
  readonly #ended = new EventEmitter<string>();
  /** Something that is shown changed. */
  readonly onChanged = this.#changed.event;
  /** A participant was unlocked. */
  readonly onOpened = this.#opened.event;
  /** The session ended by itself; why, for people. */
  readonly onEnded = this.#ended.event;

  #client: ChatClient | undefined;
  #elsewhere: Elsewhere | undefined;

  constructor(
    private readonly context: ExtensionContext,
    private readonly participants: LocalParticipants,
    private readonly address: RelayAddress,
    private readonly log: LogOutputChannel,
  ) {}

  get client(): ChatClient | undefined {
    return this.#client;
  }

  get elsewhere(): Elsewhere | undefined {
    return this.#elsewhere;
  }

  /** The fingerprint this window held last. */
  get last(): string | undefined {
    return this.context.workspaceState.get('participant');
  }

  /** Opens an unlocked participant's session here and connects. Throws UserError 'open-elsewhere' unless `takeOver`. */
  async open(participant: LocalParticipant, identity: Identity, takeOver: boolean): Promise<void> {
    await this.lock();
    const { openSession } = await import('./openSession.js');
    const fingerprint = toHex(identity.card.fingerprint);
    const elsewhere = { fingerprint, name: identity.card.name };
    const local = await this.participants.list();
    const client = await openSession({
      participant,
      identity,
      takeOver,
      distFolder: this.context.asAbsolutePath('dist'),
      localCards: local.map(({ card }) => card),
      relayAddress: () => this.address.url(),
      settings: {
        get inviteLifetime() {
          return setting('inviteLifetime') * 1000;
        },
      },
      guard: this.#guard(fingerprint),
      log: (event) => this.log.info(event),
    }).catch((error: unknown) => {
      if (error instanceof UserError && error.code === 'open-elsewhere') {
        this.#elsewhere = elsewhere;
        this.#changed.fire();
      }
      throw error;
    });
    this.#client = client;
    await this.context.workspaceState.update('participant', fingerprint);
    client.events.on('changed', () => this.#changed.fire());
    client.events.on('ended', (reason, text) => {
      if (this.#client !== client) return;
      this.#client = undefined;
      if (reason === 'replaced') this.#elsewhere = elsewhere;
      this.#ended.fire(text);
      this.#changed.fire();
    });
    client.connect();
    this.log.info(`unlocked ${fingerprint.slice(0, 8)}`);
    this.#opened.fire(client);
    this.#changed.fire();
  }

  /** Forgets everything in memory. What was stored stays sealed on disk. */
  async lock(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#elsewhere = undefined;
    await client?.close();
    this.#changed.fire();
  }

  /** Locked by a person: a reload doesn't unlock by itself. */
  async forget(): Promise<void> {
    await this.lock();
    await this.context.workspaceState.update('participant', undefined);
  }

  /** Counts checkpoints where an old copy of the files does not reach: it shows that one was put back. */
  #guard(fingerprint: string) {
    const { secrets } = this.context;
    const key = `checkpoint:${fingerprint}`;
    return {
      get: async () => {
        try {
          const value = Number(await secrets.get(key));
          return Number.isSafeInteger(value) && value > 0 ? value : undefined;
        } catch {
          return undefined;
        }
      },
      set: async (count: number) => {
        try {
          await secrets.store(key, String(count));
        } catch {
          this.log.warn('This system has no keyring: an old copy of the data is noticed by the relay only.');
        }
      },
    };
  }

  dispose(): void {
    void this.lock();
    this.#changed.dispose();
    this.#opened.dispose();
    this.#ended.dispose();
  }
}
