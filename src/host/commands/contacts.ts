import { env, window, type Uri, type UriHandler } from 'vscode';
import type { ChatClient } from '../../client/chatClient.js';
import { cardLink, MAX_CARD_TEXT } from '../../protocol/cardLink.js';
import { UserError } from '../../protocol/errors.js';
import type { PersonView } from '../../shared/view.js';
import {
  decideQuestion,
  importQuestion,
  revokeQuestion,
  stillMember,
  type Question,
} from '../contactWords.js';
import type { CurrentSession } from '../currentSession.js';
import { readChosenFile, saveChosenFile } from '../files.js';
import { fingerprintOf } from '../peopleTree.js';
import { askLine, askOne } from '../prompts.js';
import { askSafetyNumber } from '../safetyView.js';
import { offer } from '../say.js';
import { personChoices } from '../trust.js';

const EXTENSION = 'securechat';
const LINK_PATH = '/card';
const COMPARE = 'Compare safety number';

/** Contact cards: out, in, compared, revoked. Fingerprints are hex; without one the person is asked for. */
export class Contacts implements UriHandler {
  /** `extension` is the extension's id; `resumed` settles once a remembered participant is unlocked, or won't be. */
  constructor(
    private readonly session: CurrentSession,
    private readonly client: () => ChatClient,
    private readonly extension: string,
    private readonly resumed: Promise<unknown>,
    private readonly fail: (error: unknown) => void,
  ) {}

  readonly commands = {
    exportContactCard: () => this.export(),
    importContactCard: () => this.import(),
    verifySafetyNumber: (item: unknown) => this.verify(fingerprintOf(item)),
    revokeContact: (item: unknown) => this.revoke(fingerprintOf(item)),
  };

  /** "Secure Chat: Export contact card": mine, or its revocation. */
  async export(): Promise<void> {
    const client = this.client();
    const { kind, text } = client.directory.handOut();
    const { name } = client.view().me;
    const what = kind === 'card' ? 'contact card' : 'revocation';
    const how = await askOne(
      'Export contact card',
      kind === 'card'
        ? `${name}’s card holds the name and public keys: nothing secret`
        : `${name}’s card is revoked: this is the statement that says so`,
      [
        { label: '$(copy) Copy as text', value: 'text' as const },
        { label: '$(link) Copy as link', description: 'opens in VS Code', value: 'link' as const },
        { label: '$(save) Save to a file', value: 'file' as const },
      ],
    );
    if (!how) return;
    if (how === 'file') {
      const file = kind === 'card' ? name : `${name} (revoked)`;
      if (await saveChosenFile('Export contact card', file, EXTENSION, `${text}\n`))
        void window.showInformationMessage(`The ${what} of ${name} is saved. Give the file to other people.`);
      return;
    }
    const link = cardLink(`${env.uriScheme}://${this.extension}${LINK_PATH}`, text);
    await env.clipboard.writeText(how === 'link' ? link : text);
    void window.showInformationMessage(
      how === 'link'
        ? `The ${what} of ${name} is on the clipboard as a link. Where it doesn’t open (Windows opens no links of this length), it can be pasted into “Import contact card”.`
        : `The ${what} of ${name} is on the clipboard. Send it to other people; they paste it into “Import contact card”.`,
    );
  }

  /** "Secure Chat: Import contact card". */
  async import(): Promise<void> {
    const client = this.client();
    const title = 'Import contact card';
    const how = await askOne(title, 'Where is the card?', [
      { label: '$(clippy) Paste text or a link', value: 'paste' as const },
      { label: '$(folder-opened) Choose a file', value: 'file' as const },
    ]);
    if (!how) return;
    const text =
      how === 'file'
        ? await readChosenFile(title, { 'Contact card': [EXTENSION] }, MAX_CARD_TEXT)
        : await pasted(client, title);
    if (text !== undefined) await this.#import(client, text);
  }

  /** A link to a card was opened. Nothing is imported before a person has said so. */
  async handleUri({ path, query }: Uri): Promise<void> {
    try {
      if (path !== LINK_PATH)
        throw new UserError('unknown-link', 'This link is none that this version of Secure Chat knows.');
      await this.resumed;
      if (!this.session.client)
        throw new UserError(
          'locked',
          'Somebody gave you a contact card. Unlock a participant in this window, then open the link again.',
        );
      await this.#import(this.session.client, query);
    } catch (error) {
      this.fail(error);
    }
  }

  async #import(client: ChatClient, text: string): Promise<void> {
    const found = client.directory.look(text);
    if (!(await confirmed(importQuestion(found, client.view().me.name)))) return;
    const { effect, name, fingerprint } = await client.directory.import(text);
    if (effect === 'changed') return this.verify(fingerprint);
    if (effect === 'revoke')
      return void window.showWarningMessage(
        `The card of ${name} is revoked.${stillMember(name, fingerprint, client.view().groups)}`,
      );
    if (await offer(`You have the card of ${name} now. It is not verified yet.`, COMPARE))
      await this.verify(fingerprint);
  }

  /** "Secure Chat: Verify safety number"; for a changed key the decision which one is right comes first. */
  async verify(fingerprint?: string): Promise<void> {
    const client = this.client();
    const people = client.people().filter(({ trust }) => trust !== 'revoked');
    const person = await pickPerson('Verify safety number', 'With whom do you compare?', people, fingerprint);
    if (!person || (person.trust === 'changed' && !(await decided(client, person)))) return;
    const comparison = client.directory.compare(person.fingerprint);
    const match = await askSafetyNumber(client, this.session, comparison);
    if (match === undefined) return;
    await client.directory.compared(comparison, match);
    const { name } = person;
    if (match) return void window.showInformationMessage(`${name} is verified.`);
    const picked = await window.showWarningMessage(
      `${name} is not verified. Make sure that you compared each other’s numbers. If they differ, one of you has a card that somebody else made: put it aside, and get the real one in another way.`,
      'Put aside',
    );
    if (picked) await this.revoke(person.fingerprint);
  }

  /** "Secure Chat: Revoke contact": my own card by a signed statement, or somebody's on this machine. */
  async revoke(fingerprint?: string): Promise<void> {
    const client = this.client();
    const { me } = client.view();
    const people = [
      ...(client.directory.revoked ? [] : [me]),
      ...client.people().filter(({ trust }) => trust !== 'revoked'),
    ];
    const person = await pickPerson(
      'Revoke contact',
      'Whose card is not to be used any more?',
      people,
      fingerprint,
    );
    if (!person || !(await confirmed(revokeQuestion(person)))) return;
    await client.directory.revoke(person.fingerprint);
    if (person.me) return this.export();
    void window.showInformationMessage(
      `The card of ${person.name} is put aside.${stillMember(person.name, person.fingerprint, client.view().groups)}`,
    );
  }
}

/** One of these people, asked for unless the fingerprint says who. Throws UserError 'nobody' and 'unknown-person'. */
async function pickPerson(
  title: string,
  placeHolder: string,
  people: readonly PersonView[],
  fingerprint: string | undefined,
): Promise<PersonView | undefined> {
  if (people.length === 0)
    throw new UserError('nobody', 'There is nobody to pick. Import a contact card first.');
  if (fingerprint === undefined) return askOne(title, placeHolder, personChoices(people));
  const person = people.find((each) => each.fingerprint === fingerprint);
  if (!person)
    throw new UserError('unknown-person', 'This person’s card is revoked, or not among your contacts.');
  return person;
}

/** Asks which key is right; true if that is to be found out by comparing the safety number. */
async function decided(client: ChatClient, person: PersonView): Promise<boolean> {
  const { directory } = client;
  const { fingerprint, name } = person;
  const { message, detail, use, keep } = decideQuestion(person, directory.rivals(fingerprint));
  const picked = await window.showWarningMessage(message, { modal: true, detail }, COMPARE, use, keep);
  if (picked === use || picked === keep) {
    await directory.decide(fingerprint, picked === use);
    void window.showInformationMessage(
      picked === use
        ? `The new key of ${name} is used. It is not verified yet.`
        : `The new key of ${name} is put aside.`,
    );
  }
  return picked === COMPARE;
}

async function confirmed({ message, detail, action }: Question): Promise<boolean> {
  return (await window.showWarningMessage(message, { modal: true, detail }, action)) === action;
}

/** A pasted text that can be imported; what is on the clipboard is there already if it looks like one. */
async function pasted(client: ChatClient, title: string): Promise<string | undefined> {
  const copied = await env.clipboard.readText();
  const value =
    copied.length <= MAX_CARD_TEXT && copied.includes('secure-chat-') ? copied.replace(/\s/g, '') : '';
  const answer = await askLine({ title, prompt: 'The text or link of a contact card', value }, (text) => {
    try {
      client.directory.look(text);
      return undefined;
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
  });
  return answer?.value;
}
