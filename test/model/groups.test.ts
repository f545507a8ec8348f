import { it } from 'vitest';
import { changes, commandsOf, messages } from './commands.js';
import { runMany } from './runs.js';

it('groups that change, under a relay that fights', async () => {
  await runMany(commandsOf([...messages, ...changes]), { min: 2, max: 4 }, 2, 1_000);
});
