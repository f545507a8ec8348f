import type { ChatState, MessageView, PersonView } from '../shared/view.js';

/** Discreet mode: everyone but me is "Member n", groups are "Group n", in a stable order. */
export class Discreet {
  readonly #numbers = new Map<string, number>();

  person<P extends PersonView>(person: P): P {
    if (person.me) return { ...person, name: 'Me' };
    return { ...person, name: `Member ${this.#number(person.fingerprint)}` };
  }

  message(message: MessageView): MessageView {
    return {
      ...message,
      sender: this.person(message.sender),
      text: message.kind === 'notice' ? 'A change in the group.' : message.text,
    };
  }

  title(group: string): string {
    return `Group ${this.#number(`group ${group}`)}`;
  }

  state(state: ChatState): ChatState {
    return {
      ...state,
      ...(state.me ? { me: this.person(state.me) } : {}),
      ...(state.elsewhere ? { elsewhere: 'A participant' } : {}),
      groups: state.groups.map((group) => ({
        ...group,
        title: this.title(group.id),
        members: group.members.map((member) => this.person(member)),
      })),
      invitations: state.invitations.map((invitation) => ({
        ...invitation,
        title: this.title(invitation.id),
        from: this.person(invitation.from),
        members: invitation.members.map((member) => this.person(member)),
      })),
    };
  }

  #number(id: string): number {
    const known =
      this.#numbers.get(id) ??
      [...this.#numbers.keys()].filter((k) => k.startsWith('group ') === id.startsWith('group ')).length + 1;
    this.#numbers.set(id, known);
    return known;
  }
}
