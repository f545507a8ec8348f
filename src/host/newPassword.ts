import { passwordProblem, repetitionProblem } from './newParticipants.js';
import { askLine } from './prompts.js';

/** A new password, typed twice; undefined when dismissed. */
export async function askNewPassword(title: string, prompt: string): Promise<string | undefined> {
  const first = await askLine({ title, prompt, password: true }, passwordProblem);
  if (!first) return undefined;
  const again = await askLine({ title, prompt: `${prompt} once more`, password: true }, (value) =>
    repetitionProblem(first.value, value),
  );
  return again && first.value;
}
