/**
 * Objects that others wrote and Debian ships compiled (xdp-tools, xdp-tests): they load as they are, and do to frames and maps what they do
 * in the kernel.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { bpfMissing } from "../../src/system/bpf.js";
import { globalsOf, loadObject, loadXdp } from "../../src/xdp/index.js";
import { long, seed } from "../seed.js";
import { embeddedObjects } from "../xdp/embedded.js";
import { alteredFrames, arp, ethernet, ipv4, ipv6, tcp, udp, usualFrames } from "../xdp/frames.js";
import { compareObject, type Scenario } from "../xdp/kernel/compare-object.js";

const folders = [
  "/usr/lib/x86_64-linux-gnu/bpf",
  "/usr/lib/aarch64-linux-gnu/bpf",
  "/usr/lib/bpf",
  "/usr/libexec/xdp-tools",
];
const files = new Map(
  folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => file.endsWith(".o"))
        .map((file): [string, string] => [file.slice(0, -2), join(folder, file)]),
    ),
);
/** libxdp's own are in each program of xdp-tools; those of xdp-filter and xdpdump are in the folders. */
const carriers = [
  ...["xdp-bench", "xdp-trafficgen", "xdp-monitor"].map((name) => `/usr/sbin/${name}`),
  ...["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/libknot.so.13`),
];
const embedded = new Map(
  carriers.flatMap((file) => embeddedObjects(file).map((bytes, index) => [`${basename(file)} ${index}`, bytes])),
);
const missing = files.size === 0 ? "needs xdp-tools (npm run setup -- --debian)" : undefined;
if (missing !== undefined) console.warn(`skipped: objects of others: ${missing}`);
const noKernel = bpfMissing();

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(files.get(name)!));

/** Their loaders set the sizes of maps by the number of CPUs. */
const openSizes = (bytes: Uint8Array): Record<string, number> =>
  Object.fromEntries(loadObject(bytes).maps.flatMap(({ name, maxEntries }) => (maxEntries === 0 ? [[name, 4]] : [])));

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const word64 = (value: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
const portKey = (port: number): Uint8Array => word(((port & 255) << 8) | (port >> 8));

/** As xdp-filter has them in its maps, whose values count matches above them. */
const flag = { source: 1, destination: 2, tcp: 4, udp: 8 } as const;
const both = flag.source | flag.destination;

const blocked = {
  ethernet: Uint8Array.of(2, 0, 0, 0, 0, 9),
  ipv4: Uint8Array.of(10, 1, 2, 3),
  ipv6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
} as const;

/** What xdp-filter's objects are told: hosts, and ports with protocols. */
const filterEntries: NonNullable<Scenario["entries"]> = [
  ["filter_ethernet", blocked.ethernet, word64(both)],
  ["filter_ipv4", blocked.ipv4, word64(both)],
  ["filter_ipv6", blocked.ipv6, word64(flag.source)],
  ["filter_ports", portKey(80), word64(flag.destination | flag.tcp)],
  ["filter_ports", portKey(53), word64(both | flag.udp)],
];

/** Of xdp-bench: one CPU to redirect to, the loopback device to forward to; of Knot: its options of the first queue. */
const entriesOfEmbedded: NonNullable<Scenario["entries"]> = [
  ["cpu_map", word(0), word64(192)],
  ["cpus_count", word(0), word(1)],
  ["cpus_available", word(0), word(0)],
  ["tx_port_general", word(0), word(1)],
  ["tx_port_native", word(0), word64(1)],
  ["forward_map_general", word(1), word(1)],
  ["forward_map_native", word(1), word64(1)],
  ["opts_map", word(0), Uint8Array.of(0b111, 0, 53, 0, 0x55, 3)],
];

const entriesFor = (name: string): NonNullable<Scenario["entries"]> => {
  const maps = new Set(loadObject(bytesOf(name)).maps.map((map) => map.name));
  return filterEntries.filter(([map]) => maps.has(map));
};

const none = new Uint8Array(20);
const hit = {
  ethernet: (() => {
    const frame = ethernet(0x0806, arp());
    frame.set(blocked.ethernet, 6);
    return frame;
  })(),
  ipv4: ethernet(0x0800, ipv4(17, udp(1, 2, none), { from: [...blocked.ipv4] })),
  ipv6: ethernet(0x86dd, ipv6(17, udp(1, 2, none))),
  tcp: ethernet(0x0800, ipv4(6, tcp(5000, 80, 2, none))),
  udp: ethernet(0x0800, ipv4(17, udp(53, 5000, none)), [7]),
} as const;
const miss = ethernet(0x0800, ipv4(17, udp(7, 8, none)));

/** Which of the frames of `hit` an object of xdp-filter looks for. */
const features: Readonly<Record<string, readonly (keyof typeof hit)[]>> = {
  all: ["ethernet", "ipv4", "ipv6", "tcp", "udp"],
  eth: ["ethernet"],
  ip: ["ipv4", "ipv6"],
  tcp: ["tcp"],
  udp: ["udp"],
};

describe.skipIf(missing !== undefined)("objects that Debian ships", () => {
  it("load, all of them; programs for other places are left out with the reason", () => {
    for (const name of files.keys()) {
      const { programs, skipped = [] } = loadObject(bytesOf(name));
      if (name === "xdpdump_bpf") {
        expect(programs).toEqual([]);
        expect(skipped.map(({ reason }) => reason)).toEqual([
          "section fentry/func is not for XDP programs",
          "section fexit/func is not for XDP programs",
        ]);
      } else {
        expect(skipped, name).toEqual([]);
        expect(programs.length, name).toBeGreaterThan(0);
      }
    }
  });

  it("verify, compile and run in both engines", () => {
    for (const name of files.keys()) {
      for (const program of loadXdp(bytesOf(name)).programs) {
        expect(program.verified.ok, name).toBe(true);
        for (const engine of ["interpreter", "jit"] as const) {
          for (const frame of usualFrames()) {
            expect(program.run(frame, { engine }).fault, `${name}: ${program.name} (${engine})`).toBe("none");
          }
        }
      }
    }
  });

  for (const policy of ["alw", "dny"] as const) {
    for (const [feature, kinds] of Object.entries(features)) {
      const name = `xdpfilt_${policy}_${feature}`;
      it.skipIf(!files.has(name))(`${name} lets through and drops what it is told to`, () => {
        const object = loadXdp(bytesOf(name));
        for (const [map, key, value] of entriesFor(name)) object.map(map).set(key, value);
        const [verdictOfHit, verdictOfMiss] = policy === "alw" ? ["drop", "pass"] : ["pass", "drop"];
        for (const engine of ["interpreter", "jit"] as const) {
          const run = (frame: Uint8Array) => object.programs[0]!.run(frame, { engine }).action;
          for (const [kind, frame] of Object.entries(hit)) {
            const wanted = kinds.includes(kind as keyof typeof hit) ? verdictOfHit : verdictOfMiss;
            expect(run(frame), `${kind} (${engine})`).toBe(wanted);
          }
          expect(run(miss), engine).toBe(verdictOfMiss);
        }
      });
    }
  }

  it.skipIf(!files.has("xdpfilt_alw_ip"))("count in their maps", () => {
    const object = loadXdp(bytesOf("xdpfilt_alw_ip"));
    for (const [map, key, value] of entriesFor("xdpfilt_alw_ip")) object.map(map).set(key, value);
    object.programs[0]!.run(hit.ipv4);
    object.programs[0]!.run(hit.ipv4);
    // xdp-filter counts matches above its flags.
    const [counted] = object.map("filter_ipv4").get(blocked.ipv4) as [bigint];
    expect(counted >> 6n).toBe(2n);
    const drops = object.map("xdp_stats_map").get(1) as readonly { rx_packets: bigint; rx_bytes: bigint }[];
    expect(drops[0]).toMatchObject({ rx_packets: 2n, rx_bytes: BigInt(2 * hit.ipv4.length) });
  });

  it.skipIf(!files.has("xsk_def_xdp_prog"))("redirect to sockets by queue", () => {
    const object = loadXdp(bytesOf("xsk_def_xdp_prog"));
    object.map("xsks_map").set(3, 77);
    for (const engine of ["interpreter", "jit"] as const) {
      const run = (rxQueueIndex: number) => object.programs[0]!.run(miss, { engine, rxQueueIndex });
      expect(run(3)).toMatchObject({ action: "redirect", to: { kind: "xskmap", map: "xsks_map", key: 3, value: 77 } });
      expect(run(2).action).toBe("pass");
    }
  });

  it.skipIf(!files.has("xdp-dispatcher"))("have constants set before they are loaded", () => {
    // libxdp's dispatcher: how many programs it calls, and the verdicts after which it goes on. Nothing took the places of its programs,
    // which say 31.
    const config = (last: number) => ({
      num_progs_enabled: 2,
      chain_call_actions: [2 ** 31, last, ...new Array<number>(8).fill(0)],
    });
    for (const engine of ["interpreter", "jit"] as const) {
      const run = (last: number) =>
        loadXdp(bytesOf("xdp-dispatcher"), { globals: { conf: config(last) } })
          .program("xdp_dispatcher")
          .run(miss, { engine }).action;
      expect(run(2 ** 31), engine).toBe("pass");
      expect(run(1 << 2), engine).toBe("aborted");
    }
  });

  it.skipIf(noKernel !== undefined)("do in both engines what they do in the kernel", { timeout: 300_000 }, () => {
    const frames = [...usualFrames(), ...Object.values(hit), ...alteredFrames(seed, long ? 5000 : 300)];
    const rows: string[] = [];
    const all = [...files.keys()].map((name) => [name, bytesOf(name), entriesFor(name)] as const);
    for (const [name, bytes, entries] of [
      ...all,
      ...[...embedded].map(([name, one]) => [name, one, undefined] as const),
    ]) {
      const object = loadObject(bytes);
      const { differences, programs, runs, verdicts } = compareObject(bytes, {
        frames,
        entries: entries ?? entriesOfEmbedded.filter(([map]) => object.maps.some((one) => one.name === map)),
        maxEntries: openSizes(bytes),
        globals: globalsOf(object).has("nr_cpus") ? { nr_cpus: 4 } : {},
        // What is counted by time and by random numbers.
        without: ["state_map", "flow_state_map"],
      });
      rows.push(`${name}: ${programs} programs, ${runs} runs, ${JSON.stringify(verdicts)}`);
      expect(differences, name).toEqual([]);
    }
    console.log(rows.join("\n"));
  });
});
