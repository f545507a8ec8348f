import type { Delivery, GroupView, MemberView, Trust } from '../src/shared/view.js';
import type { IconName } from './iconPaths.js';

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayYearFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });

const UNKNOWN = 'unknown time';

/** The sender's clock decides `time`, so it may be no date at all. */
const format = (formatter: Intl.DateTimeFormat, time: number): string =>
  Number.isNaN(new Date(time).getTime()) ? UNKNOWN : formatter.format(time);

export const clock = (time: number): string => format(clockFormat, time);
export const fullDate = (time: number): string => format(fullFormat, time);

export const isSameDay = (a: number, b: number): boolean =>
  new Date(a).toDateString() === new Date(b).toDateString();

export function dayLabel(time: number, now: number): string {
  if (isSameDay(time, now)) return 'Today';
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(time, yesterday.getTime())) return 'Yesterday';
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return format(sameYear ? dayFormat : dayYearFormat, time);
}

/** "14:30" today, else with its day. */
export const moment = (time: number, now: number): string =>
  isSameDay(time, now) ? clock(time) : `${dayLabel(time, now)}, ${clock(time)}`;

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString()} ${n === 1 ? one : many}`;

export interface DeliveryText {
  readonly icon: IconName;
  readonly text: string;
  readonly title: string;
}

export function deliveryText(delivery: Delivery): DeliveryText {
  if (delivery.state === 'queued') {
    return { icon: 'clock', text: 'Queued', title: 'Kept on this device until the relay can be reached' };
  }
  if (delivery.state === 'relayed' || delivery.of === 0) {
    return { icon: 'check', text: 'Relayed', title: 'The relay has it; no member has confirmed it yet' };
  }
  if (delivery.by >= delivery.of) {
    return { icon: 'doubleCheck', text: 'Received by all', title: 'Every member’s device has confirmed it' };
  }
  const progress = `${delivery.by} of ${delivery.of}`;
  return {
    icon: 'check',
    text: `Received by ${progress}`,
    title: `The devices of ${progress} members have confirmed it`,
  };
}

export const TRUST: Readonly<Record<Trust, DeliveryText>> = {
  verified: {
    icon: 'shieldCheck',
    text: 'verified',
    title: 'Verified: safety number compared, or made on this machine',
  },
  unverified: {
    icon: 'shield',
    text: 'not verified',
    title: 'Not verified: compare safety numbers to be sure who this is',
  },
  changed: {
    icon: 'warning',
    text: 'key changed',
    title: 'Another key under a known name: compare safety numbers before you trust it',
  },
  revoked: {
    icon: 'warning',
    text: 'revoked',
    title: 'Revoked by its owner, or put aside by you: do not rely on this key',
  },
};

/** "3 members, 1 invited": those who were invited and have not come in yet are counted apart. */
export function memberSummary(members: readonly MemberView[]): string {
  const present = members.filter((member) => member.presence === 'present').length;
  const invited = members.filter((member) => member.presence === 'invited').length;
  return invited === 0
    ? count(present, 'member')
    : `${count(present, 'member')}, ${invited.toLocaleString()} invited`;
}

/** Names the gaps: "2 messages from Bo are missing. The others are asked for them." */
export function missingNote(missing: GroupView['missing']): string | undefined {
  if (missing.length === 0) return undefined;
  const of = missing.map(
    ({ name, count }) => `${count} ${count === 1 ? 'message' : 'messages'} from ${name}`,
  );
  const all = new Intl.ListFormat('en', { type: 'conjunction' }).format(of);
  const one = missing.length === 1 && missing[0]?.count === 1;
  return `${all} ${one ? 'is' : 'are'} missing. The other members are asked for ${one ? 'it' : 'them'}.`;
}
