import { toHex } from '../../src/crypto/bytes.js';
import { parseCommit } from '../../src/protocol/commit.js';
import type { HistoryEntry, Tables } from '../../src/store/schema.js';
import type { Player } from './player.js';
import type { Sent, World } from './world.js';

type Histories = ReadonlyMap<Player, readonly HistoryEntry[]>;

async function histories(world: World): Promise<Map<Player, HistoryEntry[]>> {
  const all = new Map<Player, HistoryEntry[]>();
  for (const player of world.players)
    if (world.chat(player))
      all.set(
        player,
        (await player.history(world.group)).filter(({ kind }) => kind === 'text'),
      );
  return all;
}

/** What holds at every instant, whatever the relay does. */
export async function checkSafety(world: World): Promise<void> {
  world.note();
  const all = await histories(world);
  for (const [player, entries] of all) {
    const texts = new Set<string>();
    for (const entry of entries) {
      world.check(!texts.has(entry.text), `${player.name} has “${entry.text}” twice`);
      texts.add(entry.text);
      checkEntry(world, player, entry);
    }
  }
  checkKept(world, all);
  checkNumbers(world, all);
  await checkReceipts(world, all);
}

/** A text was sent by whom it is shown under, and its reader was meant to read it. */
function checkEntry(world: World, reader: Player, entry: HistoryEntry): void {
  const sent = world.sent.get(entry.text);
  const sender = toHex(entry.sender);
  world.check(sent !== undefined, `${reader.name} is shown “${entry.text}”, which nobody sent`);
  world.check(sent.by.fingerprint === sender, `${reader.name} is shown “${entry.text}” under a wrong name`);
  if (reader === sent.by) return;
  const row = reader.store!.all('epoch', { chat: entry.chat, epoch: entry.epoch })[0];
  const roster = row && world.rosters.get(toHex(parseCommit(row.commit).hash));
  if (roster)
    world.check(
      roster.has(sender) && roster.has(reader.fingerprint),
      `${reader.name} reads “${entry.text}” of an epoch it was not in`,
    );
}

/** What was accepted from a person is there, and nothing that was shown has gone. */
function checkKept(world: World, all: Histories): void {
  for (const sent of world.sent.values()) {
    if (world.wicked(sent.by)) continue;
    const own = all.get(sent.by);
    if (!sent.accepted || sent.lost || !own) continue;
    world.check(
      own.some(({ text }) => text === sent.text),
      `${sent.by.name} has forgotten its “${sent.text}”`,
    );
  }
  for (const [player, entries] of all) {
    if (player.rolledBack || world.wicked(player)) continue;
    const texts = new Set(entries.map(({ text }) => text));
    for (const text of world.shownTo(player))
      world.check(texts.has(text), `${player.name} was shown “${text}”, and it is gone`);
  }
}

/** One number, one text, for everyone; and in one epoch numbers rise in the order of sending. */
function checkNumbers(world: World, all: Histories): void {
  const numbered = new Map<string, string>();
  for (const [player, entries] of all)
    for (const { epoch, sqn, sender, text, chat } of entries) {
      const row = player.store!.all('epoch', { chat, epoch })[0];
      if (!row || world.sent.get(text)?.lost) continue;
      const commit = toHex(parseCommit(row.commit).hash);
      const key = `${commit} ${toHex(sender)} ${sqn}`;
      const known = numbered.get(key) ?? text;
      world.check(known === text, `“${known}” and “${text}” have one number`);
      numbered.set(key, text);
    }
  for (const [player, entries] of all) {
    const last = new Map<string, { sqn: number; order: number }>();
    const sorted = [...entries].sort((a, b) => a.epoch - b.epoch || a.sqn - b.sqn);
    for (const { epoch, sqn, sender, text } of sorted) {
      const key = `${epoch} ${toHex(sender)}`;
      const { order } = world.sent.get(text)!;
      const before = last.get(key);
      const { by } = world.sent.get(text)!;
      world.check(
        !before || before.order < order || player.rolledBack || by.rolledBack || world.wicked(by),
        `${player.name}: “${text}” is out of order`,
      );
      last.set(key, { sqn, order });
    }
  }
}

/** Nobody is told that more members have a message than do: what is withheld shows. */
async function checkReceipts(world: World, all: Histories): Promise<void> {
  for (const player of world.players) {
    if (!player.client || !world.chat(player)) continue;
    const { messages } = await player.client.page(world.group);
    for (const { text, delivery } of messages) {
      const sent = world.sent.get(text);
      if (delivery?.state !== 'received' || !sent || sent.lost) continue;
      const holders = [...world.players].filter((other) => other !== player && has(world, all, other, sent));
      world.check(
        delivery.by <= holders.length,
        `${player.name} believes ${delivery.by} have “${text}”, and ${holders.length} do`,
      );
    }
  }
}

/** Who is closed or was rolled back may have it. */
const has = (world: World, all: Histories, player: Player, sent: Sent): boolean =>
  player.rolledBack ||
  world.wicked(player) ||
  !player.store ||
  (all.get(player)?.some(({ text }) => text === sent.text) ?? world.shownTo(player).has(sent.text));

const state = (world: World, player: Player): string => {
  const chat = world.chat(player);
  const epoch = world.epoch(player);
  if (!chat || !epoch) return `${player.name}: no group`;
  const intents = player.store!.all('intent', { chat: chat.id }).map(({ kind }) => kind);
  const missing = player.client?.view().groups.find(({ id }) => id === world.group)?.missing ?? [];
  const rows = process.env['MODEL_ROWS']
    ? JSON.stringify(
        player
          .store!.all('member', { chat: chat.id })
          .map((m) => [
            m.epoch,
            m.place,
            toHex(m.fingerprint).slice(0, 4),
            m.presence,
            m.next_sqn,
            m.complete_sqn,
            m.chain.length,
          ]),
      ) +
      JSON.stringify(
        player.store!.all('epoch').map((e) => [e.epoch, Buffer.from(e.cut).toString('hex'), e.closed > 0]),
      ) +
      JSON.stringify(player.store!.all('frontier').map((f) => [f.epoch, f.by_place, f.of_place, f.sqn]))
    : '';
  return `${player.name} ${player.fingerprint.slice(0, 4)} ${rows}: ${chat.state} ${chat.lost} epoch ${chat.epoch} ${toHex(parseCommit(epoch.commit).hash).slice(0, 6)} ${JSON.stringify(intents)} missing ${JSON.stringify(missing)}`;
};

export const describe = (world: World): string =>
  world.players
    .map((player) => {
      try {
        return state(world, player);
      } catch (error) {
        return `${player.name}: ${(error as Error).message}`;
      }
    })
    .join('\n');

/** Who was in the epoch of a text of one's own, and has not left the group since. */
function meantFor(sender: Player, own: readonly HistoryEntry[], text: string): string[] {
  const entry = own.find((each) => each.text === text);
  const members = entry ? sender.store!.all('member', { chat: entry.chat, epoch: entry.epoch }) : [];
  return members
    .filter(({ presence }) => presence !== 'left')
    .map(({ fingerprint }) => toHex(fingerprint))
    .filter((fingerprint) => fingerprint !== sender.fingerprint);
}

const follows = (world: World, player: Player): boolean => {
  const { state = 'left' } = world.chat(player) ?? {};
  return state === 'active' || state === 'leaving';
};

const activeIn = (world: World): Player[] =>
  world.players.filter(
    (player) =>
      !world.outside.has(player) &&
      !world.wicked(player) &&
      follows(world, player) &&
      !isCutOff(world, player),
  );

/** Knows that it lost the way, and was removed further on: nobody who is there can tell it. */
const isCutOff = (world: World, player: Player): boolean =>
  world.chat(player)!.lost !== '' &&
  world.players.every(
    (other) =>
      !follows(world, other) ||
      world.chat(other)!.lost !== '' ||
      !world.members(other).includes(player.fingerprint),
  );

export const APART = 'they are in different epochs';
const FORK = 'follows another change of this group';

/** Who left in one branch of a group is not known to have left in another. */
const forked = ({ players }: World): boolean =>
  players.some(({ notices }) => notices.some((text) => text.includes(FORK)));

const isAdmin = (world: World, { client }: Player): boolean =>
  client
    ?.view()
    .groups.some(({ id, members }) => id === world.group && members.some(({ me, admin }) => me && admin)) ??
  false;

/** Whether somebody could mend the group who is an admin and means well. */
export const canMend = (world: World): boolean => activeIn(world).some((player) => isAdmin(world, player));

/**
 * What people do about a fork that one of them was told of, or a member who breaks the group again and again: an admin
 * starts again, with those that are members there.
 */
export function mend(world: World): void {
  const active = activeIn(world);
  const isTold = ({ notices }: Player) => notices.some((text) => text.includes(FORK));
  if (!world.malice && !active.some(isTold)) return;
  const admins = active.filter((player) => world.chat(player)!.state === 'active' && isAdmin(world, player));
  const admin = admins.find(isTold) ?? admins[0];
  if (!admin) return;
  const inside = world.members(admin);
  for (const player of active)
    if (!inside.includes(player.fingerprint)) {
      world.check(isTold(player), `${player.name} was not told of a fork`);
      world.outside.add(player);
    }
  world.ask(admin, 'reset', () => admin.client!.groups.reset(world.group));
}

/** Whether one has accepted something of an epoch that both were in, which the other has not, and which counts to both. */
function holdsMore(world: World, one: Player, other: Player, chat: Uint8Array): boolean {
  const epochs = ({ store }: Player) =>
    store!.all('epoch', { chat }).map((row) => ({ row, hash: toHex(parseCommit(row.commit).hash) }));
  const accepted = ({ store }: Player, epoch: number) => store!.all('accepted', { chat, epoch });
  const last = ({ cut }: Tables['epoch'], place: number) =>
    cut.length > 0 ? Buffer.from(cut).readUInt16BE(2 * place) : Infinity;
  return epochs(other).some(({ row, hash }) => {
    const { epoch } = row;
    const same = epochs(one).find((each) => each.hash === hash);
    if (!same) return false;
    const known = new Set(accepted(other, epoch).map(({ place, sqn }) => `${place} ${sqn}`));
    const counts = (place: number, sqn: number) => [row, same.row].every((each) => sqn <= last(each, place));
    const members = other.store!.all('member', { chat, epoch });
    // Who signs two messages under one number has each member keep the one that came first.
    const honest = (place: number) => toHex(members[place]!.fingerprint) !== world.malice?.me.fingerprint;
    return accepted(one, epoch).some(
      ({ place, sqn }) => !known.has(`${place} ${sqn}`) && counts(place, sqn) && honest(place),
    );
  });
}

/** Somebody used a number twice, after an older copy of its disk was put back, and this one was told so. */
const doubled = (by: Player, reader: Player): boolean =>
  by.rolledBack &&
  reader.notices.some(
    (text) => text.includes(`${by.name} signed two`) || text.includes(`another message of ${by.name}`),
  );

/** Whether all who are in the group are at one place, and everyone has everything. Why not, or nothing. */
export async function unfinished(world: World): Promise<string | undefined> {
  const active = activeIn(world);
  // Nobody has the group any more, and everyone knows.
  if (active.every((player) => world.chat(player)!.lost !== '')) return undefined;
  const commits = new Set(active.map((player) => toHex(parseCommit(world.epoch(player)!.commit).hash)));
  if (commits.size > 1) return APART;
  const inside = new Set(active.map(({ fingerprint }) => fingerprint));
  for (const player of active) {
    const chat = world.chat(player)!;
    if (chat.lost !== '') return `${player.name} is lost: ${chat.lost}`;
    if (chat.state === 'leaving') return `${player.name} is still leaving`;
    if (player.store!.all('intent', { chat: chat.id }).length > 0)
      return `${player.name} still wants something`;
    const view = player.client!.view().groups.find(({ id }) => id === world.group)!;
    if (view.missing.length > 0) {
      const holder = active.find((other) => holdsMore(world, other, player, chat.id));
      if (holder) return `${player.name} misses messages that ${holder.name} has`;
    }
    for (const { fingerprint, name, presence } of view.members)
      if (
        !inside.has(fingerprint) &&
        fingerprint !== world.malice?.me.fingerprint &&
        presence === 'present' &&
        !player.rolledBack &&
        !forked(world)
      )
        return `${player.name} takes ${name} for present`;
    if (!view.members.some(({ fingerprint }) => fingerprint === player.fingerprint))
      return `${player.name} is not in its own group`;
  }
  const all = await histories(world);
  for (const sent of world.sent.values()) {
    if (!sent.accepted || sent.lost || !active.includes(sent.by)) continue;
    for (const reader of active) {
      if (!sent.roster.has(reader.fingerprint) || reader.rolledBack || doubled(sent.by, reader)) continue;
      if (!meantFor(sent.by, all.get(sent.by)!, sent.text).includes(reader.fingerprint)) continue;
      if (!all.get(reader)!.some(({ text }) => text === sent.text))
        return `${reader.name} does not have “${sent.text}”`;
    }
  }
  for (const player of active) {
    const { messages } = await player.client!.page(world.group);
    for (const { text, delivery } of messages) {
      if (!delivery || world.sent.get(text)?.lost) continue;
      if (active.some((reader) => doubled(player, reader))) continue;
      const due = meantFor(player, all.get(player)!, text).filter((who) => inside.has(who)).length;
      const by = delivery.state === 'received' ? delivery.by : 0;
      if (by < due) return `${player.name} does not know that all have “${text}”: ${by} of ${due}`;
    }
  }
  return undefined;
}
