import type { PersonView, Trust } from '../shared/view.js';

export const TRUST_WORDS: Readonly<Record<Trust, string>> = {
  verified: 'verified',
  unverified: 'not verified',
  changed: 'key changed',
  revoked: 'revoked',
};
export const TRUST_ICONS: Readonly<Record<Trust, string>> = {
  verified: 'verified',
  unverified: 'account',
  changed: 'warning',
  revoked: 'circle-slash',
};

export const byName = (a: PersonView, b: PersonView): number => a.name.localeCompare(b.name);

/** People as choices of a picker, by name; the start of the fingerprint tells those of one name apart. */
export const personChoices = (people: readonly PersonView[]) =>
  [...people].sort(byName).map((person) => ({
    label: person.name,
    description: `${TRUST_WORDS[person.trust]} · ${person.fingerprint.slice(0, 8)}`,
    value: person,
  }));
