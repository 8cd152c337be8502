/** The same object by the same command, in the kernel: a program on a veth device of the daemon's namespace. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttachmentJson, MapJson } from "../../src/api/schemas-programs.js";
import { bpfMissing } from "../../src/system/bpf.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { requires } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { cannotCompile, compile } from "../xdp/compile.js";

const title = "programs on interfaces of the host";
const { reason } = requires(title, ["ip", "ping"]);
const skip = reason ?? bpfMissing() ?? cannotCompile();
if (skip !== undefined) console.warn(`skipped: ${title}: ${skip}`);

/** Counts what comes, and drops ICMP if the map says so. */
const source = (extra: string) => `
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u64); } state SEC(".maps");
SEC("xdp") int guard(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 seen = 0, block = 1;
	__u64 *count = bpf_map_lookup_elem(&state, &seen), *blocked = bpf_map_lookup_elem(&state, &block);
	if (count) __sync_fetch_and_add(count, 1);
	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != 1) return XDP_PASS;
	${extra}
	return blocked && *blocked ? XDP_DROP : XDP_PASS;
}
char _license[] SEC("license") = "GPL";
`;

describe.skipIf(skip !== undefined)(title, () => {
  const undo = undoStack();
  let inside: Namespace;
  let outside: Namespace;
  let junctor: Junctor;
  let file: string;
  let other: string;

  beforeAll(async () => {
    inside = await createNamespace(undo, "host-in");
    outside = await createNamespace(undo, "host-out");
    await link(
      { space: inside, name: "veth0", addresses: ["192.0.2.1/24"] },
      { space: outside, name: "veth1", addresses: ["192.0.2.2/24"] },
    );
    const folder = temporaryDirectory(undo, "xdp-host");
    file = join(folder, "guard.o");
    other = join(folder, "other.o");
    writeFileSync(file, compile(source("")));
    writeFileSync(other, compile(source("return XDP_DROP;")));
    junctor = await startJunctor(undo, inside, {
      config: `access: [{ l2tp: { listen: "127.0.0.1:1701" } }]\npolicy: []\n`,
      secrets: {},
    });
  });
  afterAll(() => undo.run());

  const pings = async (): Promise<boolean> =>
    outside
      .run(["ping", "-c", "1", "-W", "1", "192.0.2.1"])
      .then(() => true)
      .catch(() => false);
  const json = async <T>(...words: string[]): Promise<T> => JSON.parse(await junctor.cli("-j", ...words)) as T;
  const shown = (): Promise<string> => inside.run(["ip", "link", "show", "veth0"]);

  test("attach, look into its map, change it, replace, detach", { timeout: 60_000 }, async () => {
    expect(await pings()).toBe(true);
    await junctor.cli("program", "attach", file, "device", "veth0", "hook", "ingress", "mode", "generic");
    expect(await shown()).toContain("xdpgeneric");
    expect(await pings()).toBe(true);

    const maps = await json<MapJson[]>("map", "show");
    const inKernel = maps.find(({ name, map }) => name === "state" && map >= 0x8000_0000)!;
    expect(inKernel).toMatchObject({ type: "array", maxEntries: 2 });
    const id = String(inKernel.map);
    expect(await junctor.cli("map", "lookup", "id", id, "key", "0", "0", "0", "0")).toMatch(/value/);
    await junctor.cli(
      "map",
      "update",
      "id",
      id,
      "key",
      "1",
      "0",
      "0",
      "0",
      "value",
      "1",
      "0",
      "0",
      "0",
      "0",
      "0",
      "0",
      "0",
    );
    expect(await pings()).toBe(false);
    await junctor.cli(
      "map",
      "update",
      "id",
      id,
      "key",
      "1",
      "0",
      "0",
      "0",
      "value",
      "0",
      "0",
      "0",
      "0",
      "0",
      "0",
      "0",
      "0",
    );
    expect(await pings()).toBe(true);

    const [attachment] = await json<AttachmentJson[]>("program", "attachments");
    expect(attachment).toMatchObject({ device: "veth0", mode: "generic", hook: "ingress" });
    await junctor.cli("program", "replace", String(attachment!.attachment), other);
    expect(await pings()).toBe(false);
    await junctor.cli("program", "detach", String(attachment!.attachment));
    expect(await pings()).toBe(true);
    expect(await shown()).not.toContain("xdp");
    expect((await json<MapJson[]>("map", "show")).filter(({ map }) => map >= 0x8000_0000)).toEqual([]);
  });

  test("native mode, and gone with the daemon", { timeout: 60_000 }, async () => {
    await junctor.cli("program", "attach", other, "device", "veth0", "hook", "ingress", "mode", "native");
    expect(await shown()).toMatch(/ xdp /);
    expect(await pings()).toBe(false);
    await junctor.process.stop("SIGTERM", 8000);
    expect(await shown()).not.toContain("xdp");
    expect(await pings()).toBe(true);
  });
});
