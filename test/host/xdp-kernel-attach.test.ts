/** Objects in the running kernel, attached to veth devices between namespaces of the test's own. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kernelCapabilities, loadKernelObject, openPin, pin, unpin } from "../../src/dataplane/linux/bpf/index.js";
import { BpfError, bpfMissing, bpfProgramInfo, closeDescriptor, nextBpfId, openBpfId } from "../../src/system/bpf.js";
import { enterNetworkNamespace } from "../../src/system/thread.js";
import type { Instruction } from "../../src/xdp/insn/instruction.js";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../src/xdp/spec.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { run } from "../peers/process.js";
import { missing } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";

const reason = bpfMissing() ?? missing(["ip", "ping", "mount"]);
if (reason !== undefined) console.warn(`skipped: XDP in the kernel: ${reason}`);

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});

const counts: MapSpec = {
  name: "counts",
  type: "array",
  keySize: 4,
  valueSize: 8,
  maxEntries: 2,
  flags: 0,
  pinByName: true,
};
const rodata: MapSpec = {
  name: "rodata",
  type: "array",
  keySize: 4,
  valueSize: 4,
  maxEntries: 1,
  flags: 128,
  initial: Uint8Array.of(1, 0, 0, 0),
};

/** Adds one to counts[slot], and answers `verdict`, or what is in rodata where it is undefined. */
function counter(name: string, slot: number, verdict: number | undefined): ProgramSpec {
  const answer =
    verdict === undefined
      ? [insn(0x18, 1, 2, 0, 1), insn(0, 0, 0, 0, 0), insn(0x61, 0, 1, 0)]
      : [insn(0xb7, 0, 0, 0, verdict)];
  const insns = [
    insn(0x62, 10, 0, -4, slot),
    insn(0x18, 1, 1, 0, 0),
    insn(0),
    insn(0xbf, 2, 10),
    insn(0x07, 2, 0, 0, -4),
    insn(0x85, 0, 0, 0, 1),
    insn(0x15, 0, 0, 2, 0),
    insn(0xb7, 1, 0, 0, 1),
    insn(0xdb, 0, 1, 0, 0),
    ...answer,
    insn(0x95),
  ];
  const maps = [counts, rodata];
  const functions = [{ name, start: 0, btfId: 0, linkage: "global" as const }];
  return { name, section: "xdp", attach: "xdp", frags: false, license: "GPL", insns, maps, functions, lines: [] };
}

const object = (...programs: ProgramSpec[]): ObjectSpec => ({ programs, maps: [counts, rodata], license: "GPL" });

const slotOf = (slot: number): Uint8Array => Uint8Array.of(slot, 0, 0, 0);
const numberOf = (value: Uint8Array | undefined): number =>
  value === undefined ? -1 : Number(new DataView(value.buffer).getBigUint64(0, true));

/** Ids of the programs of this kernel that have one of these names. */
function programsNamed(...names: string[]): number[] {
  const found: number[] = [];
  for (let id = nextBpfId("program", 0); id !== undefined; id = nextBpfId("program", id)) {
    const fd = openBpfId("program", id);
    if (fd === undefined) continue;
    if (names.includes(bpfProgramInfo(fd).name)) found.push(id);
    closeDescriptor(fd);
  }
  return found;
}

/** The kernel frees what nobody holds a little later. */
async function eventually(check: () => boolean): Promise<boolean> {
  for (let round = 0; round < 100 && !check(); round++) await new Promise((resolve) => setTimeout(resolve, 20));
  return check();
}

describe.skipIf(reason !== undefined)("XDP in the kernel", () => {
  const undo = undoStack();
  let near: Namespace;
  let far: Namespace;
  let pins: string;

  beforeAll(async () => {
    near = await createNamespace(undo, "xdp-near");
    far = await createNamespace(undo, "xdp-far");
    await link(
      { space: near, name: "x0", addresses: ["10.66.0.1/24"] },
      { space: far, name: "x1", addresses: ["10.66.0.2/24"] },
    );
    const directory = temporaryDirectory(undo, "bpffs");
    pins = `${directory}/fs`;
    mkdirSync(pins);
    await run(["mount", "-t", "bpf", "bpf", pins]);
    undo.defer(async () => void (await run(["umount", pins])));
    const home = openSync("/proc/thread-self/ns/net", "r");
    enterNetworkNamespace(near.name);
    undo.defer(() => {
      enterNetworkNamespace(`/proc/self/fd/${home}`);
      closeSync(home);
    });
  });
  afterAll(() => undo.run());

  const reachable = async (): Promise<boolean> => {
    try {
      await far.run(["ping", "-c", "2", "-i", "0.05", "-W", "0.3", "10.66.0.1"]);
      return true;
    } catch {
      return false;
    }
  };

  it.each(["native", "generic"] as const)("drops, is replaced, and is taken off again: %s", async (mode) => {
    expect(await reachable()).toBe(true);
    const loaded = loadKernelObject(object(counter("drops", 0, undefined), counter("passes", 1, 2)), {});
    const map = loaded.maps.get("counts")!;
    const attachment = loaded.attach("drops", "x0", mode);
    expect(attachment.info().ifindex).toBe(attachment.ifindex);
    expect(await reachable()).toBe(false);
    const dropped = numberOf(map.lookup(slotOf(0)));
    expect(dropped).toBeGreaterThan(0);

    expect(() => loaded.attach("passes", "x0", mode)).toThrow(/EBUSY/);
    attachment.replace(loaded.programs.get("passes")!);
    expect(attachment.info().programId).toBe(loaded.programs.get("passes")!.id);
    expect(await reachable()).toBe(true);
    expect(numberOf(map.lookup(slotOf(0)))).toBe(dropped);
    expect(numberOf(map.lookup(slotOf(1)))).toBeGreaterThan(0);
    expect(map.entries().map(([key]) => key[0])).toEqual([0, 1]);
    expect(() => loaded.maps.get("rodata")!.update(slotOf(0), slotOf(2))).toThrow(/EPERM/);

    attachment.replace(loaded.programs.get("drops")!);
    expect(await reachable()).toBe(false);
    attachment.detach();
    attachment.detach();
    expect(await reachable()).toBe(true);
    loaded.close();
    expect(await eventually(() => programsNamed("drops", "passes").length === 0)).toBe(true);
  });

  it("shares maps by name, and keeps what is pinned", async () => {
    const first = loadKernelObject(object(counter("one", 0, 2)), { pins });
    const second = loadKernelObject(object(counter("two", 1, 2)), { pins });
    expect(second.maps.get("counts")!.id).toBe(first.maps.get("counts")!.id);
    expect(second.maps.get("rodata")!.id).not.toBe(first.maps.get("rodata")!.id);
    pin(first.programs.get("one")!.fd, pins, "program");
    const attachment = first.attach("one", "x0", "generic");
    attachment.pin(pins, "link");
    attachment.close();
    const { id } = first.programs.get("one")!;
    first.close();
    expect(await reachable()).toBe(true);
    expect(numberOf(second.maps.get("counts")!.lookup(slotOf(0)))).toBeGreaterThan(0);
    const pinned = openPin(pins, "program")!;
    expect(bpfProgramInfo(pinned).id).toBe(id);
    closeDescriptor(pinned);
    second.close();
    for (const name of ["program", "link", "counts"]) unpin(pins, name);
    expect(openPin(pins, "program")).toBeUndefined();
    expect(await eventually(() => programsNamed("one", "two").length === 0)).toBe(true);
  });

  it("says why a pinned map does not fit", () => {
    const first = loadKernelObject(object(counter("one", 0, 2)), { pins });
    first.close();
    const other = { ...counts, valueSize: 16 };
    expect(() => loadKernelObject({ programs: [], maps: [other], license: "GPL" }, { pins })).toThrow(
      /map "counts".*value size 8, the object wants 16/,
    );
    unpin(pins, "counts");
  });

  it("shows the verifier's reason and log, and leaves nothing behind", async () => {
    const bad = { ...counter("bad", 0, 2), insns: [insn(0xbf, 0, 7), insn(0x95)] };
    let refusal: unknown;
    try {
      loadKernelObject(object(counter("good", 0, 2), bad), {});
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(BpfError);
    expect((refusal as BpfError).message).toMatch(/program "bad" \(xdp\): the verifier says: R7 !read_ok/);
    expect((refusal as BpfError).log).toContain("0: (bf) r0 = r7");
    expect(await eventually(() => programsNamed("good", "bad").length === 0)).toBe(true);
  });

  it("refuses what is no program for a device, and devices that are not there", () => {
    const loaded = loadKernelObject(object({ ...counter("dm", 0, 2), attach: "xdp/devmap" }, counter("p", 0, 2)), {});
    expect(() => loaded.attach("dm", "x0", "generic")).toThrow(/no program for a device/);
    expect(() => loaded.attach("p", "nothere", "generic")).toThrow(/no interface "nothere"/);
    expect(() => loaded.attach("q", "x0", "generic")).toThrow(/it has dm, p/);
    loaded.close();
  });

  it("fills maps of maps and prog arrays by name", () => {
    const inner: MapSpec = { ...counts, name: "inner", pinByName: false };
    const outer: MapSpec = {
      name: "outer",
      type: "array_of_maps",
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      flags: 0,
      inner,
      initialSlots: new Map([[1, "inner"]]),
    };
    const jumps: MapSpec = {
      name: "jumps",
      type: "prog_array",
      keySize: 4,
      valueSize: 4,
      maxEntries: 4,
      flags: 0,
      initialSlots: new Map([[2, "p"]]),
    };
    const program = counter("p", 0, 2);
    const loaded = loadKernelObject({
      programs: [program],
      maps: [counts, rodata, inner, outer, jumps],
      license: "GPL",
    });
    const idAt = (map: string, slot: number): number => loaded.maps.get(map)!.lookup(slotOf(slot))?.[0] ?? -1;
    expect(idAt("outer", 1)).toBe(loaded.maps.get("inner")!.id & 0xff);
    expect(idAt("outer", 0)).toBe(-1);
    expect(idAt("jumps", 2)).toBe(loaded.programs.get("p")!.id & 0xff);
    loaded.close();
  });

  it("knows what the kernel can do", () => {
    const known = kernelCapabilities();
    expect(known.missing).toBeUndefined();
    expect(known.attachTypes).toContain("xdp");
    expect(known.mapTypes).toEqual(expect.arrayContaining(["array", "hash", "lpm_trie", "devmap", "array_of_maps"]));
    expect(known.helpers).toEqual(expect.arrayContaining([1, 2, 3, 44, 51]));
    expect(known.isa).toBeGreaterThanOrEqual(2);
  });
});
