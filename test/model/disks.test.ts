import { it } from 'vitest';
import { changes, commandsOf, disks, messages } from './commands.js';
import { runMany } from './runs.js';

it('disks that are put back to an older state', async () => {
  await runMany(commandsOf([...messages, ...changes, ...disks]), { min: 2, max: 4 }, 2, 200);
});
