import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockFolder } from '../../../src/relay/folderLock.js';

it('keeps everyone else out of one folder, under whatever name, as long as it is held', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-lock-'));
  const link = `${folder}-link`;
  symlinkSync(folder, link);
  const lock = await lockFolder(folder);
  for (const name of [folder, link, join(folder, '.')])
    await expect(lockFolder(name)).rejects.toMatchObject({ code: 'data-in-use' });
  const other = await lockFolder(mkdtempSync(join(tmpdir(), 'relay-lock-')));
  other.close();
  await new Promise((resolve) => lock.close(resolve));
  (await lockFolder(folder)).close();
});
