import { flag, version } from "../../wire/l2tp2.js";
import {
  type CountersOf,
  type SessionState,
  sessionCreate,
  sessionKey as sessionHandle,
  sessionModify,
} from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { Channels } from "./channels.js";
import { createDeviceNumbers } from "./devices.js";
import { session as record, sessionFlag, way } from "./layout.js";
import { type Core, noTraffic, type Session, type Tunnel } from "./objects.js";
import { sessionKey } from "./session-table.js";
import { createShortcut } from "./shortcut.js";
import { createSlots } from "./slots.js";

export interface Sessions {
  readonly operations: Dataplane["session"];
  counters(session: Session): CountersOf<"session">;
  /** Answers the final counters. The session is unknown at once, its slot free when nobody uses it any more. */
  remove(session: Session, reason: DeleteReason): Promise<CountersOf<"session">>;
}

export function createSessions(core: Core, { part, shorten }: Channels): Sessions {
  const { memory, layout, table, counting, grace, events, tunnels, sessions, channels, births } = core;
  const { i32, u32 } = memory;
  const shortcut = createShortcut(memory, layout);
  const slots = createSlots(1, layout.capacity.sessions);
  const devices = createDeviceNumbers(layout);
  let lastHandle = 0;
  let lastChannel = 0;

  const recordOf = (slot: number): number => (layout.sessions >> 2) + slot * record.words;
  const wayOf = (slot: number): number => (layout.ways >> 2) + slot * way.words;
  const find = (handle: number): Session =>
    sessions.get(handle) ?? refuse("ENODEV", `session ${handle}`, "no such session", "see `session list`");

  function counters(session: Session): CountersOf<"session"> {
    const tally = counting.session(session.slot);
    const { rxPackets, rxBytes, rxErrors, rxSeqDiscards, rxOosPackets, sentPackets, sentBytes } = tally;
    const { sent, bridge } = session;
    const running = bridge === undefined ? undefined : counting.session(bridge.slot);
    const since = (now: number | undefined, settled: number | undefined): number => (now ?? 0) - (settled ?? 0);
    return {
      rxPackets,
      rxBytes,
      rxErrors,
      rxSeqDiscards,
      rxOosPackets,
      txPackets: sent.packets + sentPackets + since(running?.forwardedPackets, bridge?.settled.packets),
      txBytes: sent.bytes + sentBytes + since(running?.forwardedBytes, bridge?.settled.bytes),
      txErrors: sent.errors + since(running?.forwardErrors, bridge?.settled.errors),
    };
  }

  function state(session: Session): SessionState {
    const at = recordOf(session.slot);
    const header = u32[wayOf(session.slot) + way.header]!;
    return {
      session: session.handle,
      tunnel: session.tunnel.handle,
      // As it is now: a LAC follows its peer.
      sendSequence: (header & flag.sequence) !== 0,
      receiveSequence: (header & sessionFlag.receiveSequence) !== 0,
      lnsMode: (header & sessionFlag.lnsMode) !== 0,
      reorderTimeout: u32[at + record.reorderTimeout]!,
      channel: session.channel,
      counters: counters(session),
      ...session.attributes,
    };
  }

  /** Sets or clears bits of the header word, which workers change too. */
  function setFlag(slot: number, bit: number, on: boolean | undefined): void {
    if (on === undefined) return;
    if (on) Atomics.or(i32, wayOf(slot) + way.header, bit);
    else Atomics.and(i32, wayOf(slot) + way.header, ~bit);
  }

  function retire({ past }: Tunnel, final: CountersOf<"session">): void {
    past.received.packets += final.rxPackets;
    past.received.bytes += final.rxBytes;
    past.received.errors += final.rxErrors;
    past.sent.packets += final.txPackets;
    past.sent.bytes += final.txBytes;
    past.sent.errors += final.txErrors;
  }

  async function remove(session: Session, reason: DeleteReason): Promise<CountersOf<"session">> {
    const { handle, channel, slot, tunnel, attributes } = session;
    session.deleted = true;
    sessions.delete(handle);
    channels.delete(channel);
    tunnel.sessions.delete(attributes.sessionId);
    table.remove(sessionKey(tunnel.attributes.tunnelId, attributes.sessionId), slot);
    Atomics.store(i32, recordOf(slot) + record.device, 0);
    Atomics.add(i32, recordOf(slot) + record.generation, 1);
    births.gone(session, reason);
    const parted = part(session, reason === "deleted" ? "parent-deleted" : reason);
    events.emit({ type: "session-deleted", session: handle, reason });
    await Promise.all([parted, grace()]);
    const final = counters(session);
    retire(tunnel, final);
    i32[wayOf(slot) + way.key] = 0;
    counting.clearSession(slot);
    slots.give(slot);
    return final;
  }

  return {
    counters,
    remove,
    operations: {
      async create(input) {
        const attributes = parse(sessionCreate, "session", input);
        const tunnel =
          tunnels.get(attributes.tunnel) ?? refuse("ENODEV", `tunnel ${attributes.tunnel}`, "no such tunnel");
        const { sessionId, peerSessionId, pseudowire, lengthField, offset } = attributes;
        const object = `session ${sessionId} of tunnel ${tunnel.handle}`;
        if (pseudowire !== "ppp") refuse("EOPNOTSUPP", object, `pseudowire ${pseudowire} is not supported`, "use ppp");
        if (tunnel.sessions.has(sessionId)) refuse("EEXIST", object, "the session id is in use");
        const slot =
          slots.take() ?? refuse("ENOSPC", object, `the table of ${layout.capacity.sessions} sessions is full`);

        const session: Session = {
          handle: ++lastHandle,
          channel: ++lastChannel,
          slot,
          tunnel,
          attributes: { sessionId, peerSessionId, pseudowire, lengthField, offset },
          bridge: undefined,
          unit: undefined,
          deleted: false,
          sent: noTraffic(),
          settled: noTraffic(),
          parting: undefined,
        };
        const { tunnelId, peerTunnelId } = tunnel.attributes;
        const at = recordOf(slot);
        const generation = i32[at + record.generation]!;
        i32.fill(0, at, at + record.words);
        i32[at + record.generation] = generation;
        const short = wayOf(slot);
        i32[short + way.onward] = 0;
        i32[short + way.key] = sessionKey(tunnelId, sessionId);
        i32[at + record.peer] = sessionKey(peerTunnelId, peerSessionId);
        i32[short + way.header] =
          version |
          (lengthField ? flag.length : 0) |
          (attributes.sendSequence ? flag.sequence : 0) |
          (offset > 0 ? flag.offset : 0) |
          (attributes.receiveSequence ? sessionFlag.receiveSequence : 0) |
          (attributes.lnsMode ? sessionFlag.lnsMode : 0);
        i32[at + record.channel] = session.channel;
        i32[at + record.reorderTimeout] = attributes.reorderTimeout;
        i32[at + record.offset] = offset;
        tunnel.sessions.set(sessionId, session);
        sessions.set(session.handle, session);
        channels.set(session.channel, session);
        events.emit({ type: "session-created", session: session.handle, channel: session.channel });
        await births.sessionBorn(session);
        if (!session.deleted) {
          // From here on frames may be redirected to it.
          Atomics.store(i32, at + record.device, devices.channel(slot));
          table.insert(sessionKey(tunnelId, sessionId), slot);
        }
        return state(session);
      },
      async modify(input) {
        const { session: handle, ...wanted } = parse(sessionModify, "session", input);
        const session = find(handle);
        setFlag(session.slot, flag.sequence, wanted.sendSequence);
        shortcut.closeTo(session.slot);
        shorten(session);
        setFlag(session.slot, sessionFlag.receiveSequence, wanted.receiveSequence);
        setFlag(session.slot, sessionFlag.lnsMode, wanted.lnsMode);
        const { reorderTimeout } = wanted;
        if (reorderTimeout !== undefined) {
          Atomics.store(i32, recordOf(session.slot) + record.reorderTimeout, reorderTimeout);
        }
        return state(session);
      },
      async delete(key) {
        return remove(find(parse(sessionHandle, "session", key).session), "deleted");
      },
      async get(key) {
        return state(find(parse(sessionHandle, "session", key).session));
      },
      async list() {
        return [...sessions.values()].map(state);
      },
    },
  };
}
