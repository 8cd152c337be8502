import { expect, it } from "vitest";
import { encodeInstructions } from "../../src/dataplane/linux/bpf/encode.js";
import {
  BpfError,
  bpfMapInfo,
  bpfMissing,
  bpfProgramInfo,
  closeDescriptor,
  createBpfMap,
  deleteBpfMap,
  freezeBpfMap,
  kernelRunTime,
  loadBpfProgram,
  lookupBpfBatch,
  lookupBpfMap,
  nextBpfId,
  nextBpfKey,
  openBpfId,
  runBpfProgram,
  tryLoadBpfProgram,
  updateBpfBatch,
  updateBpfMap,
} from "../../src/system/bpf.js";
import type { Instruction } from "../../src/xdp/insn/instruction.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: bpf(2): ${reason}`);
const host = it.skipIf(reason !== undefined);

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const drop = encodeInstructions([insn(0xb7, 0, 0, 0, 1), insn(0x95)]);
// r2 = data, r3 = data_end; if (r2 + 14 > r3) return DROP; *(u8 *)r2 = 0x77; return PASS
const mark = encodeInstructions([
  insn(0x61, 2, 1, 0),
  insn(0x61, 3, 1, 4),
  insn(0xbf, 4, 2),
  insn(0x07, 4, 0, 0, 14),
  insn(0xb7, 0, 0, 0, 1),
  insn(0x2d, 4, 3, 2),
  insn(0x72, 2, 0, 0, 0x77),
  insn(0xb7, 0, 0, 0, 2),
  insn(0x95),
]);

host("loads a program, runs it on a frame, and tells of it", () => {
  const { fd } = loadBpfProgram({ insns: mark, name: "mark" });
  try {
    const frame = Uint8Array.from({ length: 60 }, (_, index) => index);
    const run = runBpfProgram(fd, { data: frame });
    expect(run.returned).toBe(2);
    expect([...run.data]).toEqual([0x77, ...frame.subarray(1)]);
    const info = bpfProgramInfo(fd);
    expect(info).toMatchObject({ type: 6, name: "mark", maps: 0 });
    expect(info.verifiedInsns).toBeGreaterThan(5);
    expect(kernelRunTime(fd, frame, 1000)).toBeLessThan(100_000);
    const again = openBpfId("program", info.id)!;
    expect(bpfProgramInfo(again).id).toBe(info.id);
    closeDescriptor(again);
    expect(nextBpfId("program", info.id - 1)).toBe(info.id);
  } finally {
    closeDescriptor(fd);
  }
});

host("runs with a context of its own", () => {
  // return ctx->data_meta == ctx->data ? 1 : 2
  const insns = [
    insn(0x61, 2, 1, 8),
    insn(0x61, 3, 1, 0),
    insn(0xb7, 0, 0, 0, 1),
    insn(0x1d, 2, 3, 1),
    insn(0xb7, 0, 0, 0, 2),
  ];
  const { fd } = loadBpfProgram({ insns: encodeInstructions([...insns, insn(0x95)]) });
  const data = new Uint8Array(68);
  const context = new Uint8Array(24);
  new DataView(context.buffer).setUint32(0, 8, true);
  new DataView(context.buffer).setUint32(4, 68, true);
  expect(runBpfProgram(fd, { data: data.subarray(8) }).returned).toBe(1);
  const run = runBpfProgram(fd, { data, context, contextOutput: true });
  expect(run.returned).toBe(2);
  expect(new DataView(run.context.buffer).getUint32(4, true)).toBe(68);
  closeDescriptor(fd);
});

host("gives the verifier's reason with a refusal, and a longer log when asked", () => {
  const bad = encodeInstructions([insn(0xbf, 0, 5), insn(0x95)]);
  let refusal: unknown;
  try {
    loadBpfProgram({ insns: bad, name: "bad" });
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(BpfError);
  expect((refusal as BpfError).code).toBe("EACCES");
  expect((refusal as BpfError).log).toContain("R5 !read_ok");
  expect(tryLoadBpfProgram({ insns: bad })).toBe(-13);
  const { fd, log } = loadBpfProgram({ insns: drop, log: 2 });
  expect(log).toMatch(/R0(_w)?=1/);
  closeDescriptor(fd);
});

host("a log that outgrows its buffer is asked for again", () => {
  const insns = Array.from({ length: 3000 }, () => insn(0xb7, 0, 0, 0, 1));
  const { fd, log } = loadBpfProgram({ insns: encodeInstructions([...insns, insn(0x95)]), log: 2 });
  expect(log.length).toBeGreaterThan(1 << 16);
  expect(log.startsWith("func#0")).toBe(true);
  closeDescriptor(fd);
});

host("maps: elements, keys, batches, freezing", () => {
  const fd = createBpfMap({ type: 1, keySize: 4, valueSize: 8, maxEntries: 16, name: "some-map" });
  try {
    expect(bpfMapInfo(fd)).toMatchObject({ type: 1, keySize: 4, valueSize: 8, maxEntries: 16, name: "some_map" });
    const value = new Uint8Array(8);
    expect(lookupBpfMap(fd, word(1), value)).toBe(false);
    expect(updateBpfMap(fd, word(1), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 1)).toBe(true);
    expect(updateBpfMap(fd, word(1), value, 1)).toBe(false);
    expect(lookupBpfMap(fd, word(1), value)).toBe(true);
    expect([...value]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    updateBpfBatch(fd, new Uint8Array(new Uint32Array([2, 3]).buffer), new Uint8Array(16).fill(9), 2);
    const seen: number[] = [];
    const key = new Uint8Array(4);
    for (let more = nextBpfKey(fd, undefined, key); more && seen.length < 20; more = nextBpfKey(fd, key, key)) {
      seen.push(key[0]!);
    }
    expect(seen.sort()).toEqual([1, 2, 3]);
    const batch = lookupBpfBatch(fd, undefined, 16, { key: 4, value: 8 });
    expect(batch.count).toBe(3);
    expect(batch.next).toBeUndefined();
    expect(deleteBpfMap(fd, word(1))).toBe(true);
    expect(deleteBpfMap(fd, word(1))).toBe(false);
    freezeBpfMap(fd);
    expect(() => updateBpfMap(fd, word(1), value)).toThrow(/EPERM/);
  } finally {
    closeDescriptor(fd);
  }
});
