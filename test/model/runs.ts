import fc from 'fast-check';
import { perform, type Command } from './commands.js';
import { APART, canMend, checkSafety, describe, mend, unfinished } from './oracle.js';
import { Malice } from './malice.js';
import { Broken, World } from './world.js';

export interface Plan {
  /** Members to begin with, and participants in all. */
  readonly size: number;
  readonly spare: number;
  readonly seed: number;
  readonly commands: readonly Command[];
  /** One of the members attacks. */
  readonly malice: boolean;
}

const STEP = 30_000;
/** Virtual time for everything to come right, ms. */
const PATIENCE = 4 * 60 * 60 * 1000;

/** One run: a group, whatever happens to it, then a relay that behaves. Throws with the run's log. */
export async function run(plan: Plan): Promise<void> {
  const world = new World(plan.seed);
  try {
    await world.found(plan.size, Math.min(6, plan.size + plan.spare));
    if (plan.malice) world.malice = new Malice(world, world.players[1]!);
    for (const command of plan.commands) await perform(world, command);
    await checkSafety(world);
    await comeRight(world);
    for (const player of world.players) world.send(player);
    await comeRight(world);
    await checkSafety(world);
  } catch (error) {
    const { message } = error as Error;
    const trace = error instanceof Broken ? '' : `\n${(error as Error).stack}`;
    throw new Error(`${message}${trace}\n${world.log.slice(-150).join('\n')}\n${describe(world)}`, {
      cause: error,
    });
  } finally {
    await world.end();
  }
}

/** The relay behaves, everyone is there, and after a while everything is as it should be. */
async function comeRight(world: World): Promise<void> {
  world.say(undefined, 'the end: relay behaves');
  world.relay.behave();
  for (const player of world.players) {
    player.calm();
    player.wake();
    await player.open();
  }
  let why: string | undefined;
  for (let passed = 0; passed < PATIENCE; passed += STEP) {
    await world.pass(STEP);
    why = await unfinished(world);
    if (why === undefined) return;
    if (passed === PATIENCE / 2 && (why === APART || world.malice)) mend(world);
  }
  // A member that has taken an admin's part, or left no admin but itself, can break a group for good.
  if (world.malice && (world.usurped || !canMend(world))) return;
  throw new Broken(`after four hours ${why}`);
}

const { MODEL_RUNS } = process.env;
/** The same runs each time, unless others are asked for: a number, or `random`. */
const { MODEL_SEED = '1' } = process.env;
const SEED = MODEL_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(MODEL_SEED);

/** Runs many, and says how to run the first that fails again. */
export const runMany = (
  commands: fc.Arbitrary<Command[]>,
  size: { min: number; max: number },
  spare: number,
  runs: number,
  malice = false,
) =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        size: fc.integer(size),
        spare: fc.nat(spare),
        seed: fc.noShrink(fc.nat(2 ** 31 - 1)),
        commands,
        malice: fc.constant(malice),
      }),
      run,
    ),
    {
      numRuns: MODEL_RUNS === undefined ? runs : Number(MODEL_RUNS),
      seed: SEED,
      ...(process.env['MODEL_PATH'] === undefined ? {} : { path: process.env['MODEL_PATH'] }),
      endOnFailure: process.env['MODEL_SHRINK'] === '0',
    },
  );
