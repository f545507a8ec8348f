import { window } from 'vscode';
import { UserError } from '../../protocol/errors.js';
import type { GroupView, MemberView } from '../../shared/view.js';
import type { ChatModel } from '../chatModel.js';
import { fingerprintOf, groupOf } from '../peopleTree.js';
import { askMany, askOne } from '../prompts.js';
import { personChoices } from '../trust.js';

/**
 * What people do with a group: from the palette with the group on the page (or asked for), from the tree with the one
 * that was clicked. Everything is wanted from here on, and done as soon as the relay is there; the chat says when.
 */
export function groupCommands(model: ChatModel): Record<string, (item?: unknown) => Promise<unknown>> {
  const groups = () => model.client().groups;
  return {
    addMembers: async (item) => {
      const group = await pickGroup(model, 'Add members', item);
      if (!group) return;
      const inside = new Set(group.members.map(({ fingerprint }) => fingerprint));
      const people = model
        .client()
        .people()
        .filter(
          ({ fingerprint, trust }) => !inside.has(fingerprint) && trust !== 'changed' && trust !== 'revoked',
        );
      if (people.length === 0)
        throw new UserError(
          'nobody-known',
          'Everyone you know is in this group already. Import a contact card to know more people.',
        );
      const picked = await askMany(
        'Add members',
        'Who joins? They read nothing from before.',
        personChoices(people),
      );
      if (picked)
        await groups().add(
          group.id,
          picked.map(({ fingerprint }) => fingerprint),
        );
    },
    removeMember: async (item) => {
      const found = await pickMember(model, 'Remove member', item, () => true);
      if (
        !found ||
        !(await sure(
          `Remove ${found.member.name} from “${found.group.title}”?`,
          'What is written after that can’t be read with the keys of before.',
          'Remove',
        ))
      )
        return;
      await groups().remove(found.group.id, found.member.fingerprint);
    },
    changeRole: async (item) => {
      const found = await pickMember(model, 'Change role', item, () => true);
      if (!found) return;
      const { group, member } = found;
      const roles = (['admin', 'member'] as const).map((role) => ({
        label: role === 'admin' ? 'Admin' : 'Member',
        description: (role === 'admin') === member.admin ? 'as now' : '',
        detail: role === 'admin' ? 'adds and removes members, changes roles' : 'writes, and renews the key',
        value: role,
      }));
      const role = await askOne('Change role', `What is ${member.name} in “${group.title}”?`, roles);
      if (role && (role === 'admin') !== member.admin)
        await groups().setRole(group.id, member.fingerprint, role);
    },
    renewGroupKey: async (item) => {
      const group = await pickGroup(model, 'Renew group key', item);
      if (!group) return;
      const choices = [
        {
          label: 'Renew the key',
          detail: 'Whoever stole the old one reads nothing that is written from now on.',
          value: 'renew',
        },
        {
          label: 'Start again for everyone',
          detail:
            'For a group whose members were shown different orders of changes, or got keys that don’t work.',
          value: 'reset',
        },
      ] as const;
      const what = isAdmin(group) ? await askOne('Renew group key', group.title, choices) : 'renew';
      if (what === 'renew') await groups().renew(group.id);
      if (what === 'reset') await groups().reset(group.id);
    },
    leaveGroup: async (item) => {
      const group = await pickGroup(model, 'Leave group', item);
      if (
        !group ||
        !(await sure(`Leave “${group.title}”?`, 'You can still read what was written until then.', 'Leave'))
      )
        return;
      const others = group.members.filter(({ me }) => !me);
      const lastAdmin = !others.some(({ admin }) => admin) && others.length > 0 && isAdmin(group);
      const successor =
        lastAdmin &&
        (await askOne('Leave group', 'You are the only admin. Who is admin next?', personChoices(others)));
      if (lastAdmin && !successor) return;
      await groups().leave(group.id, successor ? successor.fingerprint : undefined);
    },
  };
}

const isAdmin = (group: GroupView): boolean => group.members.some(({ me, admin }) => me && admin);

async function sure(question: string, detail: string, action: string): Promise<boolean> {
  return (await window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}

/** The clicked group, the only one, or the one that is picked. Throws UserError if there is none. */
async function pickGroup(model: ChatModel, title: string, item: unknown): Promise<GroupView | undefined> {
  const groups = model.client().view().groups;
  const wanted = groupOf(item);
  const clicked = groups.find(({ id }) => id === wanted);
  if (clicked ?? groups.length === 1) return clicked ?? groups[0];
  if (groups.length === 0) throw new UserError('no-group', 'You are in no group yet. Invite one first.');
  const { selected } = model.state();
  const first = [...groups].sort((a, b) => Number(b.id === selected) - Number(a.id === selected));
  return askOne(
    title,
    'Which group?',
    first.map((group) => ({
      label: group.title,
      description: group.id === selected ? 'on the page' : '',
      value: group,
    })),
  );
}

async function pickMember(
  model: ChatModel,
  title: string,
  item: unknown,
  which: (member: MemberView) => boolean,
): Promise<{ group: GroupView; member: MemberView } | undefined> {
  const group = await pickGroup(model, title, item);
  if (!group) return undefined;
  const others = group.members.filter((member) => !member.me && which(member));
  const fingerprint = fingerprintOf(item);
  const clicked = others.find((member) => member.fingerprint === fingerprint);
  if (clicked) return { group, member: clicked };
  if (others.length === 0) throw new UserError('nobody', 'There is nobody in this group for that.');
  const person = await askOne(title, 'Who?', personChoices(others));
  const member = others.find((each) => each === person);
  return member && { group, member };
}
