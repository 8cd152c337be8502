/**
 * TUN ports: a network interface of the host with one queue for each worker, or one that all write to and one worker reads, or
 * the control thread in the host's stead.
 */
import { DataplaneError, type ErrnoName, JunctorError } from "../../errors.js";
import { openRtnetlink, type Rtnetlink } from "../../system/rtnetlink.js";
import { allOffloads, openTun, type Tun } from "../../system/tun.js";
import { refuse } from "../errors.js";
import type { HostDevice } from "./objects.js";
import type { TunOutput, TunQueue } from "./tun-output.js";
import type { DataWorker } from "./workers.js";

export interface TunTransportOptions {
  readonly slot: number;
  readonly name: string;
  readonly mtu: number;
  readonly segmentation: boolean;
  readonly queues: "each" | "one";
  readonly backing: "kernel" | "control";
}

export interface TunTransport {
  readonly host: HostDevice | undefined;
  close(): Promise<void>;
}

export interface TunTransports {
  open(options: TunTransportOptions): Promise<TunTransport>;
  close(): void;
}

/** Packets that the host may have waiting while a worker has no processor: subscribers are many, and one queue serves them. */
const queueLength = 4096;

/** Passes the host's refusals on in the contract's form. */
async function asked<T>(object: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof JunctorError) || error instanceof DataplaneError) throw error;
    throw new DataplaneError(error.code as ErrnoName, object, error.message);
  }
}

function hostDevice(netlink: Rtnetlink, { name, index }: Tun): HostDevice {
  const object = `device tun/${name}`;
  return {
    set: (change) => asked(object, () => netlink.link.set({ index, ...change })),
    address: (operation, address) => asked(object, () => netlink.address[operation]({ device: index, address })),
    route: (operation, prefix) => asked(`route ${prefix}`, () => netlink.route[operation]({ device: index, prefix })),
  };
}

/** Without `workers` there is nobody to serve an interface of the host. */
export function createTunTransports(workers: readonly DataWorker[], local: TunOutput): TunTransports {
  let netlink: Rtnetlink | undefined;
  /** Workers take turns at reading ports with one queue. */
  let turn = 0;

  async function openKernel({
    slot,
    name,
    mtu,
    segmentation,
    queues: which,
  }: TunTransportOptions): Promise<TunTransport> {
    const object = `port tun/${name}`;
    if (workers.length === 0) {
      return refuse("EOPNOTSUPP", object, "a TUN interface needs data workers", "give it backing: control");
    }
    // Both act on the network namespace that the calling thread is in now.
    const { tun, rtnetlink } = await asked(object, () => {
      netlink ??= openRtnetlink();
      const offloads = segmentation ? allOffloads : [];
      const tun = openTun({ name, queues: which === "one" ? 1 : workers.length, vnetHeader: segmentation, offloads });
      return { tun, rtnetlink: netlink };
    });
    const queues = tun.queues.map((fd): TunQueue => {
      const has = (offload: (typeof tun.offloads)[number]) => tun.offloads.includes(offload);
      return { fd, header: tun.vnetHeaderLength, tcp: has("tso4"), udp: has("uso4") };
    });
    const reader = which === "one" ? turn++ % workers.length : undefined;
    const detach = async () => {
      local.detach(slot);
      await Promise.all(workers.map((worker) => worker.tell({ do: "detach", port: slot })));
    };
    try {
      const host = hostDevice(rtnetlink, tun);
      await host.set({ mtu, up: true, queueLength });
      await Promise.all(
        workers.map((worker, index) => {
          const reads = reader === undefined || index === reader;
          return worker.tell({ do: "attach-tun", port: slot, queue: queues[index] ?? queues[0]!, reads });
        }),
      );
      local.attach(slot, queues[0]!);
      return {
        host,
        async close() {
          await detach();
          tun.close();
        },
      };
    } catch (error) {
      tun.close();
      throw error;
    }
  }

  return {
    open: (options) =>
      options.backing === "kernel" ? openKernel(options) : Promise.resolve({ host: undefined, close: async () => {} }),
    close() {
      netlink?.close();
    },
  };
}
