// What the pictures of the documentation show: people and a project in trouble.

export const NAMES = ['Ada', 'Bo', 'Cy'];
export const GROUP = 'Webhook incident';

export const OPENED = 'src/webhook.ts';
export const FOLDER = {
  [OPENED]: `import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE = 5 * 60; // seconds

export interface Signed {
  readonly body: string;
  readonly time: number;
  readonly signature: Buffer;
}

/** Whether the payment provider sent this, and not too long ago. */
export function isGenuine(key: string, signed: Signed): boolean {
  const { body, time, signature } = signed;
  const age = Math.floor(Date.now() / 1000) - time;
  if (age < -TOLERANCE || age > TOLERANCE) return false;

  const expected = createHmac('sha256', key)
    .update(\`\${time}.\${body}\`)
    .digest();
  return (
    expected.length === signature.length &&
    timingSafeEqual(expected, signature)
  );
}
`,
  'src/checkout.ts': 'export {};\n',
  'src/queue.ts': 'export {};\n',
  'test/webhook.test.ts': 'export {};\n',
  'README.md': '# Payments\n',
};

/** @type {readonly (readonly ['Ada' | 'Bo' | 'Cy', string])[]} */
export const TALK = [
  ['Ada', 'Checkout has been failing since 14:02. isGenuine() refuses every webhook, so no order gets paid.'],
  ['Bo', 'The provider changed the signing key an hour ago. We still have the old one.'],
  ['Ada', 'I have the new one, good for an hour until the vault has it:\nmaple-otter-4417-dusk'],
  ['Cy', 'Got it. Staging is green with it, 20 of 20.'],
  ['Bo', 'Then production too. 214 orders in the queue, and falling.'],
];
/** Cy has locked before this one. */
export const LAST = 'Thank you both. I revoke the old key now and write it up.';
export const LAST_STATE = 'Received by 1 of 2';
