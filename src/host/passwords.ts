import type { LogOutputChannel, SecretStorage } from 'vscode';

/** Passwords that a person chose to have remembered, in the editor's SecretStorage, by fingerprint. */
export class Passwords {
  constructor(
    private readonly secrets: SecretStorage,
    private readonly log: LogOutputChannel,
  ) {}

  /** Undefined also where there is no keyring: then the person is asked. */
  async recall(fingerprint: string): Promise<string | undefined> {
    return this.#try(() => this.secrets.get(key(fingerprint)));
  }

  async remember(fingerprint: string, password: string): Promise<void> {
    await this.#try(() => this.secrets.store(key(fingerprint), password));
  }

  /** After a change of password: one that is remembered is replaced, or forgotten if that fails. */
  async replace(fingerprint: string, password: string): Promise<void> {
    if ((await this.recall(fingerprint)) === undefined) return;
    await this.forget(fingerprint);
    await this.remember(fingerprint, password);
  }

  async forget(fingerprint: string): Promise<void> {
    await this.#try(() => this.secrets.delete(key(fingerprint)));
  }

  async #try<T>(use: () => Thenable<T>): Promise<T | undefined> {
    try {
      return await use();
    } catch {
      this.log.warn('This system has no keyring that the editor can use: passwords are asked for each time.');
      return undefined;
    }
  }
}

const key = (fingerprint: string) => `password:${fingerprint}`;
