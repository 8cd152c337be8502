/** Tags that programs read of a frame's device: the session, tunnel, user and policy it belongs to. */
import { state } from "../../../xdp/run/state.js";
import type { Context } from "../context.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import { session, unit as unitRecord, way } from "../layout.js";
import type { Tags } from "./runner.js";

export function createTags({ memory: { u32 }, layout }: Context): Tags {
  const numbers = createDeviceNumbers(layout);
  const sessions = layout.sessions >> 2;
  const units = layout.units >> 2;
  const ways = layout.ways >> 2;

  function ofSession(word: number, slot: number): void {
    const record = sessions + slot * session.words;
    u32[word + (state.session >> 2)] = slot === 0 ? 0 : u32[record + session.channel]!;
    u32[word + (state.tunnel >> 2)] = slot === 0 ? 0 : u32[ways + slot * way.words + way.key]! >>> 16;
  }

  return (block, device) => {
    const word = block >> 2;
    const slot = numbers.slotOf(device);
    u32[word + (state.device >> 2)] = device;
    switch (numbers.kindOf(device)) {
      case deviceKind.channel: {
        const record = sessions + slot * session.words;
        ofSession(word, slot);
        u32[word + (state.user >> 2)] = u32[record + session.user]!;
        u32[word + (state.policy >> 2)] = u32[record + session.policy]!;
        return;
      }
      case deviceKind.unit: {
        const record = units + slot * unitRecord.words;
        ofSession(word, u32[record + unitRecord.session]!);
        u32[word + (state.user >> 2)] = u32[record + unitRecord.user]!;
        u32[word + (state.policy >> 2)] = u32[record + unitRecord.policy]!;
        return;
      }
      default:
        ofSession(word, 0);
        u32[word + (state.user >> 2)] = 0;
        u32[word + (state.policy >> 2)] = 0;
    }
  };
}
