/** Programs as an operator has them: the daemon in a namespace, the command line against it, objects made by clang. Runs from dist/. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttachmentJson, MapJson, ProgramJson } from "../../src/api/schemas-programs.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, type Namespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { udpInside } from "../peers/udp.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { cannotCompile, compile, compileProgram } from "../xdp/compile.js";

const title = "programs by the command line";
const { reason } = requires(title, []);
const skip = reason ?? cannotCompile();

/** Drops datagrams that begin with a byte of the set `blocked`, counts the others by length. */
const filter = (verdict: string) => `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct rule { __u32 hits; char note[12]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u8); __type(value, struct rule); } blocked SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } passed SEC(".maps");
volatile const __u32 least = 1;
SEC("xdp") int filter(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u64 *count;
	struct rule *rule;
	if (data + 1 > (unsigned char *)end || end - (void *)data < least) return XDP_DROP;
	rule = bpf_map_lookup_elem(&blocked, data);
	if (rule) { __sync_fetch_and_add(&rule->hits, 1); return ${verdict}; }
	count = bpf_map_lookup_elem(&passed, &zero);
	if (count) *count += 1;
	bpf_printk("passed %d", data[0]);
	return XDP_PASS;
}
char _license[] SEC("license") = "GPL";
`;

const bad = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int careless(struct xdp_md *ctx)
{
	return *(volatile unsigned char *)(long)ctx->data;
}
char _license[] SEC("license") = "GPL";
`;

const config = `
access: [{ l2tp: { listen: "127.0.0.1:1701" } }]
policy: [{ forward: { lns: ["127.0.0.1:1702"] } }]
`;
const device = "udp/127.0.0.1:1701";

describe.skipIf(skip !== undefined)(title, () => {
  const undo = undoStack();
  let space: Namespace;
  let junctor: Junctor;
  let home: string;
  let send: (first: number, times?: number) => Promise<void>;

  beforeAll(async () => {
    space = await createNamespace(undo, "programs");
    junctor = await startJunctor(undo, space, { config, secrets: {}, listen: { metrics: "127.0.0.1:9100" } });
    home = temporaryDirectory(undo, "objects");
    const objects = { filter: filter("XDP_DROP"), abort: filter("XDP_ABORTED"), bad };
    for (const [name, source] of Object.entries(objects)) writeFileSync(join(home, `${name}.o`), compile(source));
    for (const name of ["events", "drop"]) writeFileSync(join(home, `${name}.o`), compileProgram(name));
    const socket = udpInside(undo, space, "127.0.0.1:0");
    send = async (first, times = 1) => {
      const bytes = new Uint8Array(40).fill(first);
      for (let time = 0; time < times; time++) {
        await new Promise((resolve) => socket.send(bytes, 1701, "127.0.0.1", resolve));
      }
    };
  });
  afterAll(() => undo.run());

  const object = (name: string): string => join(home, `${name}.o`);
  const cli = (line: string): Promise<string> => junctor.cli(...line.split(" "));
  const json = async <T>(...words: string[]): Promise<T> => JSON.parse(await junctor.cli("-j", ...words));
  const refusal = async (...words: string[]): Promise<string> => {
    const out = await junctor.cli(...words).catch((error: { stderr: string }) => error.stderr);
    return out;
  };
  const program = (name: string): Promise<ProgramJson> => json("program", "show", "name", name);
  const runs = (name: string, verdict: "pass" | "drop" | "aborted", wanted: number) =>
    eventually(`${name} has ${wanted} times ${verdict}`, async () => {
      const { counters } = await program(name);
      return counters[verdict] === wanted ? counters : undefined;
    });

  test("from a file to a device: counted, dumped, replaced, detached, gone", async () => {
    await junctor.cli("program", "statistics", "on");
    const attached: AttachmentJson = await json("program", "attach", object("filter"), "device", device);
    expect(attached).toMatchObject({ device, hook: "ingress", devices: 1 });
    expect(await cli("device show")).toMatch(/udp\/127\.0\.0\.1:1701 +\d+ +filter\(\d+\) +-\n/);

    await junctor.cli("map", "update", "name", "blocked", "key", "7", "value", '{"note":"seven"}');
    await send(7, 3);
    await send(8, 2);
    expect((await runs("filter", "drop", 3)).nanoseconds).toBeGreaterThan(0);
    await runs("filter", "pass", 2);
    expect(await cli("map dump name blocked")).toBe(
      `[{\n        "key": 7,\n        "value": {\n            "hits": 3,\n            "note": "seven"\n        }\n    }\n]\n`,
    );
    const [entry] = await json<{ key: string[]; formatted: object }[]>("map", "dump", "name", "blocked");
    expect(entry).toMatchObject({ key: ["0x07"], formatted: { key: 7, value: { hits: 3, note: "seven" } } });
    const values = (
      await json<{ formatted: { values: { value: number }[] } }>("map", "lookup", "name", "passed", "key", "0")
    ).formatted.values;
    expect(values.reduce((sum, { value }) => sum + value, 0)).toBe(2);
    expect(await cli("program dump name filter")).toMatch(/^filter:\n.*call bpf_map_lookup_elem.*exit\n$/s);

    await junctor.cli(
      "program",
      "replace",
      String(attached.attachment),
      object("abort"),
      "map",
      "name",
      "blocked",
      "name",
      "blocked",
    );
    await send(7, 2);
    await runs("filter", "aborted", 2);
    expect(await cli("map lookup name blocked key 7")).toContain('"hits": 5,');

    await cli(`program detach ${attached.attachment}`);
    await send(7, 2);
    expect(await json("program", "show")).toEqual([]);
    expect(await json("map", "show")).toEqual([]);
  });

  test("what programs say is followed while it happens", async () => {
    await junctor.cli("program", "load", object("filter"), "pin", "f", "global", "least", "2");
    await junctor.cli("program", "attach", "pinned", "f", "device", "udp/*", "priority", "9");
    await junctor.cli("program", "attach", object("events"), "program", "to_ringbuf", "device", device);
    const trace = junctor.follow("program", "trace", "count", "1");
    const read = junctor.follow("-j", "map", "read", "name", "samples", "count", "1");
    await eventually("both ended", async () => {
      await send(9);
      return trace.ended() && read.ended() ? true : undefined;
    });
    expect(trace.output()).toMatch(/Z filter device 1: passed 9\n/);
    expect(Buffer.from(JSON.parse(read.output().trim()).bytes, "hex").subarray(16, 20)).toEqual(
      Buffer.from([9, 9, 9, 9]),
    );
    const metrics = await space.run(["curl", "-s", "http://127.0.0.1:9100/metrics"]).catch(() => undefined);
    if (metrics !== undefined) {
      expect(metrics).toMatch(/^junctor_program_runs_total\{program="filter",id="\d+",verdict="pass"\} [1-9]\d*$/m);
    }
    await cli(`program detach device ${device}`);
    await cli("program detach device udp/* hook ingress");
    await cli("program unload pinned f");
    expect(await json<ProgramJson[]>("program", "show")).toHaveLength(1);
    await cli("program unpin pinned f");
    expect(await json("program", "show")).toEqual([]);
  });

  test("what is refused is explained, and nothing is left of it", async () => {
    const refused = await refusal("program", "load", object("bad"));
    expect(refused).toMatch(/^junctor: program careless.*instruction \d+.*data_end.*\(EACCES\)$/m);
    expect(refused.split("\n").length).toBeGreaterThan(3);
    expect(await refusal("program", "attach", object("drop"), "device", device)).toMatch(
      /drop\.o has 4 programs\n.*drop, aborted/,
    );
    expect(await refusal("program", "attach", object("filter"), "device", "udp/nowhere")).toContain("ENODEV");
    expect(await refusal("program", "load", object("filter"), "global", "most", "2")).toContain("there are least");
    expect(await refusal("program", "show", "7777")).toContain("ENOENT");
    expect(await json("program", "show")).toEqual([]);
    expect(await json("map", "show")).toEqual([]);
  });

  test("in the kernel, on an interface of the host, it is the same", async ({ skip: leave }) => {
    await space.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth2"]);
    for (const name of ["eth1", "eth2"]) await space.run(["ip", "link", "set", name, "up"]);
    const made = await refusal("-j", "program", "attach", object("filter"), "device", "eth1", "mode", "generic");
    if (made.includes("EOPNOTSUPP")) leave(made);
    expect(await space.run(["ip", "link", "show", "eth1"])).toContain("xdpgeneric");
    expect(await cli("device show")).toMatch(/ - +eth1 +- +filter\(\d+\) +-\n/);
    const [map] = (await json<MapJson[]>("map", "show")).filter(
      ({ name, map: handle }) => name === "blocked" && handle >= 2 ** 31,
    );
    const handle = String(map?.map);
    await junctor.cli("map", "update", handle, "key", "7", "value", '{"note":"seven"}', "noexist");
    expect(await json("map", "dump", handle)).toMatchObject([{ formatted: { key: 7, value: { note: "seven" } } }]);
    expect(await refusal("map", "update", handle, "key", "7", "value", '{"note":"x"}', "noexist")).toContain("EEXIST");
    await cli(`map delete ${handle} key 7`);
    expect(await json("map", "dump", handle)).toEqual([]);
    await cli("program detach device eth1");
    expect(await space.run(["ip", "link", "show", "eth1"])).not.toContain("xdpgeneric");
    expect(await json("program", "show")).toEqual([]);
  });

  test("the configuration's programs are replaced by a reload, or stay as they were", async () => {
    const file = junctor.config;
    const text = readFileSync(file, "utf8");
    const configure = (name: string, more = "") =>
      writeFileSync(
        file,
        `${text}\nprograms: [{ object: ${object(name)}, device: "udp/*", hook: ingress, pin: guard${more} }]\n`,
      );

    configure("filter", ", globals: { least: 41 }");
    expect(await cli("reload")).toMatch(/filter\.o on ingress of udp\/\*: attached\n/);
    await send(1, 2);
    await runs("filter", "drop", 2);
    const maps = await json<MapJson[]>("map", "show");
    expect(maps.map(({ pin }) => pin)).toEqual(expect.arrayContaining(["guard.blocked", "guard.passed"]));

    configure("abort");
    expect(await cli("reload")).toMatch(/: replaced\n/);
    await send(1, 2);
    await runs("filter", "pass", 2);
    expect(await json("program", "show", "pinned", "guard")).toMatchObject({ name: "filter" });
    const before = [await json("program", "attachments"), await json<MapJson[]>("map", "show")];

    configure("bad");
    const refused = await refusal("reload");
    expect(refused).toMatch(/^junctor: program careless.*data_end.*\(EACCES\)$/m);
    expect([await json("program", "attachments"), await json("map", "show")]).toEqual(before);
    await send(1);
    await runs("filter", "pass", 3);

    writeFileSync(file, text);
    expect(await cli("reload")).toMatch(/: detached\n/);
    expect(await json("program", "show")).toEqual([]);
    expect(await json("map", "show")).toEqual([]);
  });
});
