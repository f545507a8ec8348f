// The peer of the benchmark of groups: ts-mls (RFC 9420) with X-Wing. Prints figures of one group size as JSON.
import {
  createApplicationMessage,
  createCommit,
  createGroup,
  defaultCapabilities,
  defaultLifetime,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  processPrivateMessage,
  acceptAll,
} from 'ts-mls';

const [size, warmUp, messages] = process.argv.slice(2).map(Number);
const impl = await getCiphersuiteImpl(getCiphersuiteFromName('MLS_256_XWING_AES256GCM_SHA512_Ed25519'));
const text = new TextEncoder().encode('x'.repeat(1024));
const bytesOf = (message) => encodeMlsMessage({ version: 'mls10', ...message }).length;

async function timed(work) {
  const from = performance.now();
  const result = await work();
  return [performance.now() - from, result];
}
/** Small groups are timed several times, as ours are: the median, and the last result. */
async function repeated(n, work) {
  const times = [];
  let result;
  for (let i = 0; i < (n <= 100 ? 5 : 1); i++) {
    const [took, last] = await timed(work);
    times.push(took);
    result = last;
  }
  return [median(times), result];
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const member = (name) =>
  generateKeyPackage(
    { credentialType: 'basic', identity: new TextEncoder().encode(name) },
    defaultCapabilities(),
    defaultLifetime,
    [],
    impl,
  );

async function measure(n) {
  const people = await Promise.all(Array.from({ length: n }, (_, i) => member(`member ${i}`)));
  const [ada, ...others] = people;
  const adds = others.map(({ publicPackage }) => ({
    proposalType: 'add',
    add: { keyPackage: publicPackage },
  }));
  const commit = (state, extraProposals = []) =>
    createCommit({ state, cipherSuite: impl }, { extraProposals, ratchetTreeExtension: true });
  const [make, made] = await repeated(n, async () =>
    commit(await createGroup(new Uint8Array(16), ada.publicPackage, ada.privatePackage, [], impl), adds),
  );
  const join = (person) =>
    joinGroup(made.welcome, person.publicPackage, person.privatePackage, emptyPskIndex, impl);
  const [joining, bo] = await repeated(n, () => join(people[1]));
  const remove = { proposalType: 'remove', remove: { removed: n - 1 } };
  const [removing, removed] = await repeated(n, () => commit(made.newState, [remove]));
  const [renewing, renewed] = await repeated(n, () => commit(made.newState));
  const encrypt = [];
  const decrypt = [];
  let [sender, receiver] = [made.newState, bo];
  let messageBytes = 0;
  for (let i = 0; i < warmUp + messages; i++) {
    const [sending, sent] = await timed(() => createApplicationMessage(sender, text, impl));
    sender = sent.newState;
    encrypt.push(sending);
    messageBytes = bytesOf({ wireformat: 'mls_private_message', privateMessage: sent.privateMessage });
    const [receiving, received] = await timed(() =>
      processPrivateMessage(receiver, sent.privateMessage, emptyPskIndex, impl),
    );
    receiver = received.newState;
    decrypt.push(receiving);
  }
  return {
    make,
    join: joining,
    remove: removing,
    renew: renewing,
    filled: n === 32 ? await filledRemoval(people, made) : undefined,
    encrypt: median(encrypt.slice(warmUp)),
    decrypt: median(decrypt.slice(warmUp)),
    bytes: {
      make: bytesOf(made.commit) + bytesOf({ wireformat: 'mls_welcome', welcome: made.welcome }),
      remove: bytesOf(removed.commit),
      renew: bytesOf(renewed.commit),
      message: messageBytes,
    },
  };
}

/** Removal by the first member once every other one has committed: the tree has no blank nodes left to fill. */
async function filledRemoval(people, made) {
  let ada = made.newState;
  const commits = [];
  const apply = async (state, message) =>
    (await processPrivateMessage(state, message.privateMessage, emptyPskIndex, impl, acceptAll)).newState;
  for (const person of people.slice(1)) {
    let state = await joinGroup(
      made.welcome,
      person.publicPackage,
      person.privatePackage,
      emptyPskIndex,
      impl,
    );
    for (const before of commits) state = await apply(state, before);
    const next = await createCommit({ state, cipherSuite: impl });
    commits.push(next.commit);
    ada = await apply(ada, next.commit);
  }
  const remove = { proposalType: 'remove', remove: { removed: people.length - 1 } };
  return (
    await timed(() => createCommit({ state: ada, cipherSuite: impl }, { extraProposals: [remove] }))
  )[0];
}

await measure(4);
console.log(JSON.stringify(await measure(size)));
