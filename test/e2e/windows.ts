import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { chromium, type Browser, type FrameLocator, type Page } from 'playwright-core';
import { keyFileCard } from '../../src/protocol/keyFile.js';
import { findChromium, launchOptions } from '../workbench/chromium.mjs';
import {
  answerInput,
  chatFrame,
  notification,
  openContainer,
  openWindow,
  pick,
  runCommand,
} from '../workbench/page.mjs';
import { processTree } from '../workbench/processes.mjs';
import { installExtension, startWorkbench } from '../workbench/server.mjs';

const RESULTS = join(import.meta.dirname, '../results');
const VSIX = join(import.meta.dirname, '../../.vscode-host/secure-chat.vsix');

/** A real VS Code with the packaged extension, and windows of it. */
export class Windows {
  private constructor(
    readonly root: string,
    readonly browser: Browser,
    readonly workbench: Awaited<ReturnType<typeof startWorkbench>>,
  ) {}

  static async start(settings: Record<string, unknown> = {}): Promise<Windows> {
    const root = await mkdtemp(join(tmpdir(), 'secure-chat-e2e-'));
    const dirs = {
      userDataDir: join(root, 'user'),
      extensionsDir: join(root, 'extensions'),
      serverDataDir: join(root, 'server'),
    };
    await installExtension(VSIX, dirs);
    const workbench = await startWorkbench({
      ...dirs,
      settings: { 'secureChat.rememberPassword': 'never', ...settings },
    });
    const browser = await chromium.launch({ ...launchOptions(), executablePath: await findChromium() });
    return new Windows(root, browser, workbench);
  }

  /** Where the extension keeps all participants. */
  get participants(): string {
    return join(this.root, 'user/User/globalStorage/secure-chat.secure-chat/participants');
  }

  async folderOf(name: string): Promise<string> {
    for (const folder of await readdir(this.participants)) {
      const keyFile = await readFile(join(this.participants, folder, 'identity.key'));
      if (keyFileCard(keyFile).name === name) return join(this.participants, folder);
    }
    throw new Error(`There is no participant ${name}.`);
  }

  /** The process that has a participant unlocked: the extension host of its window. */
  async holderOf(name: string): Promise<number> {
    const owner = await readFile(join(await this.folderOf(name), 'owner'), 'utf8');
    const { pid } = JSON.parse(owner) as { pid: number };
    const [, ...hosts] = await processTree(this.workbench.pid);
    if (!hosts.includes(pid)) throw new Error(`${name} is not unlocked in a window of this VS Code.`);
    return pid;
  }

  /** Bytes that the extension has stored for all participants. */
  async stored(): Promise<number> {
    const files = await readdir(this.participants, { recursive: true });
    const sizes = files.map((file) => stat(join(this.participants, file)).catch(() => ({ size: 0 })));
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
  }

  /** What is stored once nothing more was for two seconds: receipts follow each message. */
  async quiet(): Promise<number> {
    for (let last = -1; ;) {
      const now = await this.stored();
      if (now === last) return now;
      last = now;
      await setTimeout(2_000);
    }
  }

  /** A window on a folder of its own, with the chat in the sidebar. */
  async open(name: string, size = { width: 1100, height: 800 }): Promise<Page> {
    const folder = join(this.root, 'folders', name);
    await mkdir(folder, { recursive: true });
    const page = await openWindow(this.browser, this.workbench.folderUrl(folder), { viewport: size });
    await openContainer(page);
    return page;
  }

  /** What every window shows, into test/results: for a test that failed. */
  async screenshots(name: string): Promise<void> {
    const pages = this.browser.contexts().flatMap((context) => context.pages());
    for (const [i, page] of pages.entries())
      await page.screenshot({ path: join(RESULTS, `${name.replace(/\W+/g, '-')}-${i + 1}.png`) });
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.workbench.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

export const PASSWORD = 'correct horse 🐎 ñ';

/** "Create participants" with names and one password for all of them, typed for each. */
export async function createParticipants(page: Page, names: readonly string[]): Promise<void> {
  await runCommand(page, 'Secure Chat: Create participants');
  await answerInput(page, names.join(', '));
  for (const name of names) {
    await answerInput(page, `${PASSWORD} ${name}`);
    await answerInput(page, `${PASSWORD} ${name}`);
  }
  await notification(page, 'The participants are ready').waitFor({ timeout: 60_000 });
}

export async function unlock(page: Page, name: string): Promise<FrameLocator> {
  await runCommand(page, 'Secure Chat: Unlock participant');
  await pick(page, name);
  await answerInput(page, `${PASSWORD} ${name}`);
  await statusShows(page, name);
  return chatFrame(page);
}

export const statusShows = (page: Page, text: string | RegExp) =>
  page.locator('.part.statusbar .statusbar-item', { hasText: text }).first().waitFor({ timeout: 30_000 });

export async function say(chat: FrameLocator, text: string): Promise<void> {
  await chat.getByRole('textbox', { name: 'Message' }).fill(text);
  await chat.getByRole('button', { name: 'Send' }).click();
}

/** The article of a message in the log. */
export const article = (chat: FrameLocator, sender: string, text: string) =>
  chat
    .getByRole('log', { name: 'Messages' })
    .getByRole('article', { name: new RegExp(`^${sender}`) })
    .filter({ hasText: text });
