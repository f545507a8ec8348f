import type {
  ChatState,
  GroupView,
  InvitationView,
  MemberView,
  MessageView,
  PersonView,
  ToWebview,
  Trust,
} from '../../src/shared/view.js';

/** Sunday, 2 March 2025, 14:00 in Berlin. */
export const NOON = Date.UTC(2025, 2, 2, 13);
export const GROUP = 'a1';
export const OTHER_GROUP = 'b2';

export const person = (name: string, trust: Trust = 'verified', me = false): PersonView => ({
  fingerprint: Buffer.from(name).toString('hex'),
  name,
  trust,
  me,
});

export const ADA = person('Ada', 'verified', true);
export const BO = person('Bo');
export const CY = person('Cy', 'unverified');
export const DEE = person('Dee', 'changed');

export const member = (who: PersonView, more: Partial<MemberView> = {}): MemberView => ({
  ...who,
  admin: false,
  presence: 'present',
  ...more,
});

export const group = (more: Partial<GroupView> = {}): GroupView => ({
  id: GROUP,
  title: 'Incident 42',
  members: [member(ADA, { admin: true }), member(BO), member(CY), member(DEE, { presence: 'invited' })],
  unread: 0,
  missing: [],
  ...more,
});

export const invitation = (more: Partial<InvitationView> = {}): InvitationView => ({
  id: 'c3',
  from: BO,
  title: 'Release night',
  members: [BO, CY, ADA],
  sent: NOON,
  expires: Date.now() + 86_400_000,
  ...more,
});

export const state = (more: Partial<ChatState> = {}): ChatState => ({
  participants: 3,
  me: ADA,
  connection: { state: 'online', detail: 'Relay at ws://127.0.0.1:8443.' },
  groups: [group()],
  invitations: [],
  selected: GROUP,
  discreet: false,
  ...more,
});

export const message = (position: number, more: Partial<MessageView> = {}): MessageView => {
  const sender = more.sender ?? BO;
  return {
    id: position.toString(16).padStart(4, '0'),
    group: GROUP,
    position,
    kind: 'text',
    sender,
    time: NOON + position * 20_000,
    text: `message ${position}`,
    ...(sender.me ? { delivery: { state: 'received', by: 2, of: 2 } as const } : {}),
    ...more,
  };
};

/** Positions [from, to), by turns of a few messages each. */
export const messages = (from: number, to: number, more: Partial<MessageView> = {}): MessageView[] =>
  Array.from({ length: to - from }, (_, i) => {
    const position = from + i;
    const sender = [BO, BO, CY, ADA][Math.floor(position / 3) % 4] ?? BO;
    return message(position, { sender, ...more });
  });

type Page = Extract<ToWebview, { type: 'page' }>;

export const stateMessage = (more: Partial<ChatState> = {}): ToWebview => ({
  type: 'state',
  state: state(more),
});

export const page = (list: readonly MessageView[], more: Partial<Page> = {}): ToWebview => ({
  type: 'page',
  group: GROUP,
  messages: list,
  older: false,
  ...more,
});

export const added = (...list: readonly MessageView[]): ToWebview => ({
  type: 'messages',
  group: GROUP,
  messages: list,
});
