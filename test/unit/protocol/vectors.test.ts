import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, label, toHex, utf8 } from '../../../src/crypto/bytes.js';
import { ed25519Public } from '../../../src/crypto/ed25519.js';
import { hkdfSha256 } from '../../../src/crypto/hash.js';
import { generateRsa, parsePrivateKey } from '../../../src/crypto/rsa.js';
import { sealEnvelope } from '../../../src/protocol/channel.js';
import { sealMessage } from '../../../src/protocol/message.js';
import { encodePayload } from '../../../src/protocol/payload.js';
import { rosterHash } from '../../../src/protocol/roster.js';
import { safetyNumber } from '../../../src/protocol/safetyNumber.js';
import {
  chainStep,
  epochSecrets,
  joinerHash,
  joinerSecret,
  welcomeSecrets,
} from '../../../src/protocol/schedule.js';
import { channelProofBytes, encodeClientFrame, loginParts, packFrames } from '../../../src/protocol/wire.js';
import { messageParts } from '../../helpers/tamper.js';
import { atOnce } from '../../helpers/atOnce.js';

const of = (byte: number, length = 32) => new Uint8Array(length).fill(byte);

async function vectors(): Promise<Record<string, Uint8Array>> {
  const joiner = joinerSecret(undefined, of(1));
  const secrets = atOnce(epochSecrets(joiner, of(2), 258));
  const welcome = welcomeSecrets(joiner);
  const chain = secrets.chains[0]!;
  const step = chainStep(chain);
  const payload = encodePayload({
    kind: 'text',
    id: of(4, 16),
    time: 1_700_000_000_000,
    content: utf8('hello'),
    frontier: [{ place: 1, sqn: 2, hash: of(5) }],
  });
  const { privateKey } = await generateRsa();
  const message = messageParts(
    sealMessage(
      parsePrivateKey(privateKey),
      of(2),
      chain,
      { group: of(3, 16), epoch: 1, place: 0, sqn: 1, salt: of(6, 16), previous: of(2) },
      payload,
    ).bytes,
  );
  const [, ...login] = loginParts('wss://relay.example', of(7), of(8), of(9, 2));
  return {
    'label card': label('card'),
    'joiner(1)': joiner,
    'joiner hash': joinerHash(joiner),
    'init(1)': secrets.init,
    'channel seed': secrets.channelSeed,
    'channel name': ed25519Public(secrets.channelSeed),
    'seal key': secrets.sealKey,
    'chain(0,1)': chain,
    'chain(257,1)': secrets.chains[257]!,
    'mk(0,1)': step.messageKey,
    'chain(0,2)': step.next,
    'joiner(2)': joinerSecret(secrets.init, of(1)),
    'welcome key': welcome.key,
    'welcome channel seed': welcome.channelSeed,
    'roster hash': rosterHash([{ fingerprint: of(1), role: 'admin', cardHash: of(2) }]),
    'inbox key': hkdfSha256(fromHex('3082'), undefined, label('inbox'), 32),
    'payload without padding': payload.subarray(0, payload.lastIndexOf(0x80)),
    header: message.header,
    'ciphertext, first 32 bytes': message.ciphertext.subarray(0, 32),
    tag: message.tag,
    envelope: sealEnvelope(of(1), 'frontier', utf8('hi'), of(2, 16)),
    'login, after the label': Buffer.concat(login),
    'channel proof': channelProofBytes('wss://relay.example', of(7), of(8), of(9, 2)),
    'safety number': utf8(safetyNumber(of(1), of(2)).join('')),
    'packed hello': packFrames([encodeClientFrame({ type: 'hello', version: 1 })]),
  };
}

describe('the test vectors of docs/PROTOCOL.md', () => {
  it('are what the code computes', async () => {
    const text = readFileSync('docs/PROTOCOL.md', 'utf8');
    const section = text.slice(text.indexOf('## Test vectors'));
    const written = [...section.matchAll(/^([^ ].*?)(?: {2}\(.*\))?\n {2}([0-9a-f]+)$/gmu)].map((row) =>
      row.slice(1),
    );
    const computed = Object.entries(await vectors()).map(([name, bytes]) => [name, toHex(bytes)]);
    expect(written).toEqual(computed);
  });
});
