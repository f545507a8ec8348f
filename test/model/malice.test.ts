import { it } from 'vitest';
import { changes, commandsOf, crimes, messages } from './commands.js';
import { runMany } from './runs.js';

it('a member that attacks, with a relay that helps it', async () => {
  await runMany(commandsOf([...messages, ...changes, ...crimes]), { min: 3, max: 4 }, 1, 500, true);
});
