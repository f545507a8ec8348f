import { commands, type LogOutputChannel } from 'vscode';
import type { CurrentSession } from '../currentSession.js';
import type { LocalParticipants } from '../participants.js';
import type { Passwords } from '../passwords.js';
import { fingerprintOf } from '../peopleTree.js';
import { changePassword } from './changePassword.js';
import { createParticipants, offerUnlock } from './createParticipants.js';
import { importPrivateKey } from './importPrivateKey.js';

/** The commands that make or change participants of this machine; `changed` is waited for once there are more. */
export function participantCommands(
  participants: LocalParticipants,
  passwords: Passwords,
  session: CurrentSession,
  log: LogOutputChannel,
  changed: () => Promise<void>,
) {
  const made = async (some: boolean): Promise<void> => {
    if (!some) return;
    await changed();
    if (await offerUnlock()) await commands.executeCommand('secureChat.unlockParticipant');
  };
  return {
    createParticipants: async () => made(await createParticipants(participants, log)),
    importPrivateKey: async () =>
      made(await importPrivateKey(participants, session.client?.directory.cards() ?? [], log)),
    changePassword: (item: unknown) => changePassword(participants, passwords, fingerprintOf(item)),
  };
}
