import { afterEach, describe, expect, it } from "vitest";
import { advertise, answerIpv6, type SubscriberIpv6 } from "../../src/gateway/addresses/index.js";
import { createMemory, ffiMissing, libc, openTun, pollReadable } from "../../src/system/index.js";
import { inside } from "../peers/inside.js";
import { createNamespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";

const skip = requires("a subscriber's router and the host's own IPv6", ["ping"]);

const subscriber: SubscriberIpv6 = {
  localInterfaceId: "0000000000000001",
  peerInterfaceId: "0000000000000002",
  prefix: "2001:db8:0:7::/64",
  delegated: undefined,
  dns: ["2001:db8::53"],
  mtu: 1400,
};

describe.skipIf(skip.reason !== undefined || ffiMissing() !== undefined)("a subscriber's router", () => {
  const undo = undoStack();
  afterEach(() => undo.run());

  it("gives the host's IPv6 its address, route and MTU, answers its pings, and takes it all back", async () => {
    const space = await createNamespace(undo, "subscriber");
    const tun = inside(space, () => openTun({ name: "ppp7", queues: 1 }));
    undo.defer(tun.close);
    const fd = tun.queues[0]!;
    const memory = createMemory(65_536);
    const send = (packet: Uint8Array) => {
      memory.u8.set(packet, 4096);
      libc().write(fd, memory.address + 4096, packet.length);
    };
    const drops = new Map<string, number>();
    const poll = pollReadable(fd, () => {
      for (;;) {
        const length = libc().read(fd, memory.address, 4096);
        if (length <= 0) return;
        const { answers, drop } = answerIpv6(memory.u8.slice(0, length), subscriber);
        if (drop !== undefined) drops.set(drop, (drops.get(drop) ?? 0) + 1);
        for (const answer of answers) send(answer);
      }
    });
    undo.defer(() => poll.close());

    const show = (...argv: string[]) => space.run(["ip", "-6", ...argv, "dev", "ppp7"]);
    await space.run(["sh", "-c", "echo 2 > /proc/sys/net/ipv6/conf/ppp7/accept_ra"]);
    await space.run(["ip", "link", "set", "ppp7", "up"]);
    // Nothing is sent unasked: this is the answer to the host's own solicitation.
    await eventually("an address out of the prefix", async () => {
      return /inet6 2001:db8:0:7:/.exec(await show("address", "show"))?.[0];
    });
    const routes = await show("route", "show");
    expect(routes).toMatch(/default via fe80::1 proto ra .* expires 1[78]\d\dsec/);
    expect(routes).not.toMatch(/^2001:db8:0:7::\/64 proto ra/m);
    expect((await space.run(["cat", "/proc/sys/net/ipv6/conf/ppp7/mtu"])).trim()).toBe("1400");
    expect(await space.run(["ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", "fe80::1%ppp7"])).toMatch(/2 received/);

    send(advertise(subscriber, 0));
    await eventually("no default route", async () =>
      (await show("route", "show")).includes("default") ? undefined : true,
    );
    expect(await show("address", "show")).toMatch(/2001:db8:0:7:[^\n]*deprecated/);
    expect([...drops.keys()].filter((drop) => drop !== "hop-by-hop" && drop !== "neighbor-other-target")).toEqual([]);
  });
});
