import { window } from 'vscode';
import { toHex } from '../../crypto/bytes.js';
import { UserError } from '../../protocol/errors.js';
import { askNewPassword } from '../newPassword.js';
import type { LocalParticipants } from '../participants.js';
import type { Passwords } from '../passwords.js';
import { askLine, askOne } from '../prompts.js';

const TITLE = 'Change password';

/** "Secure Chat: Change password": of a participant on this machine; asked for unless the fingerprint says which. */
export async function changePassword(
  participants: LocalParticipants,
  passwords: Passwords,
  fingerprint?: string,
): Promise<void> {
  const local = await participants.list();
  const choices = local.map((participant) => ({ label: participant.card.name, value: participant }));
  const participant =
    local.find(({ card }) => toHex(card.fingerprint) === fingerprint) ??
    (await askOne(TITLE, 'Whose password?', choices));
  if (!participant) return;
  const { card, dir, keyFile } = participant;
  const { openKeyFile, rewrapKeyFile } = await import('../../protocol/keyFile.js');
  let failure: Error | undefined;
  const current = await askLine(
    { title: TITLE, prompt: `Present password of ${card.name}`, password: true },
    async (password) => {
      try {
        await openKeyFile(keyFile, password);
      } catch (error) {
        if (error instanceof UserError && error.code === 'wrong-password') return error.message;
        failure = error as Error;
      }
      return undefined;
    },
  );
  if (failure) throw failure;
  if (!current) return;
  const password = await askNewPassword(TITLE, `New password of ${card.name}`);
  if (password === undefined) return;
  const [{ replaceKeyFile }, { systemRandom }] = await Promise.all([
    import('../../store/keyFiles.js'),
    import('../../crypto/random.js'),
  ]);
  await replaceKeyFile(dir, await rewrapKeyFile(keyFile, current.value, password, systemRandom));
  await passwords.replace(toHex(card.fingerprint), password);
  void window.showInformationMessage(
    `The password of ${card.name} is changed. Copies of the old key file still open with the old one.`,
  );
}
