/**
 * Behind the verifier: whatever a program is, it touches its frame, its stack, its maps and nothing else. Each runs in two memories that
 * differ in all that is not its own. What it leaves behind must be the same in both, or it has read what it may not; and what is not
 * its own must be as it was.
 */
import { describe, expect, it } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { JunctorError } from "../../errors.js";
import { seededWords } from "../../random.js";
import { disassemble } from "../insn/disassembler.js";
import { mapRecord } from "../maps/descriptor.js";
import { inlineRoutine } from "../maps/inline/routines.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory, wasm } from "../memory.js";
import { outcome } from "../run/outcome.js";
import { fault, state } from "../run/state.js";
import { createThread } from "../run/thread.js";
import { type MapSpec, mapFlag } from "../spec.js";
import { verify } from "../verifier/verify.js";
import { bindMap } from "./bindings.js";
import { compileProgram } from "./compile.js";
import { hostileProgram, wrongly } from "./hostile.fixture.js";

const outcomes = 4096;
const block = 8192;
const segment = 100;
const frame = 65536 + 2 * segment;
const region = { start: 131072, bytes: 131072 };
const cpus = 2;

const spec = (name: string, type: MapSpec["type"], more: Partial<MapSpec> = {}): MapSpec => ({
  name,
  type,
  keySize: 4,
  valueSize: 16,
  maxEntries: 8,
  flags: 0,
  ...more,
});
const inner = spec("inner", "array", { maxEntries: 4 });
const ownSpecs: readonly MapSpec[] = [
  spec("array", "array"),
  spec("hash", "hash", { keySize: 8 }),
  spec("percpu", "percpu_array"),
  spec("lru", "lru_hash"),
  spec("prefixes", "lpm_trie", { keySize: 8, flags: mapFlag.noPrealloc }),
  spec("programs", "prog_array", { valueSize: 4 }),
  spec("constants", "array", { flags: mapFlag.readOnlyProgram }),
  spec("ring", "ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }),
  spec("outer", "array_of_maps", { valueSize: 4, inner }),
  spec("devices", "devmap", { valueSize: 4 }),
  spec("queue", "queue", { keySize: 0 }),
  spec("percpu_hash", "percpu_hash"),
  spec("bloom", "bloom_filter", { keySize: 0, valueSize: 8 }),
  spec("perf", "perf_event_array", { valueSize: 4, maxEntries: cpus }),
];
const foreignSpecs: readonly MapSpec[] = [
  spec("foreign_array", "array", { maxEntries: 16 }),
  spec("foreign_hash", "hash", { keySize: 8 }),
  spec("foreign_inner", "array", { maxEntries: 4 }),
  spec("foreign_programs", "prog_array", { valueSize: 4 }),
  spec("foreign_ring", "ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }),
];

type Range = readonly [number, number];

/** A memory whose foreign bytes `secret` determines; the rest is as in `like`, where maps draw lots. */
function world(secret: number, like?: { readonly before: Uint8Array }) {
  const memory = createXdpMemory(region.start + region.bytes + 65536);
  const { u8, u32 } = memory;
  const store = createMapStore({ memory, region, cpus, perfBytes: 4096 });
  const own = [];
  const foreign = [];
  const places: { readonly at: number; readonly own: boolean }[] = [];
  for (let index = 0; index < ownSpecs.length; index++) {
    const map = store.create(ownSpecs[index]!);
    own.push(map);
    places.push({ at: map.record, own: true });
    const other = foreignSpecs[index];
    if (other === undefined) continue;
    const made = store.create(other);
    foreign.push(made);
    places.push({ at: made.record, own: false });
  }
  const held = store.create(inner);
  places.push({ at: held.record, own: true });
  places.push({ at: store.create(spec("last", "array")).record, own: false });
  const bytes = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);
  const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
  for (let key = 0; key < 4; key++) {
    own[0]!.update(word(key), bytes(16, key + 1));
    own[1]!.update(new Uint8Array(new BigUint64Array([BigInt(key)]).buffer), bytes(16, key + 1));
    own[3]!.update(word(key), bytes(16, key + 1));
  }
  own[8]!.update(word(0), word(held.id));
  own[5]!.update(word(0), word(0));
  own[5]!.update(word(1), word(1));
  own[9]!.update(word(1), word(7));
  const words = seededWords(secret);
  const hide = ([from, to]: Range): void => {
    for (let at = from; at < to; at++) u8[at] = words();
  };
  const ends = places.map(({ at }, index) => places[index + 1]?.at ?? at);
  const mapRanges = (which: boolean): Range[] =>
    places.flatMap(({ at, own: isOwn }, index) => (isOwn === which ? [[at, ends[index]!] as const] : []));
  const outside: Range[] = [
    [0, outcomes],
    [outcomes + outcome.bytes, block],
    [block + state.bytes, frame],
    [frame + segment, region.start],
    [ends.at(-1)!, memory.size],
  ];
  if (like !== undefined) u8.set(like.before.subarray(region.start, ends.at(-1)), region.start);
  for (const range of outside) hide(range);
  for (const { record } of foreign) {
    const at = u32[(record >>> 2) + mapRecord.values]!;
    hide([at, at + u32[(record >>> 2) + mapRecord.valuesBytes]!]);
  }
  for (let at = 0; at < segment; at++) u8[frame + at] = at;
  const thread = createThread({
    memory,
    state: block,
    cpu: 0,
    cpus,
    slots: 4,
    host: { now: () => 1e9, seed: [1, 2, 3, 4], atomicOffset: 0, cookieSecret: new Uint8Array(16) },
  });
  thread.tick();
  const set = (field: number, value: number): void => {
    u32[(block + field) >>> 2] = value;
  };
  for (const field of [state.data, state.dataMeta, state.hardStart]) set(field, frame);
  for (const field of [state.dataEnd, state.hardEnd]) set(field, frame + segment);
  for (const field of [state.device, state.session, state.user, state.tunnel, state.policy]) set(field, field);
  return {
    memory,
    thread,
    maps: own,
    before: u8.slice(),
    foreignRanges: [...outside, ...mapRanges(false)],
    ownRanges: [[block, block + state.bytes], [frame, frame + segment], ...mapRanges(true)] as readonly Range[],
    addresses: [
      ...[0, block, block + state.hardStart, block + state.cpu, block + state.stack - 8, block + state.bytes],
      ...[frame - 8, frame - segment, frame + segment, region.start, memory.size - 4, memory.size, 2 ** 31],
      ...foreign.flatMap(({ record }) => [record, u32[(record >>> 2) + mapRecord.values]!]),
      ...own.flatMap(({ record }) => [record, u32[(record >>> 2) + mapRecord.values]! - 8]),
    ],
  };
}

/** Words of the state block that runs change. */
const changing = new Set<number>([
  ...[state.data, state.dataEnd, state.dataMeta, state.returnHigh, state.tailCalls, state.redirect, state.redirectMap],
  ...[state.redirectKey, state.redirectFlags, state.fault, state.faultInsn, state.lock, state.verdict],
  ...[state.random, state.random + 4, state.random + 8, state.random + 12, state.vacant, state.frameIndex, state.fuel],
]);
const headBytes = 256;

describe("hostile programs", () => {
  const a = world(1);
  const b = world(2, a);
  const records = a.maps.map(({ record }) => record);

  function check(each: number, wrong: boolean): number {
    const next = seededWords(each);
    const program = hostileProgram(next, { maps: ownSpecs, addresses: a.addresses });
    const accepted = verify(program, { blind: true });
    if (!accepted.ok) throw new Error(accepted.summary);
    const verified = wrong ? wrongly(next, program, accepted) : accepted;
    const { bytes } = compileProgram({
      spec: program,
      verified,
      bindings: program.maps.map((map, index) => bindMap(a.memory, records[index]!, map, cpus)),
      fuel: 20_000,
      inlineRoutine: (into, map, operation, host) => inlineRoutine(into, { memory: a.memory, ...map }, operation, host),
    });
    const module = new wasm!.Module(bytes);
    const batch = each % 4 === 0;
    const holds = (condition: boolean, what: () => string): void => {
      if (condition) return;
      expect.fail(`${what()}: seed ${each}${wrong ? ", wrong" : ""}\n${disassemble(program.insns)}`);
    };
    const isSame = (one: Uint8Array, other: Uint8Array, [from, to]: Range): boolean =>
      Buffer.compare(one.subarray(from, to), other.subarray(from, to)) === 0;
    const [first, second] = [a, b].map(({ memory, thread, before, foreignRanges, maps }) => {
      memory.u8.set(before);
      const instance = thread.install({ code: { kind: "module", module }, maps: records }, 0);
      const answer = batch ? instance.batch(frame, 1, segment, 0, outcomes) : instance.run();
      const cameTo = [...memory.u32.subarray(outcomes >>> 2, (outcomes + outcome.bytes) >>> 2)];
      for (const range of foreignRanges) {
        holds(isSame(memory.u8, before, range), () => `bytes ${range.join(" to ")} are changed`);
      }
      for (const map of [5, 6, 8, 9]) {
        const at = memory.u32[(maps[map]!.record >>> 2) + mapRecord.values]!;
        const bytes = memory.u32[(maps[map]!.record >>> 2) + mapRecord.valuesBytes]!;
        holds(isSame(memory.u8, before, [at, at + bytes]), () => `map ${maps[map]!.spec.name} is written to`);
      }
      for (let field = 0; field < headBytes; field += 4) {
        const at = block + field;
        holds(
          changing.has(field) || isSame(memory.u8, before, [at, at + 4]),
          () => `word ${field} of the state is changed`,
        );
      }
      const edge = (field: number): number => memory.u32[(block + field) >>> 2]!;
      const edges = [state.hardStart, state.dataMeta, state.data, state.dataEnd, state.hardEnd].map(edge);
      holds(
        edges.every((value, index) => value >= (edges[index - 1] ?? 0)),
        () => `the frame is at ${edges}`,
      );
      const seen: string[] = [];
      maps[7]!.consume((data) => seen.push(Buffer.from(data).toString("hex")));
      return { answer, cameTo, seen, fault: edge(state.fault) };
    });
    holds(
      JSON.stringify(first) === JSON.stringify(second),
      () => `foreign bytes show: ${JSON.stringify([first, second])}`,
    );
    for (const range of a.ownRanges) {
      holds(isSame(a.memory.u8, b.memory.u8, range), () => `foreign bytes show in ${range.join(" to ")}`);
    }
    return first!.fault;
  }

  it("touch their own memory alone", { timeout: long ? 3_600_000 : 60_000 }, () => {
    const until = Date.now() + (long ? 600_000 : 4000);
    const faults = new Map<number, number>();
    let runs = 0;
    for (let each = seed; Date.now() < until || runs < 400; each++) {
      for (const wrong of [false, true]) {
        try {
          const why = check(each, wrong);
          faults.set(why, (faults.get(why) ?? 0) + 1);
          runs++;
        } catch (error) {
          if (!(error instanceof JunctorError)) throw error;
        }
      }
    }
    console.log(`${runs} hostile programs; by fault: ${JSON.stringify([...faults])}`);
    expect(faults.get(fault.bounds)).toBeGreaterThan(runs / 4);
    expect(faults.get(fault.none)).toBeGreaterThan(0);
  });
});
