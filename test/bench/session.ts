import { invitation } from './invitation.js';
import { latency } from './latency.js';
import { openMembers } from './members.js';

const members = await openMembers();
try {
  await invitation(members);
  await latency(members);
} finally {
  await members.close();
}
