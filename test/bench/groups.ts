import { execFile } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EpochState } from '../../src/client/epochState.js';
import { epochRows } from '../../src/client/found.js';
import { inTurns, turn } from '../../src/client/turns.js';
import { loadMembers } from '../../src/client/loadEpoch.js';
import { systemRandom } from '../../src/crypto/random.js';
import { wrapInThreads } from '../../src/host/tokenThreads.js';
import { openCard, type Card } from '../../src/protocol/card.js';
import { sealEnvelope } from '../../src/protocol/channel.js';
import {
  applyChanges,
  checkCommit,
  makeCommit,
  NO_PARENT,
  type CommitBody,
} from '../../src/protocol/commit.js';
import { inboxKey, type Identity } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import {
  openToken,
  parseToken,
  sealToken,
  signTokens,
  verifyToken,
  wrapJob,
  type TokenDraft,
} from '../../src/protocol/invitation.js';
import { placeOf, rosterHash, type Roster } from '../../src/protocol/roster.js';
import { epochSecrets, joinerHash, joinerSecret } from '../../src/protocol/schedule.js';
import { openWelcome, sealWelcome, WelcomeCollector } from '../../src/protocol/welcome.js';
import { benchPeople, HOST, type BenchPerson } from './benchPeople.js';
import { receiveOne } from './epochs.js';
import { atMost, median, now, report, time, timed, type Figure } from './figures.js';
import { atOnce } from '../helpers/atOnce.js';

const PEER = join(HOST, 'mls');
const run = promisify(execFile);
const SIZES = (process.env['BENCH_GROUPS'] ?? '10,32,100,1000').split(',').map(Number);
const wrap = wrapInThreads(join(process.cwd(), 'dist/tokenWorker.js'));
const NO_WELCOME = new Uint8Array(32);

/** Messages timed, after WARM_UP others; the peer does as many. */
const MESSAGES = 200;
const WARM_UP = 20;

/** Lets the others have a turn, as often as the client does. */
const pause = async (i: number): Promise<void> => {
  if (i % 16 === 15) await turn();
};

/** A commit with everything it publishes, as src/client/{committing,inviting}.ts make it. */
async function commitTo(
  me: Identity,
  base: { init: Uint8Array | undefined; parent: Uint8Array; epoch: number; roster: Roster },
  changes: CommitBody['changes'],
  cards: ReadonlyMap<string, Card>,
) {
  const roster = applyChanges(base.roster, changes);
  const secret = systemRandom(32);
  const joiner = joinerSecret(base.init, secret);
  const commit = makeCommit(me.signKey, {
    group: new Uint8Array(16),
    epoch: base.epoch,
    parent: base.parent,
    title: 'Bench',
    changes,
    rosterHash: rosterHash(roster),
    committer: me.card.fingerprint,
    reason: base.epoch === 1 ? 'create' : 'change',
    joinerHash: joinerHash(joiner),
    cut: base.roster.map(() => 0),
    time: 1,
  });
  const cardOf = (fingerprint: Uint8Array) => cards.get(Buffer.from(fingerprint).toString('hex'))!;
  const others = roster.map(({ fingerprint }) => cardOf(fingerprint)).filter((card) => card !== me.card);
  const joins = (card: Card) => placeOf(base.roster, card.fingerprint) === -1;
  const welcome = others.some(joins)
    ? sealWelcome(
        joiner,
        commit,
        roster,
        roster.map(({ fingerprint }) => cardOf(fingerprint)),
        systemRandom(16),
      )
    : undefined;
  const jobs: { draft: TokenDraft; job: ReturnType<typeof wrapJob> }[] = [];
  for (const [i, to] of others.entries()) {
    const type = joins(to) ? 'join' : 'rekey';
    const draft = {
      type,
      to,
      prekey: to.prekey,
      secret: type === 'join' ? joiner : secret,
      welcomeHash: welcome?.hash ?? NO_WELCOME,
    } as const;
    jobs.push({ draft, job: wrapJob(me, draft, systemRandom) });
    await pause(i);
  }
  const wrapped = await wrap(jobs.map(({ job }) => job));
  const content = { time: 1, group: commit.group, epoch: commit.epoch, commitHash: commit.hash };
  const unsigned: ReturnType<typeof sealToken>[] = [];
  for (const [i, { draft, job }] of jobs.entries()) {
    unsigned.push(sealToken(me, content, draft, job, wrapped[i], systemRandom));
    await pause(i);
  }
  const tokens = signTokens(me, unsigned);
  const items: Uint8Array[] = [];
  for (const [i, card] of others.entries()) {
    const item = joins(card)
      ? ({ type: 'join', token: tokens[i]!, card: me.card.bytes } as const)
      : ({ type: 'rekey', token: tokens[i]! } as const);
    items.push(sealInboxItem(inboxKey(card), item, systemRandom(16)));
    await pause(i);
  }
  const envelope = sealEnvelope(systemRandom(32), 'commit', commit.bytes, systemRandom(16));
  const bytes = [...items, ...(welcome?.chunks ?? []), envelope].reduce((sum, { length }) => sum + length, 0);
  /** Somebody who joins by it, if anybody does. */
  const guest = others.findLastIndex(joins);
  return { commit, roster, joiner, secret, welcome, items, others, guest, bytes };
}

async function measure(n: number) {
  const all = await benchPeople(n);
  const cards = new Map(
    all.map(({ identity: { card } }) => [Buffer.from(card.fingerprint).toString('hex'), card]),
  );
  const me = all[0]!.identity;
  const add = ({ identity: { card } }: BenchPerson, i: number) =>
    ({
      type: 'add',
      fingerprint: card.fingerprint,
      role: i === 0 ? 'admin' : 'member',
      cardHash: card.hash,
    }) as const;
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  /** In commits of at most 255 additions, as the client does it. */
  const make = async () => {
    let made = await commitTo(
      me,
      { init: undefined, parent: NO_PARENT, epoch: 1, roster: [] },
      all.slice(0, 255).map(add),
      cards,
    );
    let { bytes } = made;
    for (let from = 255; from < n; from += 255) {
      const { init } = atOnce(epochSecrets(made.joiner, made.commit.hash, made.roster.length));
      const base = { init, parent: made.commit.hash, epoch: made.commit.epoch + 1, roster: made.roster };
      made = await commitTo(
        me,
        base,
        all.slice(from, from + 255).map((person) => add(person, 1)),
        cards,
      );
      bytes += made.bytes;
    }
    return { ...made, bytes };
  };
  /** Small groups are timed several times, as the peer's are: the median, and the last result. */
  const clock = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
    const times: number[] = [];
    for (;;) {
      const from = now();
      const result = await work();
      times.push(now() - from);
      if (n > 100 || times.length === 5) return [median(times), result];
    }
  };
  const [making, made] = await clock(make);
  const { init } = atOnce(epochSecrets(made.joiner, made.commit.hash, n));
  const base = { init, parent: made.commit.hash, epoch: made.commit.epoch + 1, roster: made.roster };
  const last = made.others.at(-1)!;
  const [removing, removed] = await clock(() =>
    commitTo(me, base, [{ type: 'remove', fingerprint: last.fingerprint, leave: new Uint8Array(0) }], cards),
  );
  const [renewing, renewed] = await clock(() => commitTo(me, base, [], cards));

  const { guest } = made;
  const bo = all.find(({ identity }) => identity.card === made.others[guest])!;
  const [joining] = await clock(async () => {
    const item = openInboxItem(inboxKey(bo.identity.card), made.items[guest]!);
    if (item.type !== 'join') throw new Error('no join token');
    const token = verifyToken(
      parseToken(item.token, 'join', bo.identity.card.fingerprint),
      openCard(item.card),
    );
    const joiner = openToken(token, bo.identity, bo.prekey.seed);
    const collector = new WelcomeCollector();
    const box = made.welcome!.chunks.map((chunk) => collector.add(chunk, token.welcomeHash)).at(-1)!;
    const { commit, roster } = await inTurns(openWelcome(box, joiner, token, bo.identity.card));
    atOnce(epochSecrets(joiner, commit.hash, roster.length));
  });
  delay.disable();
  const ordered = made.roster.map(({ fingerprint }) => cards.get(Buffer.from(fingerprint).toString('hex'))!);
  const secrets = atOnce(epochSecrets(made.joiner, made.commit.hash, n));
  const side = (fingerprint: Uint8Array) => {
    const rows = epochRows(made.commit, made.roster, placeOf(made.roster, fingerprint), secrets, 1);
    return new EpochState(rows.epoch, loadMembers(rows.members, ordered));
  };
  const [sender, receiver] = [side(me.card.fingerprint), side(bo.identity.card.fingerprint)];
  const following = timed(() => {
    checkCommit(renewed.commit, receiver);
    const item = openInboxItem(inboxKey(bo.identity.card), renewed.items[guest]!);
    if (item.type !== 'rekey') throw new Error('no rekey token');
    const token = verifyToken(parseToken(item.token, 'rekey', bo.identity.card.fingerprint), me.card);
    const joiner = joinerSecret(receiver.row.init, openToken(token, bo.identity, bo.prekey.seed));
    atOnce(epochSecrets(joiner, renewed.commit.hash, renewed.roster.length));
  });
  const encrypt: number[] = [];
  const decrypt: number[] = [];
  let message = 0;
  for (let i = 0; i < WARM_UP + MESSAGES; i++) {
    const payload = {
      kind: 'text',
      id: systemRandom(16),
      time: 1,
      content: new Uint8Array(1024).fill(120),
    } as const;
    let envelope = new Uint8Array(0) as Uint8Array;
    encrypt.push(timed(() => ({ envelope } = sender.send(me.signKey, payload, systemRandom))));
    decrypt.push(timed(() => receiveOne(receiver, envelope)));
    message = envelope.length;
  }
  return {
    make: making,
    join: joining,
    remove: removing,
    renew: renewing,
    following,
    blocked: delay.max / 1e6,
    encrypt: median(encrypt.slice(WARM_UP)),
    decrypt: median(decrypt.slice(WARM_UP)),
    bytes: { make: made.bytes, remove: removed.bytes, renew: renewed.bytes, message },
  };
}

type Measured = Awaited<ReturnType<typeof measure>>;
type Peer = Record<'make' | 'join' | 'remove' | 'renew' | 'encrypt' | 'decrypt', number> & {
  readonly filled?: number;
  readonly bytes: Record<'make' | 'remove' | 'renew' | 'message', number>;
};

async function installPeer(): Promise<void> {
  const source = join(process.cwd(), 'test/bench/mls');
  await mkdir(PEER, { recursive: true });
  for (const file of ['package.json', 'peer.mjs'])
    await writeFile(join(PEER, file), await readFile(join(source, file)));
  await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: PEER });
}

async function peer(n: number): Promise<Peer> {
  const messages = [WARM_UP, MESSAGES].map(String);
  const { stdout } = await run(process.execPath, ['peer.mjs', String(n), ...messages], { cwd: PEER });
  return JSON.parse(stdout) as Peer;
}

const TARGETS = { make: 0.6, remove: 0.6, renew: 0.6, join: 0.25, encrypt: 1, decrypt: 0.25 } as const;
const WHAT = {
  make: 'make a group and bring all in',
  remove: 'remove one',
  renew: 'renew the key',
  join: 'join',
  encrypt: 'encrypt 1 KiB',
  decrypt: 'decrypt 1 KiB',
} as const;
/** Of several rounds, in turns with the peer's: the median of each time, and the longest block. */
function middle<T extends object>(rounds: readonly T[]): T {
  const [last] = rounds.slice(-1) as [T];
  const figures = Object.keys(last).filter((key) => typeof last[key as keyof T] === 'number');
  const of = (key: string) => rounds.map((round) => round[key as keyof T] as number);
  const joined = figures.map((key) => [key, key === 'blocked' ? Math.max(...of(key)) : median(of(key))]);
  return { ...last, ...(Object.fromEntries(joined) as Partial<T>) };
}
const kilo = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;

await measure(8);
await installPeer();
for (const n of SIZES) {
  const rounds: [Measured, Peer][] = [];
  for (let i = 0; i < (n > 100 ? 1 : 5); i++) {
    const theirs = await peer(n);
    rounds.push([await measure(n), theirs]);
  }
  const [ours, theirs] = [0, 1].map((side) => middle(rounds.map((round) => round[side]!))) as [
    Measured,
    Peer,
  ];
  const lines = (Object.keys(TARGETS) as (keyof typeof TARGETS)[]).map((key): Figure => {
    const ratio = ours[key] / theirs[key];
    return {
      what: `${n} members: ${WHAT[key]}`,
      result: time(ours[key]),
      against: `ts-mls ${time(theirs[key])}`,
      ratio,
      ...atMost(ratio, TARGETS[key]),
    };
  });
  for (const key of ['make', 'remove', 'renew', 'message'] as const)
    lines.push({
      what: `${n} members: bytes to ${key === 'message' ? 'send 1 KiB' : WHAT[key]}`,
      result: kilo(ours.bytes[key]),
      against: `ts-mls ${kilo(theirs.bytes[key])}`,
      ratio: ours.bytes[key] / theirs.bytes[key],
    });
  if (theirs.filled)
    lines.push({
      what: `${n} members: remove one, all of whom have committed`,
      result: time(ours.remove),
      against: `ts-mls, filled tree ${time(theirs.filled)}`,
      ratio: ours.remove / theirs.filled,
    });
  lines.push(
    { what: `${n} members: follow a commit`, result: time(ours.following) },
    {
      what: `${n} members: longest the event loop was blocked`,
      result: time(ours.blocked),
      ...atMost(ours.blocked, 50, ' ms'),
    },
  );
  report(...lines);
}
