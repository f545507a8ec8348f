import { parentPort } from 'node:worker_threads';
import { systemRandom } from '../crypto/random.js';
import { wrap, type WrapJob } from '../protocol/invitation.js';

parentPort?.on('message', (jobs: readonly WrapJob[]) => {
  parentPort?.postMessage(jobs.map((job) => wrap(job, systemRandom)));
});
