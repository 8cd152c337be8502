import { describe, expect, it } from "vitest";
import { attachMap } from "../maps/attach.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory } from "../memory.js";
import { placeFrame, takeFrame } from "../run/frame.js";
import type { FibLookup, XdpHost } from "../run/host.js";
import { action, redirectKind, state } from "../run/state.js";
import { createWindows } from "../run/windows.js";
import { type MapSpec, mapFlag } from "../spec.js";
import { setTime } from "./basic.js";
import { errno } from "./errno.js";
import { createHelpers } from "./helpers.js";
import { absentHelpers, helperDifferences } from "./kernel.js";
import { sipHash64 } from "./siphash.js";
import { helperById, missingHelper, helpers as table } from "./table.js";

const block = 8192;
const region = 65536;
const stack = block + state.stackTop;
const spec = (name: string, type: MapSpec["type"], more: Partial<MapSpec> = {}): MapSpec => ({
  name,
  type,
  keySize: 4,
  valueSize: 4,
  maxEntries: 4,
  flags: 0,
  ...more,
});

function setUp(specs: readonly MapSpec[] = [], host: XdpHost = {}) {
  const memory = createXdpMemory(8 * 65536 + 2 ** 20);
  const store = createMapStore({ memory, region: { start: 4 * 65536, bytes: memory.size - 4 * 65536 }, cpus: 2 });
  const maps = specs.map((one) => store.create(one));
  const records = maps.map((map) => map.record);
  const windows = createWindows(memory, records, { cpus: 2 });
  const helpers = createHelpers({
    memory,
    host,
    windows,
    map: (record) => attachMap(memory, record, 0),
    rings: () => records.filter((_, index) => specs[index]?.type === "ringbuf"),
  });
  const call = (id: number, ...words: number[]): number => helpers[`helper_${id}`]!(block, ...words);
  const field = (offset: number): number => memory.u32[(block + offset) >>> 2]!;
  const put = (at: number, bytes: ArrayLike<number>): number => {
    memory.u8.set(bytes, at);
    return at;
  };
  placeFrame(
    memory,
    block,
    region,
    Uint8Array.from({ length: 64 }, (_, index) => index),
  );
  return { memory, maps, records, call, field, put, windows, helpers };
}
const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);

describe("table of helpers", () => {
  it("has an implementation of each but those that engines do", () => {
    const { helpers } = setUp();
    const engine = new Set([12, 164, 181]);
    expect(table.filter(({ id }) => !engine.has(id) && helpers[`helper_${id}`] === undefined)).toEqual([]);
    expect(helperById(26)).toBeUndefined();
    expect(missingHelper(26)).toBe("helper bpf_skb_load_bytes (26) is not provided to XDP programs");
    expect(missingHelper(84)).toBe(
      "helper bpf_sk_lookup_tcp (84) is not provided here: sockets are the host's, and the frames here are not",
    );
    expect([...absentHelpers.keys()].filter((id) => helperById(id) !== undefined)).toEqual([]);
    expect([...helperDifferences.keys()].filter((id) => helperById(id) === undefined)).toEqual([]);
    expect(missingHelper(9999)).toBe("there is no helper number 9999");
  });
});

describe("edges of the frame", () => {
  it("adjust_head takes the metadata along, and stops where the kernel does", () => {
    const { memory, call, field, put } = setUp();
    const data = field(state.data);
    expect(call(54, -4)).toBe(0);
    put(data - 4, [1, 2, 3, 4]);
    expect(call(44, -20)).toBe(0);
    expect(takeFrame(memory, block).metadata).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(field(state.data)).toBe(data - 20);
    expect(call(44, 64 + 20 - 14 + 1)).toBe(-errno.EINVAL);
    expect(call(44, 64 + 20 - 14)).toBe(0);
    expect(field(state.dataEnd) - field(state.data)).toBe(14);
    expect(call(44, -(field(state.data) - data + 212 + 1))).toBe(-errno.EINVAL);
    expect(call(44, -(field(state.data) - data + 212))).toBe(0);
    expect(field(state.dataMeta)).toBe(field(state.hardStart));
  });

  it("adjust_meta wants multiples of 4", () => {
    const { call } = setUp();
    expect(call(54, 4)).toBe(-errno.EINVAL);
    expect(call(54, -3)).toBe(-errno.EACCES);
    expect(call(54, -220)).toBe(-errno.EINVAL);
    expect(call(54, -216)).toBe(0);
  });

  it("adjust_tail zeroes what it adds", () => {
    const { memory, call, field } = setUp();
    memory.u8.fill(0xff, field(state.dataEnd), field(state.dataEnd) + 100);
    expect(call(65, 8)).toBe(0);
    expect(takeFrame(memory, block).frame.slice(63)).toEqual(Uint8Array.of(63, 0, 0, 0, 0, 0, 0, 0, 0));
    expect(call(65, 3520 - 72 + 1)).toBe(-errno.EINVAL);
    expect(call(65, 3520 - 72)).toBe(0);
    expect(call(65, -(3520 - 13))).toBe(-errno.EINVAL);
    expect(call(65, -(3520 - 14))).toBe(0);
  });

  it("asks the host for room", () => {
    const moved: number[][] = [];
    const memoryOf: { memory?: ReturnType<typeof setUp>["memory"] } = {};
    const host: XdpHost = {
      reseat: (_, head, tail) => {
        moved.push([head, tail]);
        memoryOf.memory!.u32[(block + state.hardStart) >>> 2] = region;
        return true;
      },
    };
    const { memory, call } = setUp([], host);
    memoryOf.memory = memory;
    expect(call(44, -230)).toBe(0);
    expect(call(44, -230)).toBe(-errno.EINVAL);
    expect(moved).toEqual([
      [230, 0],
      [230, 0],
    ]);
  });

  it("loads and stores bytes within the frame and the program's memory", () => {
    const { memory, call, field, put } = setUp();
    expect(call(189, 60, stack - 8, 4)).toBe(0);
    expect(memory.u8.slice(stack - 8, stack - 4)).toEqual(Uint8Array.of(60, 61, 62, 63));
    expect(call(189, 61, stack - 8, 4)).toBe(-errno.EINVAL);
    expect(call(189, 0x10000, stack - 8, 4)).toBe(-errno.EFAULT);
    expect(call(189, 0, stack - 2, 4)).toBe(-errno.EFAULT);
    expect(call(189, 0, block, 4)).toBe(-errno.EFAULT);
    expect(call(190, 0, put(stack - 8, [9, 8]), 2)).toBe(0);
    expect(memory.u8.slice(field(state.data), field(state.data) + 2)).toEqual(Uint8Array.of(9, 8));
    expect(call(190, 0, 0, 4)).toBe(-errno.EFAULT);
    expect(call(188)).toBe(64);
  });

  it("check_mtu counts the header", () => {
    const { memory, call } = setUp([], { mtu: (index) => (index === 1 ? { mtu: 50, header: 14 } : undefined) });
    memory.view.setUint32(stack - 4, 0, true);
    expect(call(163, 0, stack - 4, 0, 0, 0)).toBe(0);
    expect(memory.view.getUint32(stack - 4, true)).toBe(50);
    expect(call(163, 0, stack - 4, 1, 0, 0)).toBe(1);
    expect(call(163, 9, stack - 4, 0, 0, 0)).toBe(-errno.ENODEV);
    expect(call(163, 0, stack - 4, 0, 1, 0)).toBe(-errno.EINVAL);
  });
});

describe("checksums", () => {
  it("csum_diff adds, takes away and replaces", () => {
    const { call, put } = setUp();
    const from = put(stack - 16, [1, 2, 3, 4]);
    const to = put(stack - 8, [5, 6, 7, 8, 255, 255, 255, 255]);
    const sum = (...halves: number[]): number => {
      let total = halves.reduce((all, one) => all + one, 0);
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      return total;
    };
    expect(call(28, 0, 0, to, 4, 0)).toBe(sum(0x0605, 0x0807));
    expect(call(28, 0, 0, to, 8, 0)).toBe(sum(0x0605, 0x0807));
    expect(call(28, from, 4, to, 4, 0)).toBe(sum(0x0605, 0x0807, 0xffff - 0x0201, 0xffff - 0x0403));
    expect(call(28, from, 4, 0, 0, 0)).toBe(sum(0xffff - 0x0201, 0xffff - 0x0403));
    expect(call(28, from, 4, from, 4, 0)).toBe(0xffff);
    expect(call(28, 0, 0, 0, 0, 0x12345)).toBe(0x2346);
    expect(call(28, from, 3, 0, 0, 0)).toBe(sum(0xffff - 0x0201, 0xffff - 0x03));
    expect(call(28, 64, 4, 0, 0, 0)).toBe(-errno.EFAULT);
  });
});

describe("redirects", () => {
  it("redirect_map misses with the answer in its flags, and the last call wins", () => {
    const { maps, records, call, field } = setUp([spec("ports", "devmap"), spec("array", "array")]);
    const record = records[0]!;
    maps[0]!.update(Uint8Array.of(2, 0, 0, 0), Uint8Array.of(7, 0, 0, 0));
    expect(call(51, record, 2, 0, 0)).toBe(action.redirect);
    expect([field(state.redirect), field(state.redirectMap), field(state.redirectKey)]).toEqual([
      redirectKind.devmap,
      record,
      2,
    ]);
    expect(call(51, record, 1, action.pass, 0)).toBe(action.pass);
    expect(field(state.redirect)).toBe(redirectKind.none);
    expect(call(51, record, 99, 8 | 16, 0)).toBe(action.redirect);
    expect(field(state.redirectFlags)).toBe(24);
    expect(call(51, record, 2, 4, 0)).toBe(action.aborted);
    expect(call(51, record, 2, 0, 1)).toBe(action.aborted);
    expect(call(51, records[1]!, 2, 0, 0)).toBe(action.aborted);
    expect(call(23, 5, 0, 0)).toBe(action.redirect);
    expect([field(state.redirect), field(state.redirectKey)]).toEqual([redirectKind.ifindex, 5]);
    expect(call(23, 5, 1, 0)).toBe(action.aborted);
  });
});

describe("maps", () => {
  it("checks keys and values", () => {
    const { memory, call, records, put } = setUp([spec("hash", "hash", { valueSize: 8 })]);
    const record = records[0]!;
    const key = put(stack - 4, [1, 0, 0, 0]);
    const value = put(stack - 16, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(call(1, record, key)).toBe(0);
    expect(call(2, record, key, value, 0, 0)).toBe(0);
    expect(call(2, record, key, value, 1, 0)).toBe(-errno.EEXIST);
    expect(call(2, record, key, value, 0, 1)).toBe(-errno.EINVAL);
    const at = call(1, record, key);
    expect(memory.u8.slice(at, at + 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(call(2, record, key, 0, 0, 0)).toBe(-errno.EFAULT);
    expect(call(2, record, stack - 2, value, 0, 0)).toBe(-errno.EFAULT);
    expect(call(3, record, key)).toBe(0);
    expect(call(3, record, key)).toBe(-errno.ENOENT);
  });

  it("pushes and pops", () => {
    const { memory, call, records, put } = setUp([spec("queue", "queue", { keySize: 0, maxEntries: 1 })]);
    const value = put(stack - 4, [1, 2, 3, 4]);
    expect(call(87, records[0]!, value, 0, 0)).toBe(0);
    expect(call(87, records[0]!, value, 0, 0)).toBe(-errno.E2BIG);
    expect(call(88, records[0]!, stack - 8)).toBe(0);
    expect(memory.u8[stack - 5]).toBe(4);
    expect(call(88, records[0]!, stack - 8)).toBe(-errno.ENOENT);
    expect(call(88, records[0]!, 0)).toBe(-errno.EFAULT);
  });

  it("does not let a program at what it may not write", () => {
    const { windows, memory, records } = setUp([
      spec("constant", "array", { flags: mapFlag.readOnlyProgram }),
      spec("other", "array"),
    ]);
    const values = memory.u32[(records[0]! >>> 2) + 6]!;
    expect(windows.mayTouch(block, values, 4, false)).toBe(true);
    expect(windows.mayTouch(block, values, 4, true)).toBe(false);
    expect(windows.isConstant(values, 4)).toBe(true);
    expect(windows.mayTouch(block, records[1]!, 4, false)).toBe(false);
    expect(windows.mayTouch(block, stack - 4, 5, false)).toBe(false);
    expect(windows.mayTouch(block, stack - 4, -1, false)).toBe(false);
  });
});

describe("buffers", () => {
  const ring = spec("ring", "ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 });

  it("records by copy, by reservation and by dynptr", () => {
    const { memory, maps, call, records, put } = setUp([ring]);
    const record = records[0]!;
    expect(call(130, record, put(stack - 4, [1, 2, 3, 4]), 4, 0, 0)).toBe(0);
    const room = call(131, record, 2, 0, 0);
    put(room, [5, 6]);
    expect(call(132, room, 0)).toBe(0);
    expect(call(133, call(131, record, 8, 0, 0), 0)).toBe(0);
    expect(call(131, record, 5000, 0, 0)).toBe(0);
    expect(call(198, record, 4, 0, 0, stack - 32)).toBe(0);
    expect(call(202, stack - 32, 1, stack - 4, 3, 0, 0)).toBe(0);
    expect(call(202, stack - 32, 2, stack - 4, 3, 0, 0)).toBe(-errno.E2BIG);
    put(call(203, stack - 32, 0, 1), [9]);
    expect(call(203, stack - 32, 1, 4)).toBe(0);
    expect(call(201, stack - 8, 4, stack - 32, 0, 0, 0)).toBe(0);
    expect(memory.u8.slice(stack - 8, stack - 4)).toEqual(Uint8Array.of(9, 1, 2, 3));
    expect(call(199, stack - 32, 0)).toBe(0);
    expect(call(203, stack - 32, 0, 1)).toBe(0);
    expect(call(130, record, block, 4, 0, 0)).toBe(-errno.EFAULT);
    const seen: Uint8Array[] = [];
    maps[0]!.consume((data) => seen.push(data.slice()));
    expect(seen).toEqual([Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6), Uint8Array.of(9, 1, 2, 3)]);
    expect(call(134, record, 1, 0)).toBe(4096);
  });

  it("gives nothing for a forged dynptr", () => {
    const { memory, call } = setUp([ring]);
    memory.view.setUint32(stack - 32, 64, true);
    memory.view.setUint32(stack - 28, 100, true);
    memory.view.setUint32(stack - 24, 1, true);
    expect(call(201, stack - 8, 4, stack - 32, 0, 0, 0)).toBe(-errno.EFAULT);
    expect(call(203, stack - 32, 0, 4)).toBe(0);
  });

  it("perf_event_output checks its flags and writes a piece of the frame", () => {
    const perf = spec("events", "perf_event_array", { maxEntries: 2 });
    const { maps, call, records, put } = setUp([perf]);
    const at = put(stack - 8, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(call(25, records[0]!, -1, 0, at, 8)).toBe(0);
    expect(call(25, records[0]!, -1, 16, at, 8)).toBe(0);
    expect(call(25, records[0]!, -1, 65, at, 8)).toBe(-errno.EFAULT);
    expect(call(25, records[0]!, -1, 1 << 20, at, 8)).toBe(-errno.EINVAL);
    expect(call(25, records[0]!, 2, 0, at, 8)).toBe(-errno.E2BIG);
    const seen: Uint8Array[] = [];
    maps[0]!.consume((data) => seen.push(data.slice()));
    expect(seen[0]?.slice(0, 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(seen[1]?.slice(8, 24)).toEqual(Uint8Array.from({ length: 16 }, (_, index) => index));
  });
});

describe("text", () => {
  const constant = spec("rodata", "array", { valueSize: 256, maxEntries: 1, flags: mapFlag.readOnlyProgram });

  it("prints the kernel's subset", () => {
    const lines: string[] = [];
    const { call, put } = setUp([], { trace: (line) => lines.push(line) });
    const print = (format: string, ...values: bigint[]): number => {
      const bytes = text(format);
      const words = values.flatMap((value) => [
        Number(BigInt.asIntN(32, value)),
        Number(BigInt.asIntN(32, value >> 32n)),
      ]);
      return call(6, put(stack - 128, bytes), bytes.length, ...words);
    };
    expect(print("%d %u %x\n", -1n, -1n, 255n)).toBe("-1 4294967295 ff\n".length);
    print("%lld|%5d|%-4u.", -1n, 42n, 7n);
    print("%08lx %% %c", 0xabcdn, 65n);
    print("%pI4", BigInt(put(stack - 4, [10, 0, 0, 1])));
    print("%s", BigInt(put(stack - 16, text("word"))));
    expect(lines).toEqual(["-1 4294967295 ff", "-1|   42|7   .", "0000abcd % A", "10.0.0.1", "word"]);
    expect(print("%d %d %d %d")).toBe(-errno.EINVAL);
    expect(print("%f")).toBe(-errno.EINVAL);
    expect(print("\x01")).toBe(-errno.EINVAL);
    expect(call(6, put(stack - 4, [65, 65, 65, 65]), 4)).toBe(-errno.EINVAL);
  });

  it("snprintf cuts off and tells the whole length; strncmp compares", () => {
    const { memory, records, call, put } = setUp([constant]);
    const format = put(memory.u32[(records[0]! >>> 2) + 6]!, text("n=%d"));
    memory.view.setBigUint64(stack - 8, 1234n, true);
    expect(call(165, stack - 16, 5, format, stack - 8, 8)).toBe(7);
    expect(memory.u8.slice(stack - 16, stack - 11)).toEqual(text("n=12"));
    expect(call(165, stack - 16, 5, stack - 8, 0, 0)).toBe(-errno.EINVAL);
    expect(call(165, stack - 16, 5, format, stack - 8, 7)).toBe(-errno.EINVAL);
    expect(call(182, put(stack - 8, text("n=%d")), 5, format)).toBe(0);
    expect(call(182, put(stack - 8, text("n=")), 5, format)).toBe(-1);
    expect(call(182, put(stack - 8, text("o=")), 5, format)).toBe(1);
    expect(call(182, put(stack - 8, text("n=x")), 2, format)).toBe(0);
  });
});

describe("time, routes, locks, cookies", () => {
  it("answers from the state block", () => {
    const { memory, call, field, helpers } = setUp([], { seed: [1, 2, 3, 4], atomicOffset: 0 });
    setTime(memory.u32, block, 5 * 2 ** 32 + 7);
    expect([call(5), field(state.returnHigh)]).toEqual([7, 5]);
    expect([call(208), field(state.returnHigh)]).toEqual([7, 5]);
    expect(call(118)).toBe(Math.floor((5 * 2 ** 32 + 7) / 4e6));
    memory.u32[(block + state.user) >>> 2] = 99;
    expect(helpers.kfunc_2!(block)).toBe(99);
    memory.u32.set([1, 2, 3, 4], (block + state.random) >>> 2);
    // First numbers of xoshiro128++ from this state.
    expect([call(7), call(7)]).toEqual([641, 1573767]);
  });

  it("locks and gives back only what it holds", () => {
    const { memory, call, field } = setUp();
    call(93, stack - 4);
    expect([memory.u32[(stack - 4) >>> 2], field(state.lock)]).toEqual([1, stack - 4]);
    call(94, stack - 8);
    expect(field(state.lock)).toBe(stack - 4);
    call(94, stack - 4);
    expect([memory.u32[(stack - 4) >>> 2], field(state.lock)]).toEqual([0, 0]);
  });

  it("fib_lookup reads and writes the kernel's struct", () => {
    let asked: Partial<FibLookup> = {};
    const fib = (lookup: FibLookup): number => {
      asked = { ifindex: lookup.ifindex, destinationPort: lookup.destinationPort };
      lookup.ifindex = 3;
      lookup.destinationMac.set([2, 0, 0, 0, 0, 9]);
      return 0;
    };
    const { memory, call } = setUp([], { fib });
    const at = stack - 64;
    memory.u8[at] = 2;
    memory.view.setUint16(at + 4, 53);
    memory.view.setUint32(at + 8, 1, true);
    expect(call(69, at, 64, 0)).toBe(0);
    expect(asked).toEqual({ ifindex: 1, destinationPort: 53 });
    expect(memory.view.getUint32(at + 8, true)).toBe(3);
    expect(memory.u8.slice(at + 58, at + 64)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 9));
    expect(call(69, at, 63, 0)).toBe(-errno.EINVAL);
    expect(call(69, at, 64, 64)).toBe(-errno.EINVAL);
    memory.u8[at] = 7;
    expect(call(69, at, 64, 0)).toBe(-errno.EAFNOSUPPORT);
  });

  it("a cookie is known again, for two minutes and that connection only", () => {
    const { memory, call, field, put } = setUp([], { cookieSecret: new Uint8Array(16).fill(7) });
    const ip = put(stack - 64, [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    const tcp = put(stack - 40, [0, 80, 1, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 2, 4, 5, 180]);
    setTime(memory.u32, block, 600e9);
    const cookie = call(204, ip, tcp, 24) >>> 0;
    expect(field(state.returnHigh)).toBe(1460);
    memory.view.setUint32(tcp + 4, 10);
    memory.view.setUint32(tcp + 8, (cookie + 1) >>> 0);
    expect(call(206, ip, tcp)).toBe(0);
    setTime(memory.u32, block, 660e9);
    expect(call(206, ip, tcp)).toBe(0);
    setTime(memory.u32, block, 720e9);
    expect(call(206, ip, tcp)).toBe(-errno.EACCES);
    setTime(memory.u32, block, 600e9);
    memory.u8[ip + 15] = 3;
    expect(call(206, ip, tcp)).toBe(-errno.EACCES);
    expect(call(204, ip, tcp, 12)).toBe(-errno.EINVAL);
  });

  it("SipHash gives the number of its paper", () => {
    const key = Uint8Array.from({ length: 16 }, (_, index) => index);
    expect(sipHash64(key, key.slice(0, 15))).toBe(0xa129ca6149be45e5n);
  });
});
