import * as v from 'valibot';
import { MAX_DRAFT_LENGTH, MAX_TEXT_BYTES } from './limits.js';

/** What the chat page shows. Plain data: it crosses the webview boundary by structured clone. */

/**
 * unverified: known by a card only; verified: safety number compared, or made together here; changed: another key under
 * a known name, and nobody has said yet which is right; revoked: by its owner, or put aside here.
 */
export type Trust = 'unverified' | 'verified' | 'changed' | 'revoked';

export interface PersonView {
  readonly fingerprint: string;
  readonly name: string;
  readonly trust: Trust;
  readonly me: boolean;
}

/** invited: has not signed anything in this epoch yet; left: declined or asked to leave. */
export type Presence = 'invited' | 'present' | 'left';

export interface MemberView extends PersonView {
  readonly admin: boolean;
  readonly presence: Presence;
}

export interface GroupView {
  readonly id: string;
  readonly title: string;
  readonly members: readonly MemberView[];
  readonly unread: number;
  /** Messages that are known to exist and did not come, by sender. */
  readonly missing: readonly { readonly name: string; readonly count: number }[];
  /** Why nothing can be sent here, for people; absent when sending works. */
  readonly stopped?: string;
}

export interface InvitationView {
  readonly id: string;
  readonly from: PersonView;
  readonly title: string;
  readonly members: readonly PersonView[];
  /** ms since 1970, UTC. */
  readonly sent: number;
  readonly expires: number;
}

/** How far an own message got. `of` counts the members it is meant for, the sender left out. */
export type Delivery =
  | { readonly state: 'queued' }
  | { readonly state: 'relayed' }
  | { readonly state: 'received'; readonly by: number; readonly of: number };

export interface MessageView {
  /** Hex; unique per group and sender. */
  readonly id: string;
  readonly group: string;
  /** Position in this device's history of the group; pages are ordered by it. */
  readonly position: number;
  readonly kind: 'text' | 'notice';
  readonly sender: PersonView;
  /** The sender's clock, ms since 1970, UTC. */
  readonly time: number;
  readonly text: string;
  /** Own messages only. */
  readonly delivery?: Delivery;
}

export interface ConnectionView {
  readonly state: 'locked' | 'offline' | 'connecting' | 'online';
  /** One sentence for people. */
  readonly detail: string;
}

export interface ChatState {
  /** Participants whose key files are on this machine. */
  readonly participants: number;
  readonly me?: PersonView;
  readonly connection: ConnectionView;
  readonly groups: readonly GroupView[];
  readonly invitations: readonly InvitationView[];
  readonly selected?: string;
  /** A participant that was here and is open in another window now. */
  readonly elsewhere?: string;
  /** Names are hidden. */
  readonly discreet: boolean;
}

/** Host to webview. */
export type ToWebview =
  | { readonly type: 'state'; readonly state: ChatState }
  /** Replaces what is shown of `group` (`before` absent) or goes in front of it. `older`: there is more. */
  | {
      readonly type: 'page';
      readonly group: string;
      readonly messages: readonly MessageView[];
      readonly older: boolean;
      readonly before?: number;
      readonly draft?: string;
    }
  /** New messages, or known ones with a new delivery state, by id. */
  | { readonly type: 'messages'; readonly group: string; readonly messages: readonly MessageView[] }
  /** The text could not be queued: it goes back into the composer. */
  | { readonly type: 'sendFailed'; readonly group: string; readonly text: string; readonly error: string };

const id = v.pipe(v.string(), v.maxLength(128), v.regex(/^[0-9a-f]+$/));
const text = v.pipe(
  v.string(),
  v.maxLength(MAX_TEXT_BYTES),
  v.check((s) => new TextEncoder().encode(s).length <= MAX_TEXT_BYTES),
);
/** Longer than a message may be: what is typed or pasted is kept until it has been cut down. */
const draft = v.pipe(v.string(), v.maxLength(MAX_DRAFT_LENGTH));
const position = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Commands that a button on the page may start: everything else is out of its reach. */
export const PAGE_COMMANDS = [
  'createParticipants',
  'unlockParticipant',
  'startRelay',
  'inviteGroup',
  'takeOver',
  'connectionStatus',
  'openInEditor',
] as const;

/** Webview to host: the page is outside, so the host validates all of it. */
export const FromWebview = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('select'), group: id }),
  v.strictObject({ type: v.literal('send'), group: id, text }),
  v.strictObject({ type: v.literal('draft'), group: id, text: draft }),
  v.strictObject({ type: v.literal('older'), group: id, before: position }),
  /** Everything up to this position has been on the screen. */
  v.strictObject({ type: v.literal('read'), group: id, upTo: position }),
  v.strictObject({ type: v.literal('accept'), invitation: id }),
  v.strictObject({ type: v.literal('decline'), invitation: id }),
  v.strictObject({ type: v.literal('command'), command: v.picklist(PAGE_COMMANDS) }),
]);
export type FromWebview = v.InferOutput<typeof FromWebview>;
