import { ProgressLocation, window, type LogOutputChannel } from 'vscode';
import { UserError } from '../../protocol/errors.js';
import type { Card } from '../../protocol/card.js';
import { normaliseName } from '../../protocol/names.js';
import { readChosenFile } from '../files.js';
import { newNameProblem } from '../newParticipants.js';
import { askNewPassword } from '../newPassword.js';
import type { LocalParticipants } from '../participants.js';
import { askLine } from '../prompts.js';

const TITLE = 'Import private key';

/**
 * "Secure Chat: Import private key": a participant around an RSA key from an encrypted PEM file, which signs; false when
 * dismissed. `contacts` are cards beside those of this machine that must have other keys. Throws UserError.
 */
export async function importPrivateKey(
  participants: LocalParticipants,
  contacts: readonly Card[],
  log: LogOutputChannel,
): Promise<boolean> {
  const { findEncryptedPem, MAX_PEM_BYTES, openImportedKey } = await import('../../protocol/importedKey.js');
  const file = await readChosenFile(TITLE, { 'PEM file': ['pem', 'key'] }, MAX_PEM_BYTES);
  if (file === undefined) return false;
  const pem = findEncryptedPem(file);
  const local = (await participants.list((problem) => log.warn(problem))).map(({ card }) => card);

  let signKey: Uint8Array | undefined;
  let failure: Error | undefined;
  const opened = await askLine(
    { title: TITLE, prompt: 'Password of the key in the file', password: true },
    (password) => {
      try {
        signKey = openImportedKey(pem, password, [...local, ...contacts]);
      } catch (error) {
        if (error instanceof UserError && error.code === 'wrong-password') return error.message;
        failure = error as Error;
      }
      return undefined;
    },
  );
  if (failure) throw failure;
  if (!opened || !signKey) return false;

  const taken = local.map(({ name }) => name);
  const answer = await askLine(
    { title: TITLE, prompt: 'Name of the participant who has this key' },
    (value) => newNameProblem(value, taken),
  );
  if (!answer) return false;
  const name = normaliseName(answer.value);
  const password = await askNewPassword(TITLE, `Password for ${name} here`);
  if (password === undefined) return false;
  const person = { name, password, signKey };
  await window.withProgress(
    { location: ProgressLocation.Notification, title: `Secure Chat: creating ${name}` },
    async () => {
      const { makeParticipants } = await import('../makeParticipants.js');
      await makeParticipants(participants.root, [person], new AbortController().signal, () => undefined);
    },
  );
  log.info('imported a private key');
  return true;
}
