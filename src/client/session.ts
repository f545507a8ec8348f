import type { EventEmitter } from 'node:events';
import type { Identity } from '../protocol/identity.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Change } from '../store/schema.js';
import type { MessageView } from '../shared/view.js';
import type { Chat } from './chat.js';
import type { ChannelAccess, Connection } from './connection.js';
import type { Contacts } from './contacts.js';
import type { Effects } from './effects.js';
import type { Inviting } from './inviting.js';
import type { Outbox } from './outbox.js';
import type { Prekeys } from './prekeys.js';

/** Chosen by people; read at each use, so a change holds at once. */
export interface ClientSettings {
  /** Age at which an invitation expires, ms; at most MAX_INVITE_LIFETIME. */
  readonly inviteLifetime: number;
}

export interface ClientEvents {
  /** Something of view() changed. */
  changed: [];
  /** New messages of a group, or known ones whose delivery state changed. */
  messages: [group: string, messages: MessageView[]];
  /** An invitation waits for an answer: its id, who invites, the group's title. */
  invited: [id: string, from: string, title: string];
  /** Something people should know once. */
  notice: [text: string];
  /** The session ended by itself: another window took over, or the disk failed. Nothing more is accepted or sent. */
  ended: [reason: 'replaced' | 'failed', text: string];
}

/** What the parts of one participant's session share. */
export interface Session {
  readonly identity: Identity;
  readonly effects: Effects;
  readonly settings: ClientSettings;
  readonly store: ParticipantStore;
  readonly connection: Connection;
  readonly contacts: Contacts;
  readonly outbox: Outbox;
  readonly prekeys: Prekeys;
  readonly events: EventEmitter<ClientEvents>;
  readonly inviting: Inviting;
  chat(id: Uint8Array): Chat | undefined;
  /** Reads a channel on from where it was left, now or at the next login. */
  subscribe(access: ChannelAccess): void;
  /** Looks again at tokens whose senders were not known. */
  retryHeld(): Promise<void>;
  /** Makes one record of what one event changes; effects on the world come after it. Ends the session on failure. */
  record(changes: Change[]): Promise<void>;
}
