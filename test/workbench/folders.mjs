import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST_DIR } from './install.mjs';

const FIRST = `# Ada's window

1. \`F1\`, **Secure Chat: Create participants**: answer \`Ada, Bo, Cy\`, and a password for each.
2. \`F1\`, **Secure Chat: Start relay**.
3. \`F1\`, **Secure Chat: Unlock participant**: choose Ada.
4. Open the windows of Bo and Cy, and unlock each of them there.
5. \`F1\`, **Secure Chat: Invite group**: choose Bo and Cy, and name the group.
6. When they have accepted, write in the chat view on the left.
`;

/** @param {string} name */
const other = (name) => `# ${name}'s window

1. The participants are made in Ada's window; begin there.
2. \`F1\`, **Secure Chat: Unlock participant**: choose ${name}.
3. Accept the invitation in the chat view on the left, and write.
`;

const SAMPLE = `export function greeting(name: string): string {
  return \`Hello, \${name}!\`;
}
`;

/**
 * A folder for each participant's window, with what to do there. What is in them
 * already stays.
 *
 * @returns {Promise<{ name: string, path: string }[]>}
 */
export async function participantFolders() {
  const folders = [];
  for (const name of ['Ada', 'Bo', 'Cy']) {
    const path = join(HOST_DIR, 'folders', name.toLowerCase());
    await mkdir(path, { recursive: true });
    await writeOnce(join(path, 'README.md'), name === 'Ada' ? FIRST : other(name));
    await writeOnce(join(path, 'greeting.ts'), SAMPLE);
    folders.push({ name, path });
  }
  return folders;
}

/**
 * @param {string} file
 * @param {string} text
 */
async function writeOnce(file, text) {
  await writeFile(file, text, { flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
