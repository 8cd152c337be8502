/** The user engine: this process moves the frames, in data workers or, without them, on the calling thread. */

import { openEventFd, signalEvent } from "../../system/event.js";
import { ffiMissing } from "../../system/ffi.js";
import { adviseHugePages, createMemory } from "../../system/memory.js";
import { wasm } from "../../xdp/memory.js";
import type { PortKind } from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { refuse } from "../errors.js";
import type { HostCapabilities, HostPrograms } from "../kernel-programs.js";
import { createAttachments } from "./attachments.js";
import { createChannels } from "./channels.js";
import { createCounting } from "./counting.js";
import { createEventStream } from "./events.js";
import { createGrace } from "./grace.js";
import { createHookedDevices } from "./hooked-devices.js";
import { chooseAttachments, createHostAttachments } from "./host-attachments.js";
import { type Capacity, planLayout } from "./layout.js";
import { createLocalPath } from "./local-path.js";
import { createBundles } from "./multilink-bundles.js";
import type { Core } from "./objects.js";
import { createPorts, type Transports } from "./ports.js";
import { localThread, type ProgramThread, workerThread } from "./program-thread.js";
import { createPrograms } from "./programs.js";
import { createPunts } from "./punts.js";
import { createRoutes } from "./routes.js";
import { machineScheduler, type Scheduler } from "./scheduler.js";
import { createSessionTable, maximumSessions } from "./session-table.js";
import { createSessions } from "./sessions.js";
import { createDgramTransport } from "./transport-dgram.js";
import { createTunTransports } from "./transport-tun.js";
import { createUdpTransport } from "./transport-udp.js";
import { createVirtualTransport } from "./transport-virtual.js";
import { createTunnels } from "./tunnels.js";
import { createUnits } from "./units.js";
import type { VirtualNetwork } from "./virtual/network.js";
import { startWorker } from "./workers.js";

export interface UserEngineOptions {
  /** Data workers; 0: node:dgram on the calling thread. Default 1, or 0 where system calls cannot be made. */
  readonly workers?: number;
  /** Processor of each worker; a worker without one floats. */
  readonly pin?: readonly number[];
  readonly capacity?: Partial<Capacity>;
  /** The kernel's own BPF, for programs on interfaces of the host. */
  readonly host?: HostPrograms;
  /** Runs on the calling thread over a virtual network and its clock. */
  readonly inline?: { readonly network: VirtualNetwork; readonly clock?: Scheduler };
}

const defaultCapacity = { tunnels: 65535, sessions: 131072, ports: 64, routes: 131072, mapMemory: 512 << 20 } as const;
const smallCapacity = { tunnels: 65535, sessions: 16384, ports: 16, routes: 16384, mapMemory: 64 << 20 } as const;

const kernelOf = (host: HostPrograms | undefined): HostCapabilities | string =>
  host === undefined ? "this engine has no access to the kernel" : (host.missing() ?? host.capabilities());

/** @throws JunctorError when the workers cannot be started. */
export async function openUserEngine(options: UserEngineOptions = {}): Promise<Dataplane> {
  const { inline, pin = [] } = options;
  const workerCount = inline ? 0 : (options.workers ?? (ffiMissing() === undefined ? 1 : 0));
  if (workerCount > 0 && ffiMissing() !== undefined) {
    refuse("EOPNOTSUPP", "engine user", `data workers need system calls: ${ffiMissing()}`, "open it with workers: 0");
  }
  const sized = { ...(inline ? smallCapacity : defaultCapacity), ...options.capacity };
  const capacity: Capacity = { units: sized.sessions, ...sized };
  if (
    capacity.sessions < 1 ||
    capacity.sessions > maximumSessions ||
    capacity.tunnels < 1 ||
    capacity.tunnels > 65535
  ) {
    refuse("ERANGE", "engine user", `capacity: 1 to ${maximumSessions} sessions, 1 to 65535 tunnels`);
  }
  const layout = planLayout(capacity, workerCount);
  const memory = createMemory(layout.bytes);
  if (workerCount > 0) adviseHugePages(memory, 0, layout.bytes);
  const scheduler = inline ? (inline.clock ?? inline.network.clock) : machineScheduler;
  const core: Core = {
    memory,
    layout,
    table: createSessionTable(memory, layout),
    counting: createCounting(memory, layout),
    grace: createGrace(memory, layout),
    events: createEventStream(),
    ports: new Map(),
    portSlots: new Map(),
    tunnels: new Map(),
    tunnelIds: new Map(),
    sessions: new Map(),
    channels: new Map(),
    units: new Map(),
    unitNames: new Map(),
    births: {
      portBorn: (port) => attachments.born(hooked.ofPort(port)),
      unitBorn: (unit) => attachments.born(hooked.ofUnit(unit)),
      sessionBorn: (session) => attachments.born(hooked.ofSession(session)),
      gone(object, reason) {
        const device = hooked.forget(object);
        if (device === undefined) return;
        programs.deviceGone(device.device);
        attachments.gone(device, reason);
      },
    },
    bundles: createBundles({ memory, layout, arena: layout.arenas[0]! }),
    routes: new Map(),
    now: scheduler.now,
  };
  const channels = createChannels(core);
  const hooked = createHookedDevices(core, channels);
  const programs = createPrograms(
    core,
    () => threads,
    () => onHost,
  );
  let lastAttachment = 0;
  const nextHandle = (): number => ++lastAttachment;
  const onHost = createHostAttachments(options.host, programs.find, programs.hold, nextHandle);
  const attachments = createAttachments(core, {
    nextHandle,
    install: async (index, chain) => void (await Promise.all(threads.map((thread) => thread.chain(index, chain)))),
    program: programs.find,
    hold: programs.hold,
    devices: hooked.all,
    device: hooked.byName,
  });
  const routes = createRoutes(core);
  const units = createUnits(core, channels, routes);
  const sessions = createSessions(core, channels);
  const tunnels = createTunnels(core, sessions);
  const punts = createPunts(core, { frame: programs.maps.frame, line: programs.line });
  const wakes = Array.from({ length: workerCount }, openEventFd);
  const wake = (worker: number): void => signalEvent(wakes[worker - 1]!.fd);
  const local = createLocalPath(core, scheduler, punts.drain, inline === undefined, wake);
  const workers = wakes.map((_, index) => startWorker(memory, layout, index + 1, wakes));
  await Promise.all(
    workers.map(async (worker, index) => {
      await worker.ready;
      const cpu = pin[index];
      if (cpu !== undefined) await worker.tell({ do: "pin", cpu });
    }),
  );
  if (workerCount > 0) punts.follow();
  const threads: readonly ProgramThread[] = [localThread(local.path), ...workers.map(workerThread)];

  const transports: Transports = inline
    ? { virtual: createVirtualTransport(inline.network, local) }
    : workerCount > 0
      ? { udp: createUdpTransport(memory, workers, local.path.transmitter) }
      : { dgram: createDgramTransport(local) };
  const tuns = createTunTransports(workers, local.path.tun);
  const ports = createPorts(core, transports, tuns.open, tunnels.remove);

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    await Promise.all([...core.tunnels.values()].map((tunnel) => tunnels.remove(tunnel, "engine-closed")));
    await Promise.all([...core.units.values()].map((unit) => units.remove(unit, "engine-closed")));
    await Promise.all([...core.ports.values()].map((port) => ports.remove(port, "engine-closed")));
    onHost.close();
    await programs.close("engine-closed");
    tuns.close();
    local.close();
    await Promise.all(workers.map((worker) => worker.stop()));
    punts.close();
    core.events.close();
  }

  return {
    port: ports.operations,
    device: { ...ports.devices, ...chooseAttachments(attachments.operations, onHost), ...hooked.operations },
    program: programs.operations,
    map: programs.maps.operations,
    tunnel: tunnels.operations,
    session: sessions.operations,
    channel: channels.operations,
    unit: units.operations,
    route: routes.operations,
    capabilities: () => ({
      engine: "user",
      workers: workerCount,
      ports: [...(Object.keys(transports) as PortKind[]), "tun"],
      programs: { user: wasm !== undefined, kernel: kernelOf(options.host) },
      segmentation: workerCount > 0,
      tunnelVersions: [2],
      pseudowires: ["ppp"],
      tun: workerCount > 0,
      limits: { tunnels: capacity.tunnels, sessions: capacity.sessions, units: capacity.units },
    }),
    drops: core.counting.drops,
    events: core.events.subscribe,
    onPunt: punts.listen,
    inject: local.inject,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
