import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { seeds } from "../../../test/seed.js";
import { seededNumbers } from "../../random.js";
import { createPools } from "./index.js";
import { prefixesOf } from "./layout.js";
import { coveringPrefixes, overlap, parseRange } from "./ranges.js";
import type { Lease, LeaseKind, PoolConfig } from "./types.js";

const pool = (name: string, ranges: readonly string[], rest: Partial<PoolConfig> = {}): PoolConfig => ({
  name,
  ranges,
  exclude: [],
  prefixLength: 64,
  delegatedLength: 56,
  quarantine: 0,
  sticky: true,
  ...rest,
});

describe("an IPv4 pool", () => {
  test("gives every address of prefixes and ranges once, network and broadcast addresses too, but what is excluded", () => {
    const pools = createPools([
      pool("a", ["192.0.2.0/30", "198.51.100.7-198.51.100.9"], { exclude: ["198.51.100.8", "192.0.2.1-192.0.2.2"] }),
    ]);
    const taken = Array.from({ length: 4 }, (_, index) => pools.take("a", "ipv4", `user${index}`, 0)?.address);
    expect(taken).toEqual(["192.0.2.0", "192.0.2.3", "198.51.100.7", "198.51.100.9"]);
    expect(pools.take("a", "ipv4", "late", 0)).toBeUndefined();
    expect(pools.status(0)).toEqual([{ pool: "a", kind: "ipv4", size: 4, used: 4, quarantined: 0 }]);
  });

  test("is routed as the prefixes that cover it, each once", () => {
    const lists = [
      [pool("a", ["192.0.2.0/30", "198.51.100.7-198.51.100.9"], { exclude: ["198.51.100.8"] })],
      [pool("small", ["10.0.0.0/31"]), pool("large", ["10.0.0.0/30", "10.0.0.3"]), pool("six", ["2001:db8::/48"])],
    ];
    expect(lists.map(prefixesOf)).toEqual([
      ["192.0.2.0/30", "198.51.100.7/32", "198.51.100.8/31"],
      ["10.0.0.0/31", "10.0.0.2/31", "2001:db8::/48"],
    ]);
  });

  test("an address that two pools have belongs to the first", () => {
    const pools = createPools([pool("small", ["10.0.0.0/31"]), pool("large", ["10.0.0.0/30", "10.0.0.3"])]);
    expect(pools.status(0).map(({ size }) => size)).toEqual([2, 2]);
    expect(pools.take("large", "ipv4", "x", 0)?.address).toBe("10.0.0.2");
  });

  test("gives a user its last address, and others what was never used or was given back first", () => {
    const pools = createPools([pool("a", ["10.0.0.0/30"])]);
    const take = (user: string) => pools.take("a", "ipv4", user, 0)!;
    const [a, b] = [take("ann"), take("bob")];
    pools.give(a, "ann", 0);
    pools.give(b, "bob", 0);
    expect(take("eve").address).toBe("10.0.0.2");
    expect(take("bob").address).toBe(b.address);
    expect(take("dan").address).toBe("10.0.0.3");
    expect(take("cid").address).toBe(a.address);
    expect(pools.take("a", "ipv4", "ann", 0)).toBeUndefined();
  });

  test("keeps what was given back from others for the time of quarantine", () => {
    const pools = createPools([pool("a", ["10.0.0.0/31"], { quarantine: 1000 })]);
    const a = pools.take("a", "ipv4", "ann", 0)!;
    const b = pools.take("a", "ipv4", "bob", 0)!;
    pools.give(a, "ann", 100);
    pools.give(b, "bob", 200);
    expect(pools.status(500)[0]).toMatchObject({ used: 0, quarantined: 2 });
    expect(pools.take("a", "ipv4", "eve", 1099)).toBeUndefined();
    expect(pools.take("a", "ipv4", "bob", 1099)?.address).toBe(b.address);
    expect(pools.take("a", "ipv4", "eve", 1100)?.address).toBe(a.address);
  });

  test("a fixed address is claimed once, and not given to others meanwhile", () => {
    const pools = createPools([pool("a", ["10.0.0.0/8"])]);
    const fixed = pools.claim("ipv4", "10.200.0.1", "ann", 0);
    expect(fixed).toEqual({ pool: "a", kind: "ipv4", address: "10.200.0.1" });
    expect(pools.claim("ipv4", "10.200.0.1", "bob", 0)).toBe(false);
    expect(pools.claim("ipv4", "192.0.2.1", "bob", 0)).toBeUndefined();
    pools.give(fixed as Lease, "ann", 0);
    expect(pools.claim("ipv4", "10.200.0.1", "bob", 0)).toMatchObject({ address: "10.200.0.1" });
  });

  test("giving back twice, or what another has by now, changes nothing", () => {
    const pools = createPools([pool("a", ["10.0.0.1"])]);
    const lease = pools.take("a", "ipv4", "ann", 0)!;
    pools.give(lease, "ann", 0);
    pools.give(lease, "ann", 0);
    expect(pools.take("a", "ipv4", "bob", 0)).toEqual(lease);
    pools.give(lease, "ann", 0);
    expect(pools.take("a", "ipv4", "eve", 0)).toBeUndefined();
    pools.give({ ...lease, address: "10.9.9.9" }, "ann", 0);
    pools.give({ ...lease, address: "nonsense" }, "ann", 0);
    expect(pools.status(0)).toMatchObject([{ used: 1 }]);
  });
});

describe("an IPv6 pool", () => {
  test("has links in its lower half and delegates the upper one", () => {
    const pools = createPools([pool("six", ["2001:db8::/48"])]);
    expect(pools.status(0)).toMatchObject([
      { kind: "link", size: 2 ** 15 },
      { kind: "delegated", size: 128 },
    ]);
    expect(pools.take("six", "link", "ann", 0)?.address).toBe("2001:db8::/64");
    expect(pools.take("six", "delegated", "ann", 0)?.address).toBe("2001:db8:0:8000::/56");
  });

  test("a range without room for two delegated prefixes is for links", () => {
    const pools = createPools([pool("six", ["2001:db8::/60"])]);
    expect(pools.status(0)).toMatchObject([{ kind: "link", size: 16 }]);
  });

  test("a fixed prefix of another length keeps what it overlaps from being given out", () => {
    const pools = createPools([pool("six", ["2001:db8::/52"], { delegatedLength: 56 })]);
    const wide = pools.claim("delegated", "2001:db8:0:800::/54", "ann", 0) as Lease;
    expect(wide.pool).toBe("six");
    const others = Array.from({ length: 5 }, (_, i) => pools.take("six", "delegated", `u${i}`, 0)?.address);
    expect(others.filter((address) => address !== undefined)).toHaveLength(4);
    expect(pools.claim("delegated", "2001:db8:0:900::/60", "bob", 0)).toBe(false);
    pools.give(wide, "bob", 0);
    expect(pools.take("six", "delegated", "eve", 0)).toBeUndefined();
    pools.give(wide, "ann", 0);
    expect(pools.take("six", "delegated", "eve", 0)).toBeDefined();
    expect(pools.claim("link", "2001:db8:ffff::/64", "bob", 0)).toBeUndefined();
  });
});

describe("new configuration", () => {
  test("leases that are out stay out, wherever their addresses are now", () => {
    const pools = createPools([pool("a", ["10.0.0.0/30"])]);
    const leases = ["ann", "bob", "cid"].map((user) => pools.take("a", "ipv4", user, 0)!);
    pools.give(leases[1]!, "bob", 5);
    pools.configure([pool("b", ["10.0.0.0/31"], { quarantine: 100 }), pool("c", ["10.0.0.2/32"])], 10);
    expect(pools.status(10)).toEqual([
      { pool: "b", kind: "ipv4", size: 2, used: 1, quarantined: 1 },
      { pool: "c", kind: "ipv4", size: 1, used: 1, quarantined: 0 },
    ]);
    expect(pools.take("b", "ipv4", "eve", 10)).toBeUndefined();
    expect(pools.take("b", "ipv4", "bob", 10)?.address).toBe(leases[1]!.address);
    pools.configure([], 20);
    expect(pools.claim("ipv4", "10.0.0.0", "eve", 20)).toBe(false);
    pools.configure([pool("a", ["10.0.0.0/30"])], 30);
    expect(pools.status(30)).toMatchObject([{ used: 3 }]);
    pools.give(leases[0]!, "ann", 40);
    pools.give(leases[2]!, "cid", 40);
    expect(pools.status(40)).toMatchObject([{ used: 1 }]);
  });

  test("of another length: old prefixes block the new ones that they overlap", () => {
    const six = (delegatedLength: number) => [pool("six", ["2001:db8::/48"], { delegatedLength })];
    const pools = createPools(six(56));
    const old = pools.take("six", "delegated", "ann", 0)!;
    pools.configure(six(60), 0);
    const fresh = pools.take("six", "delegated", "bob", 0)!;
    expect(overlap(parseRange(old.address)!, parseRange(fresh.address)!)).toBe(false);
    expect(pools.status(0)).toMatchObject([{}, { kind: "delegated", used: 17 }]);
    pools.configure(six(52), 0);
    expect(pools.status(0)).toMatchObject([{}, { kind: "delegated", used: 1 }]);
    pools.give(old, "ann", 0);
    expect(pools.status(0)).toMatchObject([{}, { kind: "delegated", used: 1 }]);
    pools.give(fresh, "bob", 0);
    expect(pools.status(0)).toMatchObject([{}, { kind: "delegated", used: 0 }]);
  });
});

test("ranges become the fewest prefixes", () => {
  expect(coveringPrefixes(parseRange("10.0.0.1-10.0.0.6")!)).toEqual([
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.4/31",
    "10.0.0.6/32",
  ]);
  expect(coveringPrefixes(parseRange("0.0.0.0/0")!)).toEqual(["0.0.0.0/0"]);
  expect(coveringPrefixes(parseRange("2001:db8::/33")!)).toEqual(["2001:db8::/33"]);
});

describe("whatever happens, in any order", () => {
  test.each(seeds(12))("seed %i: no two leases overlap, quarantine holds, everything comes back", (seed) => {
    const random = seededNumbers(seed);
    const below = (n: number) => Math.floor(random() * n);
    const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
    const quarantine = pick([0, 0, 50, 1000]);
    const configs = [
      [pool("a", ["10.0.0.0/27", "2001:db8::/54"], { quarantine, exclude: ["10.0.0.3"], sticky: random() < 0.7 })],
      [pool("a", ["10.0.0.0/28"], { quarantine }), pool("b", ["10.0.0.0/26", "2001:db8::/54"], { quarantine })],
      [pool("b", ["10.0.0.8-10.0.0.40", "2001:db8::/55"], { quarantine, delegatedLength: 60 })],
    ];
    const pools = createPools(configs[0]!);
    const users = Array.from({ length: 40 }, (_, index) => `user${index}`);
    const out: { lease: Lease; user: string }[] = [];
    const released = new Map<string, { user: string; at: number }>();
    let now = 0;
    let reconfigured = false;

    const check = (lease: Lease, user: string, taken: boolean) => {
      const range = parseRange(lease.address)!;
      for (const other of out) expect(overlap(parseRange(other.lease.address)!, range), lease.address).toBe(false);
      const last = released.get(lease.address);
      if (taken && last && last.user !== user && !reconfigured)
        expect(now - last.at).toBeGreaterThanOrEqual(quarantine);
      released.delete(lease.address);
      out.push({ lease, user });
    };
    for (let step = 0; step < 1500; step++) {
      now += below(20);
      const kind = pick<LeaseKind>(["ipv4", "link", "delegated"]);
      const user = pick(users);
      const action = below(100);
      if (action < 48) {
        const lease = pools.take(pick(["a", "b"]), kind, user, now);
        if (lease) check(lease, user, true);
      } else if (action < 92) {
        const [gone] = out.splice(below(out.length), 1);
        if (gone === undefined) continue;
        pools.give(gone.lease, gone.user, now);
        released.set(gone.lease.address, { user: gone.user, at: now });
      } else if (action < 98) {
        const third = below(64).toString(16);
        const address = kind === "ipv4" ? `10.0.0.${below(80)}` : `2001:db8:0:${third}0::/${pick([56, 60, 64])}`;
        const lease = pools.claim(kind, address, user, now);
        if (lease) check(lease, user, false);
      } else {
        // Addresses that came back while they were in no pool are forgotten, and with them their quarantine.
        reconfigured = true;
        pools.configure(pick(configs), now);
      }
    }
    for (const { lease, user } of out.splice(0)) pools.give(lease, user, now);
    expect(pools.status(now).map(({ used }) => used)).toEqual(pools.status(now).map(() => 0));
    now += 2000;
    for (const { pool: name, kind, size } of pools.status(now)) {
      const all = Array.from({ length: size }, (_, index) => pools.take(name, kind, `new${index}`, now));
      expect(new Set(all.map((lease) => lease?.address)).size).toBe(size);
      expect(all.every((lease) => lease !== undefined)).toBe(true);
      expect(pools.take(name, kind, "one too many", now)).toBeUndefined();
    }
  });
});

test("65536 addresses in use cost at most 40 bytes each", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const pools = createPools([pool("a", ["10.0.0.0/16"])]);
  for (let round = 0; round < 2; round++) {
    const before = held();
    for (let index = 0; index < 65_536; index++) pools.take("a", "ipv4", `user${index}`, 0);
    if (round === 0) expect((held() - before) / 65_536).toBeLessThan(30);
    for (let index = 0; index < 65_536; index++) {
      const address = `10.0.${index >> 8}.${index & 255}`;
      pools.give({ pool: "a", kind: "ipv4", address }, `user${index}`, 0);
    }
    if (round === 0) expect((held() - before) / 65_536).toBeLessThan(40);
    expect(pools.status(0)).toMatchObject([{ used: 0, size: 65_536 }]);
  }
});
