import type { Chat } from './chat.js';
import type { EpochState } from './epochState.js';

/** A frontier goes out alone this long after a message came in, ms, so that several messages share one. */
const FRONTIER_DELAY = 100;
/** Above this many members receipts travel with messages only. */
const FRONTIER_MEMBERS = 50;

/** Frontiers that go out alone: receipts, and signs of life. */
export class Frontiers {
  #due = false;
  #announce = false;

  constructor(private readonly chat: Chat) {}

  /** `announce`: also what I sent and not everyone is known to have. */
  soon(announce = false): void {
    const { me, members } = this.chat.epoch;
    const invited = me.row.presence === 'invited';
    if (!this.chat.present || (members.length > FRONTIER_MEMBERS && !invited)) return;
    this.#announce ||= announce;
    if (this.#due) return;
    this.#due = true;
    this.chat.session.effects.clock.after(FRONTIER_DELAY, () => void this.#sendDue());
  }

  async #sendDue(): Promise<void> {
    this.#due = false;
    if (!this.chat.live || !this.chat.present) return;
    const announce = this.#announce;
    this.#announce = false;
    const invited = this.chat.epoch.me.row.presence === 'invited';
    for (const epoch of this.chat.epochs.values()) {
      const own = announce && epoch.unheard;
      if (own || epoch.owesReceipt || (invited && epoch === this.chat.epoch))
        await this.send(epoch, this.chat.epoch, own);
    }
  }

  /** It may be lost; what it says that I have is on disk before it leaves. */
  async send(epoch: EpochState, channel = this.chat.epoch, own = false): Promise<void> {
    const { identity, effects, store } = this.chat.session;
    const { data, entries } = epoch.makeFrontier(identity.signKey, this.chat.succession.after(epoch), own);
    const stored = await store.settled().then(
      () => true,
      () => false,
    );
    if (!stored || !(await this.chat.publish('frontier', data, channel))) return;
    epoch.told(entries);
    const changes = this.chat.epoch.present();
    if (changes.length === 0) return;
    await this.chat.session.record(changes).catch(() => effects.log('receipt not noted'));
    this.chat.session.events.emit('changed');
  }
}
