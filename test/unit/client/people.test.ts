import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ChatClient } from '../../../src/client/chatClient.js';
import { wrapHere, type Effects } from '../../../src/client/effects.js';
import { prekeyRow } from '../../../src/client/prekeys.js';
import { toHex } from '../../../src/crypto/bytes.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { cardText } from '../../../src/protocol/cardText.js';
import { newIdentity } from '../../../src/protocol/identity.js';
import { makeRevocation } from '../../../src/protocol/revocation.js';
import type { Trust } from '../../../src/shared/view.js';
import { inlineHistory } from '../../../src/store/historyPort.js';
import { ParticipantStore } from '../../../src/store/participantStore.js';
import { NOW } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { newFolder, wasmPath } from '../../helpers/stores.js';

let ada: Person;
let bo: Person;
let cy: Person;
/** Another key under Bo's name. */
let other: Person['identity']['card'];
beforeAll(async () => {
  [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
  other = (await newIdentity('bo', systemRandom, NOW)).card;
});

const idOf = ({ identity }: Person) => toHex(identity.card.fingerprint);
const textOf = ({ identity }: Person) => cardText('card', identity.card.bytes);
const otherId = () => toHex(other.fingerprint);
const otherText = () => cardText('card', other.bytes);
const revocationOf = ({ identity }: Person, by = identity) =>
  cardText('revocation', makeRevocation(by.signKey, identity.card, NOW));

/** Ada's session without a relay; `reopen` closes it and opens it from its files. */
async function session(me = ada) {
  const dir = await newFolder();
  const wasm = new Uint8Array(await readFile(wasmPath));
  const effects: Effects = {
    clock: { now: () => NOW, after: () => () => undefined },
    random: systemRandom,
    dial: () => Promise.reject(new Error('no relay')),
    relayAddress: () => Promise.resolve(undefined),
    wrap: wrapHere(systemRandom),
    log: () => undefined,
  };
  const { storageKey } = me.identity;
  await ParticipantStore.create(dir, storageKey, systemRandom, [
    { put: 'prekey', row: { ...prekeyRow(me.prekey), created: NOW } },
  ]);
  const open = async () => {
    const store = await ParticipantStore.open({
      dir,
      storageKey,
      wasm,
      random: systemRandom,
      startHistory: inlineHistory,
    });
    const client = await ChatClient.open({
      identity: me.identity,
      store,
      effects,
      settings: { inviteLifetime: 1_000 },
    });
    onTestFinished(() => client.close());
    return client;
  };
  const client = await open();
  return {
    client,
    directory: client.directory,
    reopen: async () => {
      await client.close();
      return open();
    },
  };
}
const trusts = (client: ChatClient): Record<string, Trust> =>
  Object.fromEntries(client.people().map(({ fingerprint, trust }) => [fingerprint, trust]));
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('a contact card', () => {
  it('that is exported is imported by somebody else, and is there after a restart', async () => {
    const from = await session(bo);
    const { client, directory, reopen } = await session();
    const { kind, text } = from.directory.handOut();
    expect(kind).toBe('card');
    expect(directory.look(text)).toEqual({ effect: 'new', name: 'Bo', fingerprint: idOf(bo) });
    expect(client.people()).toEqual([]);
    let changes = 0;
    client.events.on('changed', () => changes++);
    await directory.import(text);
    expect(changes).toBe(1);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
    expect(trusts(await reopen())).toEqual({ [idOf(bo)]: 'unverified' });
  });

  it('that is damaged, one’s own or known already is refused', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    for (const [text, expected, sentence] of [
      ['hello', 'bad-card', 'not a whole contact card'],
      [cardText('card', bo.identity.card.bytes.subarray(1)), 'bad-card', /card is damaged.*Ask for it again/],
      [textOf(bo).slice(0, -40), 'bad-card', /damaged|not a whole contact card/],
      [textOf(bo).replace('-1.', '-2.'), 'bad-card', 'newer version'],
      [textOf(ada), 'own-card', 'your own contact card'],
      [textOf(bo), 'known-card', 'You have this card of Bo already'],
    ] as const) {
      expect(() => directory.look(text)).toThrow(sentence);
      await expect(directory.import(text)).rejects.toEqual(code(expected));
    }
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
  });

  it('under a known name, or under one’s own, is a changed key', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    expect(directory.look(otherText()).effect).toBe('changed');
    await directory.import(otherText());
    const namesake = (await newIdentity('ADA', systemRandom, NOW)).card;
    expect((await directory.import(cardText('card', namesake.bytes))).effect).toBe('changed');
    expect(trusts(client)).toEqual({
      [idOf(bo)]: 'unverified',
      [otherId()]: 'changed',
      [toHex(namesake.fingerprint)]: 'changed',
    });
    expect(directory.rivals(otherId()).map(({ fingerprint }) => fingerprint)).toEqual([idOf(bo)]);
    expect(directory.rivals(toHex(namesake.fingerprint))).toEqual([]);
  });
});

describe('a changed key', () => {
  it('gets nothing until a person decides', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    await directory.import(otherText());
    await expect(client.invite('Team', [otherId()])).rejects.toEqual(code('changed-key'));
    expect(() => directory.refuse(other.fingerprint)).toThrow(code('bad-card'));
    expect(client.view().groups).toEqual([]);
    await client.invite('Team', [idOf(bo)]);
    directory.refuse(bo.identity.card.fingerprint);
  });

  it('can be put aside: the old one stays', async () => {
    const { client, directory, reopen } = await session();
    await directory.import(textOf(bo));
    await directory.import(otherText());
    await directory.decide(otherId(), false);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified', [otherId()]: 'revoked' });
    await expect(client.invite('Team', [otherId()])).rejects.toEqual(code('revoked-card'));
    expect(trusts(await reopen())).toEqual({ [idOf(bo)]: 'unverified', [otherId()]: 'revoked' });
  });

  it('can be taken: the old one is not used any more', async () => {
    const { client, directory, reopen } = await session();
    await directory.import(textOf(bo));
    await directory.import(otherText());
    await directory.decide(otherId(), true);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'revoked', [otherId()]: 'unverified' });
    await expect(client.invite('Team', [idOf(bo)])).rejects.toEqual(code('revoked-card'));
    await client.invite('Team', [otherId()]);
    expect(trusts(await reopen())).toEqual({ [idOf(bo)]: 'revoked', [otherId()]: 'unverified' });
  });

  it('is decided about once: a second answer changes nothing', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    await directory.decide(idOf(bo), false);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
  });

  it('is verified by its safety number, beside another person of that name', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    await directory.import(otherText());
    await directory.compared(directory.compare(otherId()), true);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified', [otherId()]: 'verified' });
    await client.invite('Team', [idOf(bo), otherId()]);
  });
});

describe('a safety number', () => {
  it('is the same on both sides, and verifies when it matches', async () => {
    const adas = await session();
    const bos = await session(bo);
    await adas.directory.import(textOf(bo));
    await bos.directory.import(textOf(ada));
    const comparison = adas.directory.compare(idOf(bo));
    expect(comparison.number).toEqual(bos.directory.compare(idOf(ada)).number);
    await adas.directory.compared(comparison, true);
    expect(trusts(adas.client)).toEqual({ [idOf(bo)]: 'verified' });
    expect(adas.directory.holds(comparison)).toBe(true);
  });

  it('that does not match verifies nobody, and takes back what was verified', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    const comparison = directory.compare(idOf(bo));
    await directory.compared(comparison, false);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
    await directory.compared(comparison, true);
    await directory.compared(comparison, false);
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
  });

  it('verifies nothing if another key came up, or this one was revoked, while it was compared', async () => {
    for (const text of [otherText(), revocationOf(bo)]) {
      const { client, directory } = await session();
      await directory.import(textOf(bo));
      const comparison = directory.compare(idOf(bo));
      await directory.import(text);
      expect(directory.holds(comparison)).toBe(false);
      await expect(directory.compared(comparison, true)).rejects.toEqual(code('key-changed'));
      expect(Object.values(trusts(client))).not.toContain('verified');
    }
  });

  it('is not there for strangers', async () => {
    const { directory } = await session();
    expect(() => directory.compare(idOf(bo))).toThrow(code('unknown-person'));
  });
});

describe('a revocation', () => {
  it('by its owner is final: nothing is sent to the card, and it cannot come back', async () => {
    const { client, directory, reopen } = await session();
    await directory.import(textOf(bo));
    await directory.compared(directory.compare(idOf(bo)), true);
    expect(directory.look(revocationOf(bo)).effect).toBe('revoke');
    await directory.import(revocationOf(bo));
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'revoked' });
    await expect(client.invite('Team', [idOf(bo)])).rejects.toEqual(code('revoked-card'));
    expect(() => directory.refuse(bo.identity.card.fingerprint)).toThrow(code('bad-card'));
    expect(() => directory.compare(idOf(bo))).toThrow(code('revoked-card'));
    const again = (await reopen()).directory;
    for (const text of [textOf(bo), revocationOf(bo)])
      await expect(again.import(text)).rejects.toEqual(code('revoked-card'));
  });

  it('may come before the card', async () => {
    const { client, directory } = await session();
    await directory.import(revocationOf(bo));
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'revoked' });
    await expect(directory.import(textOf(bo))).rejects.toEqual(code('revoked-card'));
  });

  it('by somebody else is refused', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    await expect(directory.import(revocationOf(bo, cy.identity))).rejects.toEqual(code('bad-card'));
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
  });

  it('frees the name for the card that replaces it', async () => {
    const { directory } = await session();
    await directory.import(textOf(bo));
    await directory.import(revocationOf(bo));
    expect(directory.look(otherText()).effect).toBe('new');
  });

  it('of somebody’s card on this machine only is undone by importing the card again', async () => {
    const { client, directory } = await session();
    await directory.import(textOf(bo));
    await directory.revoke(idOf(bo));
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'revoked' });
    expect(directory.look(textOf(bo)).effect).toBe('again');
    await directory.import(textOf(bo));
    expect(trusts(client)).toEqual({ [idOf(bo)]: 'unverified' });
    await expect(directory.revoke(idOf(cy))).rejects.toEqual(code('unknown-person'));
  });

  it('of one’s own card is handed out instead of it, and ends new groups', async () => {
    const { directory, reopen } = await session();
    await directory.import(textOf(cy));
    await directory.revoke(idOf(ada));
    const { kind, text } = directory.handOut();
    expect(kind).toBe('revocation');
    await directory.revoke(idOf(ada));
    const client = await reopen();
    expect(client.directory.handOut().text).toBe(text);
    expect(client.directory.revoked).toBe(true);
    await expect(client.invite('Team', [idOf(cy)])).rejects.toEqual(code('revoked-self'));
    const bos = await session(bo);
    await bos.directory.import(textOf(ada));
    await bos.directory.import(text);
    expect(trusts(bos.client)).toEqual({ [idOf(ada)]: 'revoked' });
  });
});
