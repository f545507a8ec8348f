import { latency } from './latency.js';
import { atMost, median, report, time } from './figures.js';
import { found, openMembers, type Members } from './members.js';

const ROUNDS = 9;
/** What the program that this one started from took, ms. */
const ORIGINAL = 2700;

async function invitation(members: Members): Promise<void> {
  await found(members);
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await found(members));
  const took = median(rounds.map((round) => round.took));
  report({
    what: 'invite() of two others who accept at once, until all three see all present',
    result: `${time(took)} (at the inviter ${time(median(rounds.map(({ inviter }) => inviter)))})`,
    against: `original ${time(ORIGINAL)}`,
    ratio: took / ORIGINAL,
    ...atMost(took / ORIGINAL, 1),
  });
}

const members = await openMembers();
try {
  await invitation(members);
  await latency(members);
} finally {
  await members.close();
}
