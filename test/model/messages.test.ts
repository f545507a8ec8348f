import { it } from 'vitest';
import { commandsOf, messages } from './commands.js';
import { runMany } from './runs.js';

it('messages, and a relay that fights', async () => {
  await runMany(commandsOf(messages), { min: 2, max: 4 }, 0, 1_000);
});
