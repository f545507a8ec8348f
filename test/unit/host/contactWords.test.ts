import { describe, expect, it } from 'vitest';
import {
  decideQuestion,
  importQuestion,
  revokeQuestion,
  stillMember,
} from '../../../src/host/contactWords.js';
import { ADA, BO, group } from '../../webview/fixtures.js';

describe('what is asked before a card counts', () => {
  it('says what importing it does', () => {
    const asked = (['new', 'again', 'changed', 'revoke'] as const).map((effect) =>
      importQuestion({ effect, name: 'Bo', fingerprint: 'abcdef0123' }, 'Ada'),
    );
    for (const { message } of asked) expect(message).toMatch(/“Bo”.*\?$/);
    expect(asked.map(({ action }) => action)).toEqual(['Import', 'Use again', 'Import', 'Revoke']);
    expect(asked[0]?.detail).toContain('Ada will know Bo by it.');
    expect(asked[0]?.detail).toContain('Anybody can make a card with this name');
    expect(asked[0]?.detail).toContain('begins with abcd ef01.');
    expect(asked[2]?.detail).toContain('Nothing is sent to the new one until you have decided');
    expect(asked[3]?.detail).toContain('can’t be undone');
  });

  it('says which keys stand against each other', () => {
    const changed = { ...BO, fingerprint: '0123456789', trust: 'changed' as const };
    const { message, detail, use, keep } = decideQuestion(changed, [
      { ...BO, fingerprint: 'abcdef0123', trust: 'verified' },
    ]);
    expect(message).toBe('Which key of “Bo” is right?');
    expect(detail).toContain('with the key abcd ef01 (verified). Now there is the key 0123 4567.');
    expect([use, keep]).toEqual(['Use the new key', 'Keep the old key']);
    expect(decideQuestion(changed, []).message).toContain('your own name');
  });

  it('tells revoking one’s own card from putting another one aside', () => {
    expect(revokeQuestion({ ...ADA, me: true }).action).toBe('Revoke my card');
    expect(revokeQuestion({ ...BO, me: false }).action).toBe('Put aside');
  });

  it('names the groups that somebody is still in', () => {
    const { fingerprint, name } = BO;
    expect(stillMember(name, fingerprint, [group()])).toMatch(/^ Bo is still a member of “.+”/);
    expect(stillMember(name, fingerprint, [])).toBe('');
    expect(stillMember('Zoë', 'ff', [group()])).toBe('');
  });
});
