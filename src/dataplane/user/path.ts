/** The way of a frame, assembled for one thread: port → demultiplexer → (sequence) → bridge, unit or punt → port. */
import { createRegion, type Region } from "../../system/memory.js";
import { viewMemory } from "../../xdp/memory.js";
import { writeReplyBlock } from "./address-block.js";
import { createSum } from "./checksum.js";
import type { Context } from "./context.js";
import { createCrossing } from "./crossing.js";
import { createDelivery } from "./delivery.js";
import { createDemultiplexer, type Demultiplexer, together } from "./demultiplexer.js";
import { createEgress, type Egress } from "./egress.js";
import { createEntries } from "./hooks/entries.js";
import { createHandoff } from "./hooks/handoff.js";
import { createHooks, type Exits } from "./hooks/hooks.js";
import { createEngineHost, lineBytes } from "./hooks/host.js";
import { createThreadPrograms, type ThreadPrograms } from "./hooks/programs.js";
import { createRedirects } from "./hooks/redirect.js";
import { createResume } from "./hooks/resume.js";
import { createRunner } from "./hooks/runner.js";
import { createTags } from "./hooks/tags.js";
import { block, puntRingBytes } from "./layout.js";
import { createPuntWriter } from "./punt-ring.js";
import { createLimiter } from "./rate.js";
import { createRouteLookup } from "./route-table.js";
import { createSequencer } from "./sequence.js";
import { createTap } from "./tap.js";
import { createTransmitter, type Transmitter } from "./transmit.js";
import { createTunOutput, type TunOutput } from "./tun-output.js";
import { createUnitEgress, type UnitEgress } from "./unit-egress.js";
import { createUnitIngress } from "./unit-ingress.js";

export interface Path {
  /** For what the thread needs besides. */
  readonly region: Region;
  readonly transmitter: Transmitter;
  readonly egress: Egress;
  readonly tun: TunOutput;
  /** For what is told to the thread about programs. */
  readonly programs: ThreadPrograms;
  readonly receive: Demultiplexer["receive"];
  /** Takes what the host sent through a TUN port. */
  readonly fromHost: UnitEgress["receive"];
  /** Touches what packets will need that are about to be taken `fromHost`. */
  readonly fetch: UnitEgress["fetch"];
  readonly sendOnBundle: UnitEgress["sendOnBundle"];
  /** Sends an IP packet of our own to a unit's peer. */
  readonly sendTo: UnitEgress["sendTo"];
  /** Begins a batch; `now` is in milliseconds, the same for all threads. */
  begin(now: number): void;
  /** Takes over at most `most` frames that other threads have handed to this one, and answers how many. */
  takeOver(most: number): number;
  /** Whether there are any. */
  awaited(): boolean;
  /** Ends a batch: everything leaves, and the buffers it lay in may be used again. */
  end(): void;
  /** Gives up on missing data that is due, and sends what waited for its limit. */
  expire(now: number): void;
  /** When `expire` is due; Infinity when nothing waits. */
  deadline(): number;
}

/** What a thread's path has of the world around it. */
export interface Surroundings {
  /** Wakes a worker (from 1) that frames were handed over to. */
  readonly wake: (worker: number) => void;
}

/** What a datagram that a program sends back may need of the room for frames: its address, and two places of its own. */
const mostPerDatagram = 400 << 10;

export function createPath(context: Context, { wake }: Surroundings): Path {
  const { memory, layout, arena } = context;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const xdpMemory = viewMemory(memory.shared);
  const punts = createPuntWriter(memory, arena.puntRing);
  const transmitter = createTransmitter(
    context,
    region,
    () => hooks,
    () => flush(),
  );
  const handoff = createHandoff(memory, layout, arena.index, wake);
  const redirects = createRedirects(
    context,
    () => runner,
    createEntries(context, xdpMemory),
    handoff,
    punts,
    () => exits,
  );
  const space = (bytes: number): number => {
    if (!transmitter.holds(bytes)) flush();
    return transmitter.scratch(bytes);
  };
  const runner = createRunner(context, region, space, createTags(context), redirects, () => host.aborted());
  const lineAt = region.allocate(lineBytes);
  const hooks = createHooks(context, runner, redirects, () => exits);
  const tap = createTap(context, region, punts);
  const egress = createEgress(context, region, transmitter, tap, hooks);
  const sum = createSum(memory);
  const routes = createRouteLookup(memory, layout);
  const limiter = createLimiter(memory);
  const host = createEngineHost(context, runner, routes, punts, lineAt);
  const programs = createThreadPrograms(context, xdpMemory, runner, host);
  const tun = createTunOutput(context, region, sum, punts, puntRingBytes / 2, () => hooks);
  const flush = (): void => {
    transmitter.flush();
    tun.flush();
  };
  const ingress = createUnitIngress(context, region, tun, routes, limiter, punts, flush, hooks);
  const units = createUnitEgress(context, region, sum, egress, transmitter, tun, routes, limiter, hooks);
  const delivery = createDelivery(context, egress.forward, ingress, punts, tap, hooks);
  const sequencer = createSequencer(context, region, delivery);
  const hints = { slots: new Int32Array(together + 1), count: 0 };
  const crossing = createCrossing(context, transmitter, hints);
  const demultiplexer = createDemultiplexer(context, delivery, sequencer, punts, crossing, hints, hooks);
  const exits: Exits = {
    channel: egress.sendOn,
    unit: units.sendTo,
    host: (port, at, length) => void tun.add(port, 0, at, length),
    datagrams(port, name, local, start, length, segment) {
      let address = 0;
      for (let at = start; at < start + length; at += segment) {
        // Programs of the port may want another place for the frame; what is sent for that must not take the address along.
        if (!transmitter.holds(mostPerDatagram)) {
          flush();
          address = 0;
        }
        if (address === 0) {
          address = transmitter.scratch(block.size);
          writeReplyBlock(memory, address, port, name, local);
        }
        transmitter.append(0, address, at, 0, at, segment, 0);
      }
    },
  };
  const resume = createResume(context, runner, redirects, handoff, {
    datagram: demultiplexer.resume,
    channel: delivery.resume,
    unit: ingress.resume,
    host: units.resume,
  });
  return {
    region,
    transmitter,
    egress,
    tun,
    programs,
    receive: demultiplexer.receive,
    fromHost: units.receive,
    fetch: units.fetch,
    sendOnBundle: units.sendOnBundle,
    sendTo: units.sendTo,
    begin(now) {
      programs.begin();
      host.begin();
      delivery.begin();
      ingress.begin(now);
      units.begin(now);
      demultiplexer.begin(now);
    },
    end() {
      flush();
      units.release();
      ingress.release();
      sequencer.release();
      handoff.release();
    },
    takeOver: (most) => handoff.take(most, resume),
    awaited: handoff.waiting,
    expire(now) {
      sequencer.expire(now);
      ingress.expire(now);
      units.expire(now);
    },
    deadline: () => Math.min(sequencer.deadline(), ingress.deadline(), units.deadline()),
  };
}
