import fc from 'fast-check';
import { CRIMES, type Crime } from './malice.js';
import type { Mischief } from './relayModel.js';
import type { World } from './world.js';

/** One thing that happens to the world, with nothing in it that a run changes. */
export type Command = (
  | {
      readonly do:
        | 'send'
        | 'renew'
        | 'leave'
        | 'rename'
        | 'reopen'
        | 'pause'
        | 'wake'
        | 'roll back'
        | 'copy'
        | 'cut off';
      readonly who: number;
    }
  | { readonly do: 'add' | 'remove' | 'promote' | 'demote'; readonly who: number; readonly whom: number }
  | { readonly do: 'crash'; readonly who: number; readonly after: number }
  | { readonly do: 'misbehave'; readonly how: Mischief }
  | { readonly do: 'behave' | 'forget' | 'restart' | 'disconnect' | 'trim' }
  | { readonly do: 'go'; readonly up: boolean }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'crime'; readonly crime: Crime }
) & { readonly then: number };

export async function perform(world: World, command: Command): Promise<void> {
  const { players, relay, chance } = world;
  const player = 'who' in command ? players[command.who % players.length]! : players[0]!;
  const other = 'whom' in command ? players[command.whom % players.length]! : player;
  const { client } = player;
  const { group } = world;
  switch (command.do) {
    case 'send':
      world.send(player);
      break;
    case 'renew':
      world.ask(player, 'renew', () => client!.groups.renew(group));
      break;
    case 'rename':
      world.ask(player, 'rename', () => client!.groups.rename(group, `Team ${chance.upTo(1000)}`));
      break;
    case 'leave':
      world.ask(player, 'leave', () => {
        const next = world.members(player).find((fingerprint) => fingerprint !== player.fingerprint);
        return client!.groups.leave(group, next);
      });
      break;
    case 'add':
      world.ask(player, `add ${other.name}`, () => client!.groups.add(group, [other.fingerprint]));
      break;
    case 'remove':
      world.ask(player, `remove ${other.name}`, () => client!.groups.remove(group, other.fingerprint));
      break;
    case 'promote':
    case 'demote': {
      const role = command.do === 'promote' ? 'admin' : 'member';
      world.ask(player, `${role} ${other.name}`, () =>
        client!.groups.setRole(group, other.fingerprint, role),
      );
      break;
    }
    case 'crash':
      player.failAfter(command.after);
      break;
    case 'reopen':
      await player.open();
      break;
    case 'pause':
      player.pause();
      break;
    case 'wake':
      player.wake();
      break;
    case 'copy':
      player.keepCopy();
      break;
    case 'roll back':
      player.rollBack();
      for (const sent of world.sent.values()) if (sent.by === player) sent.lost = true;
      await player.open();
      break;
    case 'cut off':
      relay.cutOff.add(player.fingerprint);
      break;
    case 'misbehave':
      world.say(undefined, `relay: ${JSON.stringify(command.how)}`);
      relay.turn(command.how);
      break;
    case 'behave':
      world.say(undefined, 'relay behaves');
      relay.behave();
      break;
    case 'forget':
    case 'restart':
      world.say(undefined, `relay: ${command.do}`);
      relay.restart(command.do === 'forget');
      break;
    case 'disconnect':
      relay.disconnect();
      break;
    case 'trim':
      world.say(undefined, 'relay trims');
      relay.trim(chance.share());
      break;
    case 'go':
      relay.up = command.up;
      if (!command.up) relay.disconnect();
      break;
    case 'wait':
      await world.pass(command.seconds * 1000);
      break;
    case 'crime':
      world.malice?.commit(command.crime);
      break;
  }
  await world.pass(command.then);
  world.note();
}

const who = fc.nat(5);
const chanceOf = (max: number) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.constantFrom(max / 4, max / 2, max));

const misbehave = fc.record({
  do: fc.constant('misbehave' as const),
  how: fc.record({
    drop: chanceOf(0.6),
    delay: chanceOf(0.8),
    duplicate: chanceOf(0.8),
    flip: chanceOf(0.4),
    replay: chanceOf(0.6),
    lose: chanceOf(0.4),
    silent: chanceOf(0.4),
    lie: fc.boolean(),
  }),
});

const with_ = <T extends object>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary: fc
    .tuple(arbitrary, fc.oneof(fc.constant(0), fc.nat(200), fc.nat(4_000)))
    .map(([command, then]) => ({ ...command, then })),
});
const by = <const D extends string>(...names: D[]) => fc.record({ do: fc.constantFrom(...names), who });

export const messages = [
  with_(10, by('send')),
  with_(
    2,
    fc.record({ do: fc.constant('crash' as const), who, after: fc.oneof(fc.constant(0), fc.nat(30)) }),
  ),
  with_(3, by('reopen')),
  with_(1, by('pause')),
  with_(2, by('wake')),
  with_(1, by('cut off')),
  with_(3, misbehave),
  with_(2, fc.record({ do: fc.constantFrom('behave' as const, 'restart' as const, 'disconnect' as const) })),
  with_(1, fc.record({ do: fc.constantFrom('forget' as const, 'trim' as const) })),
  with_(1, fc.record({ do: fc.constant('go' as const), up: fc.boolean() })),
  with_(2, fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(5, 30, 90) })),
];

export const changes = [
  with_(4, by('renew')),
  with_(1, by('leave')),
  with_(2, by('rename')),
  with_(
    5,
    fc.record({
      do: fc.constantFrom('add' as const, 'remove' as const, 'promote' as const, 'demote' as const),
      who,
      whom: who,
    }),
  ),
];

export const crimes = [
  with_(15, fc.record({ do: fc.constant('crime' as const), crime: fc.constantFrom(...CRIMES) })),
];

export const disks = [with_(2, by('copy')), with_(3, by('roll back'))];

export const commandsOf = (
  kinds: readonly { weight: number; arbitrary: fc.Arbitrary<unknown> }[],
): fc.Arbitrary<Command[]> =>
  fc.array(fc.oneof(...kinds) as fc.Arbitrary<Command>, { minLength: 1, maxLength: 25, size: 'max' });
