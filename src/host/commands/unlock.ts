import { ConfigurationTarget, window, workspace, type LogOutputChannel } from 'vscode';
import { toHex } from '../../crypto/bytes.js';
import { UserError } from '../../protocol/errors.js';
import type { Identity } from '../../protocol/identity.js';
import type { CurrentSession } from '../currentSession.js';
import type { LocalParticipant, LocalParticipants } from '../participants.js';
import type { Passwords } from '../passwords.js';
import { askLine, askOne } from '../prompts.js';
import { offer } from '../say.js';
import { setting } from '../settings.js';

const TITLE = 'Unlock participant';

/** Unlocking: which participant, with which password, here or taken over from another window. */
export class Unlock {
  constructor(
    private readonly participants: LocalParticipants,
    private readonly passwords: Passwords,
    private readonly session: CurrentSession,
    private readonly log: LogOutputChannel,
  ) {}

  /** "Secure Chat: Unlock participant". False if there is nobody to unlock. */
  async run(): Promise<boolean> {
    const local = await this.#list();
    if (local.length === 0) return false;
    const me = this.session.client?.view().me.fingerprint;
    const choices = local.map((participant) => {
      const fingerprint = toHex(participant.card.fingerprint);
      return {
        label: participant.card.name,
        description: fingerprint === me ? 'unlocked in this window' : fingerprint.slice(0, 8),
        value: participant,
      };
    });
    const picked = await askOne(TITLE, 'Who are you in this window?', choices);
    if (picked) await this.#unlock(picked, false);
    return true;
  }

  /** "Secure Chat: Take over": the participant that this window lost, or could not have. */
  async takeOver(): Promise<void> {
    const { elsewhere } = this.session;
    const participant = (await this.#list()).find(
      ({ card }) => toHex(card.fingerprint) === elsewhere?.fingerprint,
    );
    if (!participant)
      throw new UserError('nobody-elsewhere', 'There is no participant to take over. Unlock one.');
    await this.#unlock(participant, true);
  }

  /** After a reload: the participant this window held, if its password is remembered. Never asks. */
  async resume(): Promise<void> {
    const { last } = this.session;
    const password = last && (await this.passwords.recall(last));
    if (!password) return;
    try {
      const participant = (await this.#list()).find(({ card }) => toHex(card.fingerprint) === last);
      if (!participant) return;
      const { openKeyFile } = await import('../../protocol/keyFile.js');
      const { selfTest } = await import('../../crypto/selfTest.js');
      await selfTest();
      await this.session.open(participant, await openKeyFile(participant.keyFile, password), false);
    } catch (error) {
      this.log.info(`not unlocked by itself: ${(error as Error).message}`);
    }
  }

  /** "Secure Chat: Forget remembered password". */
  async forget(): Promise<void> {
    const local = await this.#list();
    const picked = await askOne(
      'Forget remembered password',
      'Whose password is forgotten on this machine?',
      local.map(({ card }) => ({ label: card.name, value: card })),
    );
    if (!picked) return;
    await this.passwords.forget(toHex(picked.fingerprint));
    void window.showInformationMessage(`The password of ${picked.name} is not remembered here any more.`);
  }

  /** Says which key files can't be read. Throws UserError 'no-key-file' if none of them can. */
  async #list(): Promise<LocalParticipant[]> {
    const problems: string[] = [];
    const local = await this.participants.list((problem) => problems.push(problem));
    for (const problem of problems) this.log.warn(problem);
    const text =
      problems.length === 1
        ? `A key file could not be read. ${problems[0]}`
        : `${problems.length} key files could not be read. The log names them.`;
    if (problems.length > 0 && local.length === 0) throw new UserError('no-key-file', text);
    if (problems.length > 0) void window.showWarningMessage(text);
    return local;
  }

  async #unlock(participant: LocalParticipant, takeOver: boolean): Promise<void> {
    const { selfTest } = await import('../../crypto/selfTest.js');
    await selfTest();
    const identity = await this.#identity(participant);
    if (!identity) return;
    try {
      await this.session.open(participant, identity, takeOver);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'open-elsewhere') throw error;
      if (
        (await offer(`${participant.card.name} is open elsewhere: ${error.message}`, 'Take over')) ===
        'Take over'
      )
        await this.session.open(participant, identity, true);
    }
  }

  /** With the remembered password, else with one asked for until it is right. */
  async #identity({ card, keyFile }: LocalParticipant): Promise<Identity | undefined> {
    const { openKeyFile } = await import('../../protocol/keyFile.js');
    const fingerprint = toHex(card.fingerprint);
    const remembered = await this.passwords.recall(fingerprint);
    if (remembered !== undefined) {
      try {
        return await openKeyFile(keyFile, remembered);
      } catch (error) {
        if (!(error instanceof UserError) || error.code !== 'wrong-password') throw error;
        await this.passwords.forget(fingerprint);
      }
    }
    let identity: Identity | undefined;
    let failure: Error | undefined;
    const answer = await askLine(
      { title: TITLE, prompt: `Password of ${card.name}`, password: true },
      async (password) => {
        try {
          identity = await openKeyFile(keyFile, password);
        } catch (error) {
          if (error instanceof UserError && error.code === 'wrong-password') return error.message;
          failure = error as Error;
        }
        return undefined;
      },
    );
    if (failure) throw failure;
    if (answer && identity) void this.#offerToRemember(fingerprint, card.name, answer.value);
    return answer && identity;
  }

  async #offerToRemember(fingerprint: string, name: string, password: string): Promise<void> {
    const choice = setting('rememberPassword');
    if (choice === 'never') return;
    if (choice === 'ask') {
      const picked = await offer(
        `Remember the password of ${name} on this machine?`,
        'Remember',
        'Never ask',
      );
      if (picked === 'Never ask')
        await workspace
          .getConfiguration('secureChat')
          .update('rememberPassword', 'never', ConfigurationTarget.Global);
      if (picked !== 'Remember') return;
    }
    await this.passwords.remember(fingerprint, password);
  }
}
