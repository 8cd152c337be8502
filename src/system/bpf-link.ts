/** What holds a program at a device (a link), names in a BPF file system, and what the kernel knows of its objects. */

import { constants } from "node:os";
import { bpf, bpfAttribute, bpfFailure, bpfRoom, storeAddress, storeText, textAt, tryBpf } from "./bpf-call.js";
import {
  bpfc,
  linkCreateAttr as create,
  idAttr,
  infoAttr,
  linkInfo,
  mapInfo,
  objectAttr,
  programInfo,
  linkUpdateAttr as update,
} from "./bpf-structs.js";

const { ENOENT } = constants.errno;

export type XdpMode = "native" | "generic" | "offload";

const modeFlags: Readonly<Record<XdpMode, number>> = {
  native: bpfc.XDP_FLAGS_DRV_MODE,
  generic: bpfc.XDP_FLAGS_SKB_MODE,
  offload: bpfc.XDP_FLAGS_HW_MODE,
};

/** Attaches a program to an interface, until the descriptor that it answers (and every copy and pin of it) is closed. @throws BpfError */
export function createXdpLink(programFd: number, ifindex: number, mode: XdpMode): number {
  const view = bpfAttribute();
  view.setUint32(create.programFd, programFd, true);
  view.setUint32(create.targetIfindex, ifindex, true);
  view.setUint32(create.attachType, bpfc.BPF_XDP, true);
  view.setUint32(create.flags, modeFlags[mode], true);
  return bpf("LINK_CREATE", create.size, `to interface ${ifindex} in mode ${mode}`);
}

/** Replaces the link's program between two frames; with `oldProgramFd`, only if that one is there. @throws BpfError */
export function updateBpfLink(linkFd: number, newProgramFd: number, oldProgramFd?: number): void {
  const view = bpfAttribute();
  view.setUint32(update.linkFd, linkFd, true);
  view.setUint32(update.newProgramFd, newProgramFd, true);
  if (oldProgramFd !== undefined) {
    view.setUint32(update.flags, bpfc.BPF_F_REPLACE, true);
    view.setUint32(update.oldProgramFd, oldProgramFd, true);
  }
  bpf("LINK_UPDATE", update.size, `of link of descriptor ${linkFd}`);
}

/** Takes the program off, whoever else holds the link. @throws BpfError */
export function detachBpfLink(linkFd: number): void {
  const view = bpfAttribute();
  view.setUint32(update.linkFd, linkFd, true);
  bpf("LINK_DETACH", 4, `of link of descriptor ${linkFd}`);
}

/** Gives a program, map or link a name in a BPF file system, which keeps it alive. @throws BpfError */
export function pinBpfObject(fd: number, path: string): void {
  const view = bpfAttribute();
  view.setUint32(objectAttr.fd, fd, true);
  storeText(view, objectAttr.path, path);
  bpf("OBJ_PIN", objectAttr.size, `as ${path}`);
}

/** Answers a descriptor that the caller closes; undefined: nothing has that name. @throws BpfError */
export function openBpfPin(path: string): number | undefined {
  const view = bpfAttribute();
  storeText(view, objectAttr.path, path);
  const answer = tryBpf("OBJ_GET", objectAttr.size);
  if (answer === -ENOENT) return undefined;
  if (answer < 0) throw bpfFailure(-answer, "OBJ_GET", `of ${path}`);
  return answer;
}

export type BpfObjectKind = "program" | "map" | "link";

const nextCommands = { program: "PROG_GET_NEXT_ID", map: "MAP_GET_NEXT_ID", link: "LINK_GET_NEXT_ID" } as const;
const openCommands = { program: "PROG_GET_FD_BY_ID", map: "MAP_GET_FD_BY_ID", link: "LINK_GET_FD_BY_ID" } as const;

/** The smallest id after `id` (0: the first) of all objects of the kernel; undefined: there is none. @throws BpfError */
export function nextBpfId(kind: BpfObjectKind, id: number): number | undefined {
  const view = bpfAttribute();
  view.setUint32(idAttr.id, id, true);
  const answer = tryBpf(nextCommands[kind], idAttr.size);
  if (answer === -ENOENT) return undefined;
  if (answer < 0) throw bpfFailure(-answer, nextCommands[kind], `after ${id}`);
  return view.getUint32(idAttr.nextId, true);
}

/** Answers a descriptor that the caller closes; undefined: the object is gone. @throws BpfError */
export function openBpfId(kind: BpfObjectKind, id: number): number | undefined {
  const view = bpfAttribute();
  view.setUint32(idAttr.id, id, true);
  const answer = tryBpf(openCommands[kind], idAttr.size);
  if (answer === -ENOENT) return undefined;
  if (answer < 0) throw bpfFailure(-answer, openCommands[kind], `of ${id}`);
  return answer;
}

export interface BpfProgramInfo {
  readonly type: number;
  readonly id: number;
  /** Hash of its instructions, 16 hexadecimal digits. */
  readonly tag: string;
  readonly name: string;
  /** Bytes of machine code; 0: it is interpreted. */
  readonly jitedLength: number;
  readonly xlatedLength: number;
  readonly maps: number;
  readonly verifiedInsns: number;
  readonly runCount: number;
  readonly runTime: number;
}

export function bpfProgramInfo(fd: number): BpfProgramInfo {
  const { view, bytes } = readInfo(fd, programInfo.size);
  return {
    type: view.getUint32(programInfo.type, true),
    id: view.getUint32(programInfo.id, true),
    tag: Buffer.from(bytes.subarray(programInfo.tag, programInfo.tag + 8)).toString("hex"),
    name: textAt(bytes, programInfo.name, 16),
    jitedLength: view.getUint32(programInfo.jitedLength, true),
    xlatedLength: view.getUint32(programInfo.xlatedLength, true),
    maps: view.getUint32(programInfo.mapCount, true),
    verifiedInsns: view.getUint32(programInfo.verifiedInsns, true),
    runCount: Number(view.getBigUint64(programInfo.runCount, true)),
    runTime: Number(view.getBigUint64(programInfo.runTime, true)),
  };
}

export interface BpfMapInfo {
  readonly type: number;
  readonly id: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: number;
}

export function bpfMapInfo(fd: number): BpfMapInfo {
  const { view, bytes } = readInfo(fd, mapInfo.size);
  return {
    type: view.getUint32(mapInfo.type, true),
    id: view.getUint32(mapInfo.id, true),
    name: textAt(bytes, mapInfo.name, 16),
    keySize: view.getUint32(mapInfo.keySize, true),
    valueSize: view.getUint32(mapInfo.valueSize, true),
    maxEntries: view.getUint32(mapInfo.maxEntries, true),
    flags: view.getUint32(mapInfo.flags, true),
    extra: Number(view.getBigUint64(mapInfo.extra, true)),
  };
}

export interface BpfLinkInfo {
  readonly type: number;
  readonly id: number;
  /** 0: none is attached. */
  readonly programId: number;
  /** Of an XDP link; 0: it is detached. */
  readonly ifindex: number;
}

export function bpfLinkInfo(fd: number): BpfLinkInfo {
  const { view } = readInfo(fd, linkInfo.size);
  return {
    type: view.getUint32(linkInfo.type, true),
    id: view.getUint32(linkInfo.id, true),
    programId: view.getUint32(linkInfo.programId, true),
    ifindex: view.getUint32(linkInfo.xdpIfindex, true),
  };
}

function readInfo(fd: number, size: number): { readonly bytes: Uint8Array; readonly view: DataView } {
  const view = bpfAttribute();
  const { bytes, address } = bpfRoom(size);
  // Pointers and lengths in it would ask for more.
  bytes.fill(0);
  view.setUint32(infoAttr.fd, fd, true);
  view.setUint32(infoAttr.length, size, true);
  storeAddress(view, infoAttr.info, address);
  bpf("OBJ_GET_INFO_BY_FD", infoAttr.size, `of descriptor ${fd}`);
  const copy = bytes.slice();
  return { bytes: copy, view: new DataView(copy.buffer) };
}
