import { describe, expect, it } from 'vitest';
import { Discreet } from '../../../src/host/discreet.js';
import { ADA, BO, CY, group, invitation, message, state } from '../../webview/fixtures.js';

describe('discreet mode', () => {
  it('lets no name, title or notice through', () => {
    const discreet = new Discreet();
    const shown = [
      discreet.state(state({ groups: [group()], invitations: [invitation()], elsewhere: 'Ada' })),
      discreet.message(message(0, { sender: BO, text: 'hello' })),
      discreet.message(message(1, { sender: CY, kind: 'notice', text: 'Cy joined.' })),
    ];
    expect(JSON.stringify(shown)).not.toMatch(/Ada|Bo|Cy|Dee|Incident|Release/);
    expect(JSON.stringify(shown)).toContain('hello');
  });

  it('numbers people and groups, each always the same', () => {
    const discreet = new Discreet();
    const first = discreet.state(state());
    expect(first.groups[0]?.title).toBe('Group 1');
    expect(first.groups[0]?.members.map(({ name }) => name)).toEqual([
      'Me',
      'Member 1',
      'Member 2',
      'Member 3',
    ]);
    expect(discreet.state(state())).toEqual(first);
    expect(discreet.person(CY).name).toBe('Member 2');
    expect(discreet.message(message(0, { sender: ADA })).sender.name).toBe('Me');
    expect(discreet.title('another')).toBe('Group 2');
  });
});
