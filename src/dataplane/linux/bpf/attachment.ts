/** A program at a device of the kernel, held by a BPF link: it goes with the last descriptor of the link, so no crash leaves it behind. */
import { JunctorError } from "../../../errors.js";
import {
  type BpfLinkInfo,
  bpfLinkInfo,
  closeDescriptor,
  createXdpLink,
  detachBpfLink,
  updateBpfLink,
  type XdpMode,
} from "../../../system/bpf.js";
import { linkByName } from "../../../system/netlink-link.js";
import { openNetlinkSocket } from "../../../system/netlink-socket.js";
import type { AttachType } from "../../../xdp/spec.js";
import { pin } from "./pins.js";

export interface KernelProgram {
  readonly name: string;
  readonly attach: AttachType;
  readonly fd: number;
  readonly id: number;
  /** Hash of its instructions, 16 hexadecimal digits. */
  readonly tag: string;
  /** Bytes of machine code; 0: the kernel interprets it. */
  readonly jitedLength: number;
  /** The verifier's, if it was asked for. */
  readonly log: string;
}

export interface KernelAttachment {
  readonly ifindex: number;
  readonly mode: XdpMode;
  /** Puts another program in its place between two frames. @throws BpfError; the old one stays */
  replace(program: KernelProgram): void;
  info(): BpfLinkInfo;
  /** Lets the attachment outlive this process. */
  pin(directory: string, name: string): string;
  /** Takes the program off. Idempotent. */
  detach(): void;
  /** Gives the link back without taking the program off if someone else (a pin) holds it too. Idempotent. */
  close(): void;
}

/** @throws BpfError; JunctorError ENODEV, EINVAL */
export function attachXdp(program: KernelProgram, device: string | number, mode: XdpMode): KernelAttachment {
  if (program.attach !== "xdp") {
    const problem = `program "${program.name}" of kind ${program.attach} is no program for a device`;
    throw new JunctorError("EINVAL", problem, "put it into a devmap or cpumap");
  }
  const ifindex = typeof device === "number" ? device : deviceIndex(device);
  let fd: number | undefined = createXdpLink(program.fd, ifindex, mode);
  const held = (): number => {
    if (fd !== undefined) return fd;
    throw new JunctorError("EINVAL", `program "${program.name}" is no longer attached to interface ${ifindex}`);
  };
  const close = (): void => {
    if (fd !== undefined) closeDescriptor(fd);
    fd = undefined;
  };
  return {
    ifindex,
    mode,
    replace: (next) => updateBpfLink(held(), next.fd),
    info: () => bpfLinkInfo(held()),
    pin: (directory, name) => pin(held(), directory, name),
    detach() {
      if (fd === undefined) return;
      detachBpfLink(fd);
      close();
    },
    close,
  };
}

function deviceIndex(name: string): number {
  const socket = openNetlinkSocket();
  try {
    const link = linkByName(socket, name);
    if (link !== undefined) return link.index;
    throw new JunctorError("ENODEV", `there is no interface "${name}"`, "see `ip link`");
  } finally {
    socket.close();
  }
}
