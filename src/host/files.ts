import { homedir } from 'node:os';
import { join } from 'node:path';
import { Uri, window, workspace } from 'vscode';
import { UserError } from '../protocol/errors.js';

/** Lets a person choose a file, and reads it as text; undefined when dismissed. Throws UserError above `max` bytes. */
export async function readChosenFile(
  title: string,
  filters: Record<string, string[]>,
  max: number,
): Promise<string | undefined> {
  const [uri] = (await window.showOpenDialog({ title, filters: { ...filters, 'All files': ['*'] } })) ?? [];
  if (!uri) return undefined;
  const { size } = await workspace.fs.stat(uri);
  if (size > max) throw new UserError('large-file', 'This file is too large to be one. Choose another.');
  return new TextDecoder().decode(await workspace.fs.readFile(uri));
}

/** Lets a person choose where to save a text; false when dismissed. `name` is made one that every system takes. */
export async function saveChosenFile(
  title: string,
  name: string,
  extension: string,
  text: string,
): Promise<boolean> {
  const safe = `${name.replace(/[^\p{L}\p{M}\p{N} ()-]/gu, '_')}.${extension}`;
  const uri = await window.showSaveDialog({ title, defaultUri: Uri.file(join(homedir(), safe)) });
  if (!uri) return false;
  await workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return true;
}
