import * as v from 'valibot';
import { MAX_INVITE_LIFETIME } from '../shared/limits.js';

/** Settings under `secureChat.`, each within bounds; a value outside them counts as the default. */
const SETTINGS = {
  relayUrl: v.fallback(
    v.pipe(v.string(), v.trim(), v.maxLength(300), v.regex(/^(wss?:\/\/[^\s/]+\/?)?$/)),
    '',
  ),
  relayPort: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)), 8787),
  rememberPassword: v.fallback(v.picklist(['ask', 'always', 'never']), 'ask'),
  inviteLifetime: v.fallback(
    v.pipe(v.number(), v.minValue(10), v.maxValue(MAX_INVITE_LIFETIME / 1000)),
    7 * 24 * 3600,
  ),
  notifications: v.fallback(v.picklist(['all', 'invitations', 'none']), 'invitations'),
  discreetMode: v.fallback(v.boolean(), false),
} as const;

export type SettingName = keyof typeof SETTINGS;

export type SettingValue<N extends SettingName> = v.InferOutput<(typeof SETTINGS)[N]>;

export const settingValue = <N extends SettingName>(name: N, value: unknown): SettingValue<N> =>
  v.parse(SETTINGS[name], value);
