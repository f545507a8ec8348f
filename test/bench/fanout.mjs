import { join } from 'node:path';
import { ROOT } from '../workbench/install.mjs';
import { must } from '../workbench/processes.mjs';

const READERS = 100;
/** Least ratios to the bare loop, by messages in flight; with the durable store the second. */
const TARGETS = { memory: { 1: 0.9, 16: 5 }, durable: { 16: 4 } };

/**
 * relayFanout.mjs, as a table's lines.
 *
 * @param {string} scratch
 * @returns {Promise<import('./figures.js').Figure[]>}
 */
export async function fanout(scratch) {
  return [
    ...(await lines('in memory', [], TARGETS.memory)),
    ...(await lines('durable', ['--data', join(scratch, 'relay')], TARGETS.durable)),
  ];
}

/**
 * @param {string} store
 * @param {string[]} options
 * @param {Record<number, number>} targets
 */
async function lines(store, options, targets) {
  const script = join(ROOT, 'test/bench/relayFanout.mjs');
  const output = await must('The fan-out of the relay', process.execPath, [
    script,
    String(READERS),
    ...options,
  ]);
  const line = /^(\d+) in flight, clock: ws (\S+ µs), relay (\S+ µs), ratio (\S+)$/gm;
  return [...output.matchAll(line)].map(([, inFlight, ws, relay, ratio]) => {
    const target = targets[Number(inFlight)];
    return {
      what: `relay ${store}, a delivery of 1 KiB to ${READERS} readers, ${inFlight} in flight`,
      result: relay ?? '',
      against: `\`ws\` loop ${ws}`,
      ratio: Number(ratio),
      ...(target && { target: `≥ ${target}×`, met: Number(ratio) >= target }),
    };
  });
}
