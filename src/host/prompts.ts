import { Disposable, window, type QuickInputButton, type QuickPickItem } from 'vscode';

export interface InputOptions {
  readonly title: string;
  readonly prompt: string;
  readonly value?: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  readonly buttons?: readonly QuickInputButton[];
}

export interface InputResult {
  readonly value: string;
  /** The title button that ended it, if one did. */
  readonly button?: QuickInputButton;
}

/**
 * Asks for one line, and asks again in place while `check` finds something wrong with it (the sentence it gives is
 * shown). Undefined when dismissed.
 */
export function askLine(
  { title, prompt, value = '', placeholder = '', password = false, buttons = [] }: InputOptions,
  check: (value: string) => string | undefined | Promise<string | undefined>,
): Promise<InputResult | undefined> {
  const input = window.createInputBox();
  Object.assign(input, { title, prompt, value, placeholder, password, buttons, ignoreFocusOut: true });
  return new Promise((resolve) => {
    const accept = async (button?: QuickInputButton) => {
      if (!input.enabled) return;
      input.enabled = false;
      input.busy = true;
      const problem = await check(input.value);
      input.enabled = true;
      input.busy = false;
      input.validationMessage = problem;
      if (problem === undefined) finish(button ? { value: input.value, button } : { value: input.value });
    };
    const subscriptions = Disposable.from(
      input.onDidAccept(() => void accept()),
      input.onDidTriggerButton((button) => void accept(button)),
      input.onDidChangeValue(() => (input.validationMessage = undefined)),
      input.onDidHide(() => finish(undefined)),
    );
    const finish = (result: InputResult | undefined) => {
      resolve(result);
      subscriptions.dispose();
      input.dispose();
    };
    input.show();
  });
}

export interface Choice<T> extends QuickPickItem {
  readonly value: T;
}

/** One of several; undefined when dismissed. */
export async function askOne<T>(
  title: string,
  placeHolder: string,
  choices: readonly Choice<T>[],
): Promise<T | undefined> {
  const picked = await window.showQuickPick(choices, {
    title,
    placeHolder,
    ignoreFocusOut: true,
    matchOnDescription: true,
  });
  return picked?.value;
}

/** Several; undefined when dismissed, empty when nothing was ticked. */
export async function askMany<T>(
  title: string,
  placeHolder: string,
  choices: readonly Choice<T>[],
): Promise<T[] | undefined> {
  const picked = await window.showQuickPick(choices, {
    title,
    placeHolder,
    ignoreFocusOut: true,
    canPickMany: true,
    matchOnDescription: true,
  });
  return picked?.map(({ value }) => value);
}
