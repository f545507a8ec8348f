import type { Disposable } from 'vscode';
import {
  EventEmitter,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  window,
  type TreeDataProvider,
  type TreeView,
} from 'vscode';
import type { GroupView, MemberView, PersonView } from '../shared/view.js';
import type { ChatModel } from './chatModel.js';
import type { CurrentSession } from './currentSession.js';
import { byName, TRUST_ICONS, TRUST_WORDS } from './trust.js';

type Node =
  | { readonly kind: 'section'; readonly label: string; readonly children: readonly Node[] }
  | {
      readonly kind: 'participant';
      readonly name: string;
      readonly fingerprint: string;
      readonly state: string;
    }
  | { readonly kind: 'person'; readonly person: PersonView }
  | { readonly kind: 'group'; readonly group: GroupView }
  | { readonly kind: 'member'; readonly group: string; readonly member: MemberView };

const PRESENCE_WORDS = { present: 'joined', invited: 'invited', left: 'left' } as const;
const PRESENCE_ICONS = { present: 'person', invited: 'mail', left: 'circle-slash' } as const;

/** The person behind an item from whose menu a command was started: a fingerprint, hex. */
export function fingerprintOf(item: unknown): string | undefined {
  const node = item as Node | undefined;
  if (node?.kind === 'participant') return node.fingerprint;
  if (node?.kind === 'person') return node.person.fingerprint;
  return node?.kind === 'member' ? node.member.fingerprint : undefined;
}

/** The group of an item from whose menu a command was started: its id, hex. */
export function groupOf(item: unknown): string | undefined {
  const node = item as Node | undefined;
  if (node?.kind === 'group') return node.group.id;
  return node?.kind === 'member' ? node.group : undefined;
}

/** The tree "People": participants of this machine, groups with their members, contacts; each with its state. */
export class PeopleTree implements TreeDataProvider<Node>, Disposable {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: TreeView<Node>;
  readonly #subscription: Disposable;

  constructor(
    private readonly model: ChatModel,
    private readonly session: CurrentSession,
    private readonly participants: () => readonly { readonly name: string; readonly fingerprint: string }[],
  ) {
    this.#view = window.createTreeView('secureChat.people', { treeDataProvider: this });
    this.#subscription = model.onState(() => {
      this.#changed.fire(undefined);
      this.#view.badge = badge(model);
    });
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.#sections();
    if (node.kind === 'section') return [...node.children];
    if (node.kind === 'group')
      return [...node.group.members]
        .sort(byName)
        .map((member) => ({ kind: 'member', group: node.group.id, member }));
    return [];
  }

  #sections(): Node[] {
    const { groups, me, discreet } = this.model.state();
    const { elsewhere, client } = this.session;
    const participants = this.participants().map(({ name, fingerprint }): Node => {
      const state =
        fingerprint === me?.fingerprint
          ? `unlocked here${client?.directory.revoked ? ', card revoked' : ''}`
          : fingerprint === elsewhere?.fingerprint
            ? 'open elsewhere'
            : 'not in this window';
      return { kind: 'participant', name, fingerprint, state };
    });
    const contacts = discreet ? [] : [...(client?.people() ?? [])].sort(byName);
    const sections: [string, Node[]][] = [
      ['Participants on this machine', discreet ? [] : participants],
      ['Groups', groups.map((group): Node => ({ kind: 'group', group }))],
      ['Contacts', contacts.map((person): Node => ({ kind: 'person', person }))],
    ];
    return sections
      .filter(([, children]) => children.length > 0)
      .map(([label, children]) => ({ kind: 'section', label, children }));
  }

  getTreeItem(node: Node): TreeItem {
    switch (node.kind) {
      case 'section': {
        const item = new TreeItem(node.label, TreeItemCollapsibleState.Expanded);
        item.id = node.label;
        return item;
      }
      case 'participant':
        return participantItem(node);
      case 'group':
        return groupItem(node.group);
      case 'person': {
        const { person } = node;
        const item = new TreeItem(person.name);
        item.id = `person ${person.fingerprint}`;
        item.description = TRUST_WORDS[person.trust];
        item.iconPath = new ThemeIcon(TRUST_ICONS[person.trust]);
        item.tooltip = `${person.name}: ${TRUST_WORDS[person.trust]}\nFingerprint ${person.fingerprint}`;
        item.accessibilityInformation = { label: `${person.name}: ${TRUST_WORDS[person.trust]}` };
        item.contextValue = `person ${person.trust}`;
        if (person.trust === 'changed')
          item.command = {
            command: 'secureChat.verifySafetyNumber',
            title: 'Verify safety number',
            arguments: [node],
          };
        return item;
      }
      case 'member':
        return memberItem(node.group, node.member);
    }
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#view.dispose();
    this.#changed.dispose();
  }
}

function participantItem({ name, fingerprint, state }: Node & { kind: 'participant' }): TreeItem {
  const item = new TreeItem(name);
  item.id = `participant ${fingerprint}`;
  item.description = state;
  item.iconPath = new ThemeIcon(state.startsWith('unlocked here') ? 'unlock' : 'lock');
  item.tooltip = `${name}: ${state}\nFingerprint ${fingerprint}`;
  item.accessibilityInformation = { label: `${name}: ${state}` };
  item.contextValue = `participant ${state}`;
  if (state === 'not in this window')
    item.command = { command: 'secureChat.unlockParticipant', title: 'Unlock participant' };
  if (state === 'open elsewhere') item.command = { command: 'secureChat.takeOver', title: 'Take over' };
  return item;
}

function groupItem({ id, title, members, unread, stopped }: GroupView): TreeItem {
  const item = new TreeItem(title, TreeItemCollapsibleState.Collapsed);
  const invited = members.filter(({ presence }) => presence === 'invited').length;
  const counts = [
    `${members.length} members`,
    ...(invited > 0 ? [`${invited} invited`] : []),
    ...(unread > 0 ? [`${unread} unread`] : []),
  ];
  item.id = `group ${id}`;
  item.description = counts.join(', ');
  item.iconPath = new ThemeIcon(stopped ? 'warning' : 'comment-discussion');
  item.tooltip = stopped ?? `${title}: ${counts.join(', ')}`;
  item.command = { command: 'secureChat.chat.focus', title: 'Show chat' };
  item.contextValue = stopped
    ? 'group stopped'
    : `group ${members.some(({ me, admin }) => me && admin) ? 'admin' : 'member'}`;
  return item;
}

function memberItem(group: string, { name, fingerprint, presence, admin, me, trust }: MemberView): TreeItem {
  const item = new TreeItem(me ? `${name} (you)` : name);
  const words = [
    PRESENCE_WORDS[presence],
    ...(admin ? ['admin'] : []),
    ...(me ? [] : [TRUST_WORDS[trust]]),
  ].join(', ');
  item.id = `member ${group} ${fingerprint}`;
  item.description = words;
  item.iconPath = new ThemeIcon(PRESENCE_ICONS[presence]);
  item.tooltip = `${name}: ${words}`;
  if (!me) item.contextValue = `person ${trust} ${admin ? 'admin' : 'member'}`;
  return item;
}

/** Unread messages and invitations that wait. */
function badge(model: ChatModel): { value: number; tooltip: string } | undefined {
  const { groups, invitations } = model.state();
  const value = groups.reduce((sum, { unread }) => sum + unread, invitations.length);
  return value > 0 ? { value, tooltip: `${value} unread` } : undefined;
}
