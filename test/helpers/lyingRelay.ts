import type { Dial } from '../../src/client/effects.js';
import { dialWebSocket } from '../../src/client/webSocket.js';
import {
  decodeRelayFrame,
  encodeRelayFrame,
  packFrames,
  unpackFrames,
  type RelayFrame,
} from '../../src/protocol/wire.js';

type Item = RelayFrame & { type: 'item' };

/** A way to a relay that shows its client only the items it likes to, when it likes to. */
export class LyingRelay {
  /** What becomes of an item of a group channel; everything else passes. */
  judge: (item: Item) => 'pass' | 'drop' | 'hold' = () => 'pass';
  #held: Item[] = [];
  #deliver: (frames: readonly RelayFrame[]) => void = () => undefined;

  /** Delivers what was held back, in its order or another. */
  release(order: (items: Item[]) => Item[] = (items) => items): void {
    const items = order(this.#held);
    this.#held = [];
    this.#deliver(items);
  }

  get held(): number {
    return this.#held.length;
  }

  readonly dial: Dial = async (url) => {
    const socket = await dialWebSocket(url);
    const outer = { ...socket, onMessage: socket.onMessage, onClose: socket.onClose };
    this.#deliver = (frames) => {
      if (frames.length > 0) outer.onMessage(packFrames(frames.map(encodeRelayFrame)));
    };
    socket.onMessage = (data) => {
      const passed = unpackFrames(data)
        .map(decodeRelayFrame)
        .filter((frame) => {
          if (frame.type !== 'item' || frame.channel.kind !== 'group') return true;
          const verdict = this.judge(frame);
          if (verdict === 'hold') this.#held.push(frame);
          return verdict === 'pass';
        });
      this.#deliver(passed);
    };
    socket.onClose = (reason) => outer.onClose(reason);
    return outer;
  };
}
