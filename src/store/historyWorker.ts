import { parentPort, workerData } from 'node:worker_threads';
import { systemRandom } from '../crypto/random.js';
import { UserError } from '../protocol/errors.js';
import { nodeFiles } from './files.js';
import { inlineHistory, type Reply, type Request, type WorkerOptions } from './historyPort.js';

const options = workerData as WorkerOptions;
const starting = inlineHistory({ ...options, random: systemRandom, files: nodeFiles });

async function answer({ id, method, values }: Request): Promise<Reply> {
  try {
    const history: Record<typeof method, (...values: never[]) => unknown> = await starting;
    return { id, result: await history[method](...(values as never[])) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { id, error: { message, ...(code && { code }), forPeople: error instanceof UserError } };
  }
}

parentPort?.on('message', (request: Request) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
