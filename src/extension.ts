import { commands, Disposable, window, workspace, type ExtensionContext } from 'vscode';
import { toHex } from './crypto/bytes.js';
import { ChatModel } from './host/chatModel.js';
import { CHAT_VIEW, ChatViews } from './host/chatViews.js';
import { Contacts } from './host/commands/contacts.js';
import { groupCommands } from './host/commands/group.js';
import { inviteGroup } from './host/commands/inviteGroup.js';
import { participantCommands } from './host/commands/participants.js';
import { LocalRelay } from './host/commands/relay.js';
import { Unlock } from './host/commands/unlock.js';
import { CurrentSession } from './host/currentSession.js';
import { notifications } from './host/notifications.js';
import { LocalParticipants } from './host/participants.js';
import { Passwords } from './host/passwords.js';
import { PeopleTree } from './host/peopleTree.js';
import { RelayAddress } from './host/relayAddress.js';
import { offer, sayError } from './host/say.js';
import { StatusBar } from './host/statusBar.js';

/** Builds the parts, wires them, registers the commands. */
export function activate(context: ExtensionContext): void {
  const log = window.createOutputChannel('Secure Chat', { log: true });
  const participants = new LocalParticipants(context.globalStorageUri);
  const address = new RelayAddress(context.globalStorageUri);
  const session = new CurrentSession(context, participants, address, log);
  const passwords = new Passwords(context.secrets, log);
  const unlock = new Unlock(participants, passwords, session, log);
  const relay = new LocalRelay(address, context.asAbsolutePath('dist/relay.js'));
  const model = new ChatModel(session);
  const fail = (error: unknown) => sayError(log, error);
  const run = (command: string) => void commands.executeCommand(`secureChat.${command}`);
  const views = new ChatViews(
    context.extensionUri,
    model,
    (command) => (command === 'openInEditor' ? views.openInEditor() : run(command)),
    log,
  );

  let local: { name: string; fingerprint: string }[] = [];
  const refresh = async () => {
    const list = await participants.list((problem) => log.warn(problem));
    local = list.map(({ card }) => ({ name: card.name, fingerprint: toHex(card.fingerprint) }));
    void commands.executeCommand('setContext', 'secureChat.participants', local.length);
    model.participants = local.length;
  };
  const showChat = () => commands.executeCommand(`${CHAT_VIEW}.focus`);

  // Files and keyrings are looked at once the window stands.
  const resumed = new Promise(setImmediate).then(() => unlock.resume());
  const contacts = new Contacts(session, () => model.client(), context.extension.id, resumed, fail);

  /** A command from the menu of a tree's item gets that item. */
  const handlers: Record<string, (item?: unknown) => Promise<unknown>> = {
    ...groupCommands(model),
    ...participantCommands(participants, passwords, session, log, refresh),
    ...contacts.commands,
    unlockParticipant: async () => {
      if (await unlock.run()) return showChat();
      const picked = await offer('There is no participant on this machine yet.', 'Create participants');
      return picked && run('createParticipants');
    },
    lock: () => session.forget(),
    startRelay: async () => {
      const said = await relay.start();
      session.client?.connect();
      void window.showInformationMessage(said);
    },
    stopRelay: async () => void window.showInformationMessage(await relay.stop()),
    inviteGroup: async () => {
      const group = await inviteGroup(model.client());
      if (!group) return;
      model.select(group);
      return showChat();
    },
    connectionStatus: async () => {
      const picked = await offer(model.state().connection.detail, 'Connect now', 'Start relay', 'Show log');
      if (picked === 'Connect now') session.client?.connect();
      if (picked === 'Start relay') run('startRelay');
      if (picked === 'Show log') log.show();
    },
    takeOver: () => unlock.takeOver(),
    forgetRememberedPassword: () => unlock.forget(),
    showLog: () => Promise.resolve(log.show()),
  };

  const contextKeys = () => {
    void commands.executeCommand('setContext', 'secureChat.unlocked', session.client !== undefined);
    void commands.executeCommand('setContext', 'secureChat.elsewhere', session.elsewhere !== undefined);
  };
  context.subscriptions.push(
    log,
    session,
    model,
    views,
    new PeopleTree(model, session, () => local),
    new StatusBar(model),
    notifications(session, views),
    session.onChanged(contextKeys),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('secureChat')) model.changed();
      if (event.affectsConfiguration('secureChat.relayUrl')) session.client?.connect();
    }),
    window.registerUriHandler(contacts),
    ...Object.entries(handlers).map(([name, handler]) =>
      commands.registerCommand(`secureChat.${name}`, (item: unknown) => handler(item).catch(fail)),
    ),
  );

  setImmediate(() => {
    void refresh().catch(fail);
    void address
      .watch(() => session.client?.connect())
      .then((watcher) => context.subscriptions.push(new Disposable(() => watcher.close())))
      .catch(fail);
  });
}
