/** Objects that compilers make: all of them load, as libbpf and bpftool understand them; damaged ones are refused in time. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { JunctorError } from "../../src/errors.js";
import { seededWords } from "../../src/random.js";
import { loadXdp } from "../../src/xdp/index.js";
import { poisonImm } from "../../src/xdp/object/core.js";
import { globalsOf, withGlobals } from "../../src/xdp/object/globals.js";
import { linkObjects } from "../../src/xdp/object/link.js";
import { loadObject } from "../../src/xdp/object/load.js";
import type { MapSpec, ObjectSpec } from "../../src/xdp/spec.js";
import { missing } from "../peers/requires.js";
import { long, seed } from "../seed.js";
import {
  cannotCompile,
  compile,
  compileProgram,
  compilerVersion,
  compileWithGcc,
  cpus,
  programNames,
} from "../xdp/compile.js";

const needs = cannotCompile();
if (needs !== undefined) console.warn(`skipped: objects: ${needs}`);

describe.skipIf(needs !== undefined)("objects that clang makes", () => {
  for (const cpu of cpus) {
    it.skipIf(cannotCompile(cpu) !== undefined)(`load for ${cpu}`, { timeout: 120_000 }, () => {
      for (const name of programNames) {
        const object = loadObject(compileProgram(name, { cpu }), { name });
        expect(object.programs.length, name).toBeGreaterThan(0);
        for (const program of object.programs) {
          expect(program.functions[0]).toMatchObject({ name: program.name, start: 0 });
          expect(program.lines.length, `${name}: ${program.name}`).toBeGreaterThan(0);
          for (const { insn } of program.lines) expect(insn).toBeLessThan(program.insns.length);
        }
      }
    });
  }

  it("give maps with their sizes, flags, types and initial entries", () => {
    const tail = loadObject(compileProgram("tail_call"));
    expect(tail.maps.find(({ name }) => name === "parsers")).toMatchObject({
      type: "prog_array",
      valueSize: 4,
      maxEntries: 4,
      initialSlots: new Map([
        [0, "parse_v4"],
        [2, "parse_v6"],
      ]),
    });
    const nested = loadObject(compileProgram("map_in_map"));
    expect(nested.maps.find(({ name }) => name === "by_index")).toMatchObject({
      inner: { type: "hash", keySize: 4, valueSize: 8, maxEntries: 128 },
      initialSlots: new Map([
        [0, "first"],
        [2, "second"],
      ]),
    });
    expect(loadObject(compileProgram("spin_lock")).maps[0]).toMatchObject({ name: "buckets", spinLockOffset: 8 });
    expect(loadObject(compileProgram("queues")).maps.find(({ name }) => name === "sockets")?.pinByName).toBe(true);
  });

  it("without debug information load too, where they need none", () => {
    const object = loadObject(compileProgram("legacy", { debug: false }));
    expect(object.maps.map(({ name, type, maxEntries }) => [name, type, maxEntries])).toEqual([
      ["rxcnt", "percpu_array", 256],
      ["tx_port", "devmap", 100],
      ["blocked", "hash", 1000],
    ]);
    expect(object.programs.map(({ name }) => name)).toEqual(["xdp_prog1", "redirect_map"]);
    expect(() => loadObject(compileProgram("counters", { debug: false }))).toThrow(/compile with -g/);
  });

  it("name programs by section: attach type, fragments, those not loaded by themselves", () => {
    const { programs } = loadObject(compileProgram("devmap"));
    expect(programs.map(({ name, attach, frags }) => [name, attach, frags])).toEqual([
      ["redirect_port", "xdp", false],
      ["bridge", "xdp", false],
      ["rewrite_source", "xdp/devmap", false],
      ["drop_large", "xdp/devmap", true],
    ]);
    expect(loadObject(compileProgram("drop")).programs.find(({ name }) => name === "optional")?.autoload).toBe(false);
    expect(loadObject(compileProgram("mixed")).skipped?.map(({ name }) => name)).toEqual(["classify", "probe"]);
  });

  it("have calls and callbacks relative to where their functions are put", () => {
    const loop = loadObject(compileProgram("calls")).programs.find(({ name }) => name === "loop")!;
    const starts = new Set(loop.functions.map(({ start }) => start));
    const calls = loop.insns.flatMap((insn, slot) => {
      if (insn.opcode === 0x85 && insn.src === 1) return [slot + 1 + insn.imm];
      return insn.opcode === 0x18 && insn.src === 4 ? [slot + 1 + insn.imm] : [];
    });
    expect(calls.length).toBeGreaterThanOrEqual(3);
    for (const target of calls) expect(starts.has(target)).toBe(true);
  });

  it("take other initial values of global variables", () => {
    const object = loadObject(compileProgram("globals"), { name: "globals" });
    const altered = withGlobals(object, {
      sample_rate: 7,
      filter: { network: 1, mask: 2, enabled: false },
      label: "x",
    });
    const rate = globalsOf(altered).get("sample_rate")!;
    const { initial } = rate.map;
    expect(new DataView(initial!.buffer).getUint32(rate.offset, true)).toBe(7);
    expect(altered.programs[0]?.maps).toContain(rate.map);
    expect(() => withGlobals(object, { sample_rate: -1 })).toThrow(/sample_rate.*out of range/);
    expect(() => withGlobals(object, { nothing: 1 })).toThrow(/no global variable nothing/);
  });

  it("have CO-RE relocations resolved against the types that are here", () => {
    const [program] = loadObject(compileProgram("core")).programs;
    const loads = program!.insns.filter(({ opcode, src }) => (opcode & 7) === 1 && src === 2);
    // Offsets of protocol, daddr and tos in an IPv4 header, not those that the program was compiled with.
    expect(loads.map(({ offset }) => offset)).toEqual([9, 16, 1]);
    expect(program!.insns.find(({ opcode }) => opcode === 0x18)?.imm).toBe(3);
    // A field that is not there is only reached if it is said to exist, which it is not.
    expect(program!.insns.filter(({ imm }) => imm === poisonImm)).toHaveLength(1);
  });

  it("have the kernel's types where they differ, their own where there are none here", () => {
    const source = `#define __preserve __attribute__((preserve_access_index))
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
struct in6_addr { union { u8 u6_addr8[16]; u16 u6_addr16[8]; u32 u6_addr32[4]; } in6_u; } __preserve;
struct ipv6hdr { u32 first; struct in6_addr saddr; struct in6_addr daddr; } __preserve;
struct iphdr { u8 other; u8 version : 4, ihl : 4; u64 ttl; u16 frag_off; } __preserve;
struct made_up { u32 first; struct { u16 second; u16 third : 3, fourth : 7; }; } __preserve;
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex; };
enum xdp_action { XDP_REDIRECT = 9, XDP_FUTURE = 77 };
enum places { OFFSET, SIZE, EXISTS, SIGNED, LEFT, RIGHT };
#define FIELD(type, field, what) __builtin_preserve_field_info(((struct type *)0)->field, what)
volatile u64 answers[20];
__attribute__((section("xdp"), used)) int ask(struct xdp_md *ctx) {
  answers[0] = FIELD(ipv6hdr, daddr.in6_u.u6_addr32[3], OFFSET);
  answers[1] = FIELD(ipv6hdr, saddr.in6_u.u6_addr8, SIZE);
  answers[2] = FIELD(iphdr, ihl, OFFSET); answers[3] = FIELD(iphdr, ihl, SIZE);
  answers[4] = FIELD(iphdr, ihl, LEFT); answers[5] = FIELD(iphdr, ihl, RIGHT);
  answers[6] = FIELD(iphdr, ttl, SIZE); answers[7] = FIELD(iphdr, ttl, SIGNED);
  answers[8] = FIELD(iphdr, other, EXISTS); answers[9] = FIELD(iphdr, frag_off, OFFSET);
  answers[10] = FIELD(made_up, second, OFFSET); answers[11] = FIELD(made_up, fourth, LEFT);
  answers[12] = FIELD(made_up, fourth, RIGHT); answers[13] = FIELD(made_up, first, EXISTS);
  answers[14] = __builtin_preserve_enum_value(*(enum xdp_action *)XDP_REDIRECT, 1);
  answers[15] = __builtin_preserve_enum_value(*(enum xdp_action *)XDP_FUTURE, 0);
  answers[16] = __builtin_preserve_type_info(*(struct ipv6hdr *)0, 0);
  answers[17] = __builtin_preserve_type_info(*(struct ipv6hdr *)0, 1);
  answers[18] = __builtin_preserve_type_info(*(struct made_up *)0, 0);
  return 2;
}
char _license[] __attribute__((section("license"), used)) = "GPL";`;
    for (const compiler of ["clang", "clang-19"]) {
      if (compilerVersion(compiler) === undefined) continue;
      const object = loadXdp(compile(source, { compiler }));
      expect(object.programs[0]!.run(new Uint8Array(64)).action).toBe("pass");
      const answers = object.globals.get("answers") as readonly bigint[];
      expect(object.map(object.spec.maps[0]!.name).get(0)).toEqual({ answers });
      const wanted = [36, 16, 0, 1, 60, 60, 1, 0, 0, 6, 4, 54, 57, 0, 4, 0, 1, 40, 0, 0];
      expect(answers.map(Number), compiler).toEqual(wanted);
    }
  });

  it("have types that match those of the system's headers", () => {
    const compiler = ["clang-19", "clang-20", "clang-18"].find((each) => compilerVersion(each) !== undefined);
    if (compiler === undefined) return console.warn("skipped: no clang that knows BPF_TYPE_MATCHES");
    const names = ["ethhdr", "iphdr", "ipv6hdr", "udphdr"];
    const source = `#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
struct iphdr___other { __u64 ttl; };
__u32 answers[${names.length + 1}];
SEC("xdp") int ask(struct xdp_md *ctx) {
  ${names.map((name, at) => `answers[${at}] = __builtin_preserve_type_info(*(struct ${name} *)0, 2);`).join("\n")}
  answers[${names.length}] = __builtin_preserve_type_info(*(struct iphdr___other *)0, 2);
  return XDP_PASS;
}
char _license[] SEC("license") = "GPL";`;
    const object = loadXdp(compile(source, { compiler }));
    object.programs[0]!.run(new Uint8Array(64));
    expect(object.globals.get("answers")).toEqual([...names.map(() => 1), 0]);
  });

  it.skipIf(missing(["bpftool"]) !== undefined)(
    "have the types that bpftool sees, and load after bpftool linked them",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "junctor-objects-"));
      try {
        for (const name of programNames.filter((one) => one !== "legacy")) {
          const bytes = compileProgram(name);
          const file = join(folder, `${name}.o`);
          const linked = join(folder, `${name}.linked.o`);
          writeFileSync(file, bytes);
          const dump = execFileSync("bpftool", ["-j", "btf", "dump", "file", file, "format", "raw"], {
            encoding: "utf8",
          });
          const { types } = JSON.parse(dump) as {
            readonly types: readonly { id: number; name: string; size?: number }[];
          };
          const own = loadObject(bytes).btf!.types;
          expect(own.length, name).toBe(types.length + 1);
          for (const type of types) {
            const mine = own[type.id]!;
            const anonymous = type.name === "(anon)" || type.name === undefined;
            if ("name" in mine) expect(mine.name, `${name} ${type.id}`).toBe(anonymous ? "" : type.name);
            if ("size" in mine && mine.kind !== "section") expect(mine.size, `${name} ${type.id}`).toBe(type.size);
          }
          execFileSync("bpftool", ["gen", "object", linked, file], { stdio: "ignore" });
          const [one, other] = [loadObject(bytes), loadObject(new Uint8Array(readFileSync(linked)))];
          const shape = ({ name, type, keySize, valueSize, maxEntries, flags }: MapSpec) =>
            `${name} ${type} ${keySize} ${valueSize} ${maxEntries} ${flags}`;
          expect(other.maps.map(shape).sort(), name).toEqual(one.maps.map(shape).sort());
          const code = (object: ObjectSpec) =>
            object.programs.map((program) => [
              program.name,
              program.section,
              program.insns.map(({ opcode }) => opcode),
            ]);
          expect(code(other), name).toEqual(code(one));
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it("are linked: functions, maps and data of one used by another", () => {
    const one = compile(`#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
int other(int x); extern __u32 shared; __u32 own = 5;
SEC("xdp") int main_program(struct xdp_md *ctx) { return other(ctx->rx_queue_index) + shared + own; }
char _license[] SEC("license") = "GPL";`);
    const two = compile(`#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
__u32 shared = 9;
__attribute__((noinline)) int other(int x) { shared++; return x * 3; }
char _license[] SEC("license") = "GPL";`);
    expect(() => loadObject(one)).toThrow(/other.*neither defined/);
    const object = linkObjects([one, two], { name: "both" });
    expect(object.programs[0]?.functions.map(({ name }) => name)).toEqual(["main_program", "other"]);
    expect([...object.maps[0]!.initial!]).toEqual([5, 0, 0, 0, 9, 0, 0, 0]);
    expect([...globalsOf(object).keys()].sort()).toEqual(["own", "shared"]);
    expect(() => linkObjects([two, two])).toThrow(/is defined in object 1 and in object 2/);
  });

  it.skipIf(missing(["bpftool"]) !== undefined)("are linked to the same as by libbpf's linker", () => {
    const head = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
struct table { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u64); __uint(max_entries, 64); };
`;
    const sources = [
      `${head}extern struct table shared SEC(".maps"); extern int strong(int x); extern __u64 total;
__attribute__((weak, noinline)) int either(int x) { return x + 1; }
static __u32 own = 7; const volatile __u32 limit = 100; __u32 first[3] = { 1, 2, 3 };
static __attribute__((noinline)) int hidden(int x) { return x * own++; }
SEC("xdp") int one(struct xdp_md *ctx) {
  __u32 key = ctx->rx_queue_index; __u64 *value = bpf_map_lookup_elem(&shared, &key);
  total += first[key % 3]; if (value) *value += limit;
  return strong(key) + either(key) + hidden(key) > 9 ? XDP_DROP : XDP_PASS; }`,
      `${head}struct table shared SEC(".maps"); struct table mine SEC(".maps");
__attribute__((noinline)) int either(int x) { return x - 1; }
static __u32 own = 11; const volatile __u64 bound = 5; __u64 total = 40; __u8 odd = 9;
static __attribute__((noinline)) int hidden(int x) { return x ^ own--; }
__attribute__((noinline)) int strong(int x) { return hidden(x) + either(x) + odd; }
SEC("xdp") int two(struct xdp_md *ctx) {
  __u32 key = bound; __u64 value = total;
  bpf_map_update_elem(&mine, &key, &value, BPF_ANY); bpf_map_delete_elem(&shared, &key);
  return strong(hidden(3)) ? XDP_PASS : XDP_DROP; }`,
    ];
    const folder = mkdtempSync(join(tmpdir(), "junctor-link-"));
    try {
      for (const cpu of ["v1", "v3"] as const) {
        const objects = sources.map((source) => compile(source, { cpu }));
        const files = objects.map((bytes, index) => {
          const file = join(folder, `${index}.o`);
          writeFileSync(file, bytes);
          return file;
        });
        const linked = join(folder, "linked.o");
        execFileSync("bpftool", ["gen", "object", linked, ...files], { stdio: "ignore" });
        const theirs = loadObject(new Uint8Array(readFileSync(linked)), { name: "both" });
        const ours = linkObjects(objects, { name: "both" });
        const mapsOf = ({ maps }: ObjectSpec) =>
          maps.map(({ name, type, valueSize, initial }) => `${name} ${type} ${valueSize} ${initial?.join()}`).sort();
        expect(mapsOf(ours)).toEqual(mapsOf(theirs));
        // Maps by name: their order is not the same. Functions are where they are put first met, in both.
        const code = ({ programs }: ObjectSpec) =>
          programs
            .map(({ name, insns, maps, functions }) => [
              name,
              functions.map((one) => [one.name, one.start, one.linkage]),
              insns.map((insn) =>
                insn.opcode === 0x18 && insn.src !== 0 ? { ...insn, imm: maps[insn.imm]?.name } : insn,
              ),
            ])
            .sort();
        expect(code(ours), cpu).toEqual(code(theirs));
        expect(ours.programs[0]!.functions.map(({ name }) => name).filter((name) => name === "hidden")).toHaveLength(2);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    const [one, two] = sources.map((source) => compile(source)) as [Uint8Array, Uint8Array];
    expect(() => loadObject(one)).toThrow(/strong|shared|total/);
    const other = compile(sources[1]!.replace("max_entries, 64", "max_entries, 65"));
    expect(() => linkObjects([two, other])).toThrow(/is defined/);
  });

  it("when damaged, are refused with an error of ours, in time", { timeout: long ? 3_600_000 : 60_000 }, () => {
    const next = seededWords(seed);
    const originals = ["calls", "globals", "tail_call", "map_in_map", "legacy", "core"].map((name) =>
      compileProgram(name),
    );
    const rounds = long ? 1_000_000 : 1500;
    let loaded = 0;
    for (let round = 0; round < rounds; round++) {
      const bytes = originals[next() % originals.length]!.slice();
      for (let count = next() % 8; count >= 0; count--) {
        const at = next() % bytes.length;
        bytes[at] = next() % 3 === 0 ? 255 : next() & 255;
      }
      const cut = next() % 10 === 0 ? bytes.subarray(0, next() % bytes.length) : bytes;
      // Time of the processor: on a busy machine the clock tells of others.
      const start = process.cpuUsage();
      try {
        loadObject(cut);
        loaded++;
      } catch (error) {
        expect(error, `seed ${seed}, round ${round}: ${(error as Error).stack}`).toBeInstanceOf(JunctorError);
      }
      const { user, system } = process.cpuUsage(start);
      expect((user + system) / 1000, `seed ${seed}, round ${round}`).toBeLessThan(1000);
    }
    console.log(`${rounds} damaged objects: ${loaded} loaded, ${rounds - loaded} refused`);
  });
});

describe.skipIf(compilerVersion("bpf-gcc") === undefined)("objects that GCC makes", () => {
  it("load", () => {
    const source = `struct xdp_md { unsigned data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
__attribute__((section(".rodata"))) const volatile int limit = 3;
static int __attribute__((noinline)) twice(int x) { return x * 2; }
__attribute__((section("xdp"))) int program(struct xdp_md *ctx) { return twice(ctx->rx_queue_index) > limit ? 1 : 2; }
char _license[] __attribute__((section("license"))) = "GPL";`;
    const object = loadObject(compileWithGcc(source));
    expect(object.programs.map(({ name }) => name)).toEqual(["program"]);
    expect(object.programs[0]?.functions.map(({ name }) => name)).toEqual(["program", "twice"]);
  });
});
