/** TUN interfaces (Documentation/networking/tuntap.rst): IP packets between the host's network stack and this process. */
import { errnoName, SystemError } from "./errno.js";
import { errno, libc } from "./ffi.js";
import { linkByName } from "./netlink-link.js";
import { openNetlinkSocket } from "./netlink-socket.js";
import { scratchBytes } from "./scratch.js";
import { check } from "./socket.js";
import { c, ifreq, virtioNetHdr } from "./structs.js";

export interface TunOptions {
  /** At most 15 bytes. An interface that is there already is taken if it is a multi-queue TUN that nobody has open. */
  readonly name: string;
  /** Descriptors of the one interface; the host spreads flows over them. 1 to 256. */
  readonly queues: number;
  /** A virtio_net_hdr before every packet, both ways. Default: false. */
  readonly vnetHeader?: boolean;
  /** Which super-packets and partial checksums the host may hand us. Needs `vnetHeader`. Default: none. */
  readonly offloads?: readonly Offload[];
}

/** `checksum` is what all others need; `ecn` adds TCP segments with CWR; `uso*` are UDP, from Linux 6.2 on. */
export type Offload = keyof typeof offloadBits;

const offloadBits = {
  checksum: c.TUN_F_CSUM,
  tso4: c.TUN_F_TSO4,
  tso6: c.TUN_F_TSO6,
  ecn: c.TUN_F_TSO_ECN,
  uso4: c.TUN_F_USO4,
  uso6: c.TUN_F_USO6,
} as const;

/** Everything that the kernel may know. */
export const allOffloads = Object.keys(offloadBits) as readonly Offload[];

export interface Tun {
  readonly name: string;
  /** Interface index. */
  readonly index: number;
  /** One non-blocking descriptor for each queue. */
  readonly queues: readonly number[];
  /** Bytes before each packet: 12 (virtio_net_hdr_mrg_rxbuf, so that packets keep their alignment to 4), or 0. */
  readonly vnetHeaderLength: number;
  /** Those asked for that the kernel took. Writing super-packets needs no leave: `vnetHeader` is enough. */
  readonly offloads: readonly Offload[];
  /** The interface goes with its last descriptor, unless it was made beforehand by `ip tuntap`. */
  close(): void;
}

const device = "/dev/net/tun";

const hints: Readonly<Record<string, string>> = {
  EPERM: "run as root, or give the capability CAP_NET_ADMIN, or make it beforehand: ip tuntap add mode tun multi_queue",
  EACCES: `give this user access to ${device}, or run as root`,
  ENOENT: "load the module (modprobe tun); a container must be given the device (--device /dev/net/tun)",
  ENODEV: "the kernel has no TUN driver (modprobe tun)",
  EBUSY: "another program has it open, or it is no TUN interface; choose another name, see `ip -d link`",
  EINVAL: "it is there already and is no multi-queue TUN interface; choose another name, see `ip -d link`",
};

/** Opens all queues of one interface, which is down and has no address yet. @throws SystemError saying what would mend it */
export function openTun(options: TunOptions): Tun {
  const { name, vnetHeader = false } = options;
  if (Buffer.byteLength(name) >= ifreq.nameSize || name === "") {
    throw new SystemError("EINVAL", "open", `TUN interface "${name}"`, "a name has 1 to 15 bytes");
  }
  const flags = c.IFF_TUN | c.IFF_NO_PI | c.IFF_MULTI_QUEUE | (vnetHeader ? c.IFF_VNET_HDR : 0);
  const queues: number[] = [];
  const close = (): void => {
    for (const fd of queues.splice(0)) libc().close(fd);
  };
  try {
    // Without TUN_EXCL a second queue would join an interface of another process without a word.
    queues.push(openQueue(name, flags, !isFree(name)));
    while (queues.length < options.queues) queues.push(openQueue(name, flags, false));
    for (const fd of vnetHeader ? queues : []) setHeaderLength(fd, name);
    const offloads = vnetHeader ? setOffloads(queues[0]!, options.offloads ?? []) : [];
    const vnetHeaderLength = vnetHeader ? virtioNetHdr.sizeWithBuffers : 0;
    return { name, index: interfaceIndex(name), queues: [...queues], vnetHeaderLength, offloads, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Whether the interface is there, is a multi-queue TUN that outlives its owners, and has none now. */
function isFree(name: string): boolean {
  const socket = openNetlinkSocket();
  try {
    const link = linkByName(socket, name);
    return link?.tun?.persistent === true && link.tun.queues === 0;
  } finally {
    socket.close();
  }
}

function openQueue(name: string, flags: number, exclusive: boolean): number {
  const fd = libc().open(device, c.O_RDWR | c.O_NONBLOCK | c.O_CLOEXEC, 0);
  if (fd < 0) throw failure("open", device);
  const { view, address } = request(name);
  view.setUint16(ifreq.flags, flags | (exclusive ? c.IFF_TUN_EXCL : 0), true);
  if (libc().ioctl(fd, c.TUNSETIFF, address) === 0) return fd;
  const error = failure("TUNSETIFF", name);
  libc().close(fd);
  throw error;
}

const failure = (call: string, what: string): SystemError => {
  const code = errnoName(errno());
  return new SystemError(code, call, `of ${what} failed`, hints[code]);
};

function request(name: string): { readonly view: DataView; readonly address: number } {
  const { bytes, view, address } = scratchBytes();
  bytes.fill(0, 0, ifreq.size);
  bytes.set(Buffer.from(name), ifreq.name);
  return { view, address };
}

function setHeaderLength(fd: number, name: string): void {
  const { view, address } = scratchBytes();
  view.setInt32(0, virtioNetHdr.sizeWithBuffers, true);
  check(libc().ioctl(fd, c.TUNSETVNETHDRSZ, address), "TUNSETVNETHDRSZ", `of ${name} failed`);
}

/** The kernel takes all or nothing, so what it may be too old for is asked for last. Offloads are the interface's. */
function setOffloads(fd: number, wanted: readonly Offload[]): readonly Offload[] {
  const known = wanted.includes("checksum") ? wanted : [];
  const withoutUdp = known.filter((offload) => !offload.startsWith("uso"));
  const withoutEcn = withoutUdp.filter((offload) => offload !== "ecn");
  for (const offloads of [known, withoutUdp, withoutEcn]) {
    const bits = offloads.reduce((sum, offload) => sum | offloadBits[offload], 0);
    if (libc().ioctl(fd, c.TUNSETOFFLOAD, bits) === 0) return offloads;
  }
  return [];
}

function interfaceIndex(name: string): number {
  const socket = check(libc().socket(c.AF_INET, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0), "socket", "for SIOCGIFINDEX");
  try {
    const { view, address } = request(name);
    check(libc().ioctl(socket, c.SIOCGIFINDEX, address), "SIOCGIFINDEX", `of ${name} failed`);
    return view.getInt32(ifreq.index, true);
  } finally {
    libc().close(socket);
  }
}
