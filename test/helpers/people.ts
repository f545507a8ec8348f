import { systemRandom } from '../../src/crypto/random.js';
import { parsePrivateKey } from '../../src/crypto/rsa.js';
import {
  newIdentity,
  type Identity,
  type IdentitySecrets,
  type OwnPrekey,
} from '../../src/protocol/identity.js';

export interface Person {
  readonly identity: Identity;
  readonly prekey: OwnPrekey;
  readonly secrets: IdentitySecrets;
}

const people = new Map<string, Promise<Person>>();

async function makePerson(name: string): Promise<Person> {
  const { card, prekey, secrets } = await newIdentity(name, systemRandom, Date.now());
  const identity = {
    card,
    signKey: parsePrivateKey(secrets.signKey),
    transportKey: parsePrivateKey(secrets.transportKey),
    storageKey: secrets.storageKey,
  };
  return { identity, prekey, secrets };
}

/** Unlocked participants. RSA keys are slow to make, so one name is one person for the whole process. */
export function makePeople<const N extends readonly string[]>(names: N): Promise<{ [K in keyof N]: Person }> {
  const wanted = names.map((name) => {
    const person = people.get(name) ?? makePerson(name);
    people.set(name, person);
    return person;
  });
  return Promise.all(wanted) as Promise<{ [K in keyof N]: Person }>;
}
