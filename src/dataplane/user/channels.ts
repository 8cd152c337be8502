/** Channels and their relations: bridge and unbridge, connect and disconnect (drivers/net/ppp/ppp_generic.c). */
import { type ChannelState, channelBridge, channelConnect, channelKey, channelTap } from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import { session as record, sessionFlag, unit as unitRecord } from "./layout.js";
import type { Core, Session, Unit } from "./objects.js";
import { createShortcut } from "./shortcut.js";
import { tapWord } from "./tap.js";

export interface Channels {
  readonly operations: Dataplane["channel"];
  /** Ends whatever relation the session's channel has; resolves when no frame crosses it any more. */
  part(session: Session, reason: DeleteReason): Promise<void>;
  /** Lets frames take the short way over the session's bridge, if it has one, as soon as that is safe. */
  shorten(session: Session): void;
}

export function createChannels(core: Core): Channels {
  const { memory, layout, counting, grace, events, channels, units, bundles } = core;
  const shortcut = createShortcut(memory, layout);
  const word = (session: Session, field: number): number =>
    (layout.sessions >> 2) + session.slot * record.words + field;

  const relate = (session: Session, relation: number): void => {
    Atomics.store(memory.i32, word(session, record.relation), relation);
  };
  const endRelation = (session: Session): void => {
    relate(session, 0);
    shortcut.close(session.slot);
    Atomics.add(memory.i32, word(session, record.generation), 1);
  };

  /** Has a unit's packets leave by the channel that was connected first, of those it has. */
  function carry({ slot, channels }: Unit): void {
    const session = (layout.units >> 2) + slot * unitRecord.words + unitRecord.session;
    Atomics.store(memory.i32, session, [...channels][0]?.slot ?? 0);
  }

  /** Credits what `from` forwarded to the session it was bridged with. */
  function settle(from: Session, to: Session): void {
    const { forwardedPackets, forwardedBytes, forwardErrors } = counting.session(from.slot);
    to.sent.packets += forwardedPackets - from.settled.packets;
    to.sent.bytes += forwardedBytes - from.settled.bytes;
    to.sent.errors += forwardErrors - from.settled.errors;
    Object.assign(from.settled, { packets: forwardedPackets, bytes: forwardedBytes, errors: forwardErrors });
  }

  function unbridge(session: Session, partner: Session, reason: DeleteReason): Promise<void> {
    for (const side of [session, partner]) {
      side.bridge = undefined;
      endRelation(side);
    }
    events.emit({ type: "channel-unbridged", channel: session.channel, with: partner.channel, reason });
    const parting = grace().then(() => {
      settle(session, partner);
      settle(partner, session);
      for (const side of [session, partner]) if (side.parting === parting) side.parting = undefined;
    });
    session.parting = parting;
    partner.parting = parting;
    return parting;
  }

  function disconnect(session: Session, reason: DeleteReason): Promise<void> {
    const unit = session.unit!;
    session.unit = undefined;
    unit.channels.delete(session);
    if (unit.bundle !== undefined) bundles.leave(unit.bundle, session.slot);
    carry(unit);
    endRelation(session);
    events.emit({ type: "channel-disconnected", channel: session.channel, unit: unit.handle, reason });
    return grace();
  }

  function shorten(one: Session): void {
    const two = one.bridge;
    const generation = memory.i32[word(one, record.generation)]!;
    if (two === undefined || memory.i32[word(one, record.relation)] !== two.slot) return;
    void grace().then(() => {
      if (memory.i32[word(one, record.generation)] !== generation) return;
      shortcut.open(one.slot, two.slot);
      shortcut.open(two.slot, one.slot);
    });
  }

  const find = (channel: number): Session =>
    channels.get(channel) ?? refuse("ENXIO", `channel ${channel}`, "no such channel", "see `channel list`");

  const state = (session: Session): ChannelState => ({
    channel: session.channel,
    session: session.handle,
    bridgedWith: session.bridge?.channel,
    unit: session.unit?.handle,
  });

  return {
    shorten,
    async part(session, reason) {
      if (session.bridge !== undefined) await unbridge(session, session.bridge, reason);
      else if (session.unit !== undefined) await disconnect(session, reason);
      else await session.parting;
    },
    operations: {
      async bridge(attributes) {
        const { channel, with: other } = parse(channelBridge, "channel", attributes);
        const sides = [find(channel), find(other)] as const;
        for (const side of sides) {
          const { bridge, unit } = side;
          const busy =
            bridge !== undefined
              ? `bridged with channel ${bridge.channel} already`
              : unit !== undefined
                ? `connected to unit ${unit.handle}`
                : undefined;
          if (busy !== undefined) refuse("EALREADY", `channel ${side.channel}`, busy, "undo that first");
        }
        const [one, two] = sides;
        if (one === two) refuse("EALREADY", `channel ${channel}`, "cannot be bridged with itself");
        one.bridge = two;
        two.bridge = one;
        events.emit({ type: "channel-bridged", channel, with: other });
        // Whatever an earlier bridge of either forwarded is counted there before this one begins.
        while (one.parting !== undefined || two.parting !== undefined) await Promise.all([one.parting, two.parting]);
        if (one.bridge !== two) return;
        shortcut.prepare(one.slot, two.slot);
        shortcut.prepare(two.slot, one.slot);
        relate(one, two.slot);
        relate(two, one.slot);
        shorten(one);
      },
      async unbridge(key) {
        const { channel } = parse(channelKey, "channel", key);
        const session = find(channel);
        if (session.bridge === undefined) return refuse("EINVAL", `channel ${channel}`, "not bridged");
        await unbridge(session, session.bridge, "deleted");
      },
      async connect(attributes) {
        const { channel, unit: handle } = parse(channelConnect, "channel", attributes);
        const session = find(channel);
        const unit = units.get(handle) ?? refuse("ENXIO", `unit ${handle}`, "no such unit");
        if (session.unit !== undefined) {
          return refuse("EINVAL", `channel ${channel}`, `connected to unit ${session.unit.handle} already`);
        }
        if (session.bridge !== undefined) {
          return refuse(
            "EINVAL",
            `channel ${channel}`,
            `bridged with channel ${session.bridge.channel}`,
            "unbridge it",
          );
        }
        if (unit.bundle === undefined && unit.channels.size > 0) {
          return refuse("EINVAL", `unit ${handle}`, "has a channel already", "give it multilink");
        }
        if (unit.bundle !== undefined && !bundles.join(unit.bundle, session.slot, core.now())) {
          return refuse("ENOSPC", `unit ${handle}`, `has ${unit.channels.size} channels already`);
        }
        session.unit = unit;
        unit.channels.add(session);
        events.emit({ type: "channel-connected", channel, unit: handle });
        carry(unit);
        relate(session, -unit.slot);
      },
      async disconnect(key) {
        const { channel } = parse(channelKey, "channel", key);
        const session = find(channel);
        if (session.unit === undefined) return refuse("EINVAL", `channel ${channel}`, "not connected to a unit");
        await disconnect(session, "deleted");
      },
      async tap(attributes) {
        const { channel, on } = parse(channelTap, "channel", attributes);
        const session = find(channel);
        const header = tapWord(layout.ways, session.slot);
        if (on) {
          Atomics.or(memory.i32, header, sessionFlag.tapped);
          shortcut.close(session.slot);
          shortcut.closeTo(session.slot);
        } else {
          Atomics.and(memory.i32, header, ~sessionFlag.tapped);
          shorten(session);
        }
        await grace();
      },
      async get(key) {
        return state(find(parse(channelKey, "channel", key).channel));
      },
      async list() {
        return [...channels.values()].map(state);
      },
    },
  };
}
