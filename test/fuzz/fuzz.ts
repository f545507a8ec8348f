import { mkdirSync, writeFileSync } from 'node:fs';
import type { Decoder } from './decoders.js';
import { mutated, rng } from './mutate.js';

/** No input takes longer, ms, however often it is tried: the machine may have had something else to do. */
const PATIENCE = 500;
const TRIES = 4;
const RESULTS = 'test/results/fuzz';

export interface Figures {
  readonly inputs: number;
  readonly seconds: number;
  /** Inputs that were read without a refusal. */
  readonly accepted: number;
  /** Of the input that took longest at its best: ms, bytes, decoder. */
  readonly slowest: { readonly ms: number; readonly bytes: number; readonly name: string };
  /** Bytes of the heap and of buffers beside it, at most. */
  readonly memory: number;
  /** Each kept as a file in test/results/fuzz. */
  readonly failures: readonly string[];
}

/** Gives each decoder its turns of `count` changed samples. `progress` is called now and then. */
export async function fuzz(
  decoders: readonly Decoder[],
  seed: number,
  count: number,
  progress: (figures: Figures) => void = () => undefined,
): Promise<Figures> {
  const random = rng(seed);
  const started = performance.now();
  const failures = new Set<string>();
  let [accepted, memory] = [0, 0];
  let slowest = { ms: 0, bytes: 0, name: '' };

  const fail = (name: string, data: Uint8Array, what: string): void => {
    const said = `${name}: ${what}`;
    if (failures.has(said) || failures.size >= 20) return;
    failures.add(said);
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(`${RESULTS}/${failures.size} ${name.replace(/[^a-z ]/gi, '')}`, data);
  };

  const attempt = async (decoder: Decoder, data: Uint8Array): Promise<number> => {
    const before = performance.now();
    try {
      const result = decoder.decode(data);
      if (result instanceof Promise) await result;
      accepted++;
    } catch (error) {
      if (!decoder.refusals.some((refusal) => error instanceof refusal))
        fail(decoder.name, data, String((error as Error).stack ?? error));
    }
    return performance.now() - before;
  };

  const figures = (inputs: number): Figures => ({
    inputs,
    seconds: (performance.now() - started) / 1000,
    accepted,
    slowest,
    memory,
    failures: [...failures],
  });

  for (let i = 0; i < count; i++) {
    const decoder = decoders[i % decoders.length]!;
    if (decoder.rarely && random(decoder.rarely) > 0) continue;
    const sample = decoder.samples[random(decoder.samples.length)]!;
    const { samples } = decoders[random(decoders.length)]!;
    const data = mutated(random, sample, samples[random(samples.length)]!);
    let ms = await attempt(decoder, data);
    for (let tries = 1; tries < TRIES && ms > slowest.ms; tries++)
      ms = Math.min(ms, await attempt(decoder, data));
    if (ms > slowest.ms) slowest = { ms, bytes: data.length, name: decoder.name };
    if (ms > PATIENCE) fail(decoder.name, data, `took ${Math.round(ms)} ms`);
    if (i % 1000 === 0) {
      const { heapUsed, external } = process.memoryUsage();
      memory = Math.max(memory, heapUsed + external);
    }
    if (i % 100_000 === 0 && i > 0) progress(figures(i));
  }
  return figures(count);
}
