import { EpochState } from '../../src/client/epochState.js';
import { epochRows, foundGroup } from '../../src/client/found.js';
import { equal } from '../../src/crypto/bytes.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { parseMessage } from '../../src/protocol/message.js';
import { systemRandom } from '../../src/crypto/random.js';
import { placeOf } from '../../src/protocol/roster.js';
import { epochSecrets } from '../../src/protocol/schedule.js';
import type { Tables } from '../../src/store/schema.js';
import { makePeople } from '../helpers/people.js';
import { atOnce } from '../helpers/atOnce.js';

const [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
const cards = [ada, bo, cy].map(({ identity }) => identity.card);

/** The keys that Ada signs with, and that the others check it by. */
export const { signKey } = ada.identity;
export const publicKey = ada.identity.card.signKey;

export interface Ends {
  readonly sender: EpochState;
  readonly receivers: readonly EpochState[];
  readonly chat: Tables['chat'];
}

/** A fresh group of three: the side of Ada, who sends, and Bo's, as often as wanted. */
export function newEpoch(receivers = 1): Ends {
  const others = cards.slice(1);
  const { commit, roster, joiner } = foundGroup(ada.identity, 'Bench', others, systemRandom, Date.now());
  const secrets = atOnce(epochSecrets(joiner, commit.hash, roster.length));
  const side = (fingerprint: Uint8Array) => {
    const rows = epochRows(commit, roster, placeOf(roster, fingerprint), secrets, Date.now());
    const members = rows.members.map((row) => ({
      row,
      card: cards.find((card) => equal(card.fingerprint, row.fingerprint))!,
      accepted: new Map(),
      skipped: new Map(),
      frontier: new Map(),
    }));
    return { chat: rows.chat, epoch: new EpochState(rows.epoch, members) };
  };
  const receiving = Array.from({ length: receivers }, () => side(bo.identity.card.fingerprint));
  return {
    sender: side(ada.identity.card.fingerprint).epoch,
    receivers: receiving.map(({ epoch }) => epoch),
    chat: receiving[0]!.chat,
  };
}

/** A text of 1 KiB. */
export const text = 'x'.repeat(1024);
export const payload = () =>
  ({
    kind: 'text',
    id: systemRandom(16),
    time: Date.now(),
    content: new TextEncoder().encode(text),
  }) as const;

/** An envelope from the channel, as far as the changes for its record. */
export function receiveOne(epoch: EpochState, envelope: Uint8Array) {
  const { data } = openEnvelope(epoch.row.seal_key, envelope);
  return epoch.receive(parseMessage(data), data);
}
