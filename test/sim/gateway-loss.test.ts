/**
 * Three parties on links that lose, repeat and reorder, with hang-ups, refusals, outages and operators in between. A seed
 * that fails is printed; run it again with JUNCTOR_TEST_SEED. JUNCTOR_TEST_LONG=1 takes thousands.
 */
import { expect, it } from "vitest";
import type { Core } from "../../src/gateway/core.js";
import { long, seeds } from "../seed.js";
import type { PeerCall } from "./gateway-peer.js";
import { clean, createScene, expectPlaneMatches, type Scene, switchAddress, wrapUp } from "./gateway-scene.js";

const count = long ? 5000 : 400;
const losses = [0, 0.05, 0.1, 0.2, 0.3];

const config = `
host-name: switch
access: [{ name: west, l2tp: { listen: 10.0.0.1 } }]
policy:
  - match: { calling-number: "9*" }
    reject: { result: 5 }
  - forward:
      lns: [10.2.0.1, 10.2.0.2]
      attempt-timeout: 5s
      timeout: 15s
      hold-down: 10s
      idle-timeout: 20s
      max-sessions-per-tunnel: 3
`;

/** What must hold at every moment. */
function expectConsistent(core: Core): void {
  for (const leg of core.legs.values()) {
    if (leg.ended) throw new Error("an ended leg is kept");
    if (leg.partner && leg.partner.partner !== leg) throw new Error("a partner does not know of it");
    if (leg.partner?.ended) throw new Error("a partner has ended");
    if (leg.session !== 0 && core.channels.get(leg.channel) !== leg) throw new Error("a channel is lost");
    if (leg.bridged !== 0 && core.channels.get(leg.bridged)?.bridged !== leg.channel) throw new Error("half a bridge");
  }
  for (const leg of core.channels.values())
    if (core.legs.get(leg.call) !== leg) throw new Error("a channel has no leg");
  for (const tunnel of core.tunnels.values()) {
    const sessions = [...core.legs.values()].filter((leg) => leg.tunnel === tunnel).length;
    if (sessions !== tunnel.sessions) throw new Error("a tunnel has miscounted its sessions");
  }
}

async function troubledScene(seed: number, loss: number): Promise<{ scene: Scene; calls: readonly PeerCall[] }> {
  const scene = await createScene({
    seed,
    config,
    link: { loss, duplicate: loss / 4, delay: [1, 30] },
    latency: [0, (seed % 4) * 10],
    engine: seed % 7 === 0,
  });
  const { world, gateway, lacs, lnss } = scene;
  world.onStep = () => expectConsistent(scene.core);
  for (const lns of lnss) {
    const answer = () => (world.chance(0.1) ? { result: 4 } : world.chance(0.05) ? ("never" as const) : undefined);
    lns.options = { ...lns.options, answer };
  }

  const calls: PeerCall[] = [];
  const tunnels = lacs.map((lac) => [lac.open(switchAddress), lac.open(switchAddress)]);
  const place = (): void => {
    const lac = world.chance(0.5) ? 0 : 1;
    const tunnel = tunnels[lac]?.[world.chance(0.5) ? 0 : 1];
    if (tunnel === undefined || typeof lacs[lac].tunnels.get(tunnel) !== "string") return;
    calls.push(scene.call({ lac, tunnel, calling: world.chance(0.05) ? "911" : "100" }));
  };
  const some = <T>(things: Iterable<T>): T | undefined => {
    const all = [...things];
    return all[Math.floor(world.random() * all.length)];
  };
  const trouble: readonly (() => void)[] = [
    place,
    place,
    place,
    () => some(lacs[0].calls.keys()) !== undefined && lacs[0].hangUp(some(lacs[0].calls.keys())!, { result: 3 }),
    () => some(lnss[0].calls.keys()) !== undefined && lnss[0].hangUp(some(lnss[0].calls.keys())!, { result: 8 }),
    () => void gateway.terminateSession(some(scene.core.legs.keys()) ?? 0),
    () => {
      const lns = some(lnss)!;
      world.network.dead.add(lns.address);
      world.schedule(world.now() + world.between(500, 20_000), () => world.network.dead.delete(lns.address));
    },
    () => {
      if (!world.chance(0.2)) return;
      const tunnel = some(lnss[1].tunnels.keys());
      if (tunnel !== undefined) lnss[1].closeTunnel(tunnel, { result: 6 });
    },
    () => {
      gateway.drain(true);
      world.schedule(world.now() + 300, () => gateway.drain(false));
    },
    () => void (world.chance(0.1) && gateway.terminateTunnel(some(scene.core.tunnels.keys()) ?? 0)),
  ];
  for (let i = 0; i < 6; i++) place();
  for (let at = 0; at < 20; at++) {
    await world.run(world.between(10, 1500));
    if (world.chance(0.5)) some(trouble)?.();
  }
  // The links get well, and everybody has the time to notice who has gone: idle time, then all retransmissions.
  world.network.setLink(clean);
  world.network.dead.clear();
  await world.run(250_000);
  return { scene, calls };
}

/** Up on both outer sides, or down on both with a code. */
function expectBothSidesAgree({ lnss }: Scene, calls: readonly PeerCall[]): void {
  for (const call of calls) {
    const answered = lnss.flatMap((lns) => [...lns.calls.values()].filter(({ serial }) => serial === call.serial));
    const up = answered.filter(({ state }) => state === "up").length;
    const settingUp = answered.filter(({ state }) => state === "setting-up").length;
    expect({ state: call.state, up, settingUp }).toEqual(
      call.state === "up" ? { state: "up", up: 1, settingUp: 0 } : { state: "down", up: 0, settingUp: 0 },
    );
    if (call.state === "down") expect(call.ended?.result).toBeGreaterThan(0);
    for (const frame of [call, ...answered].flatMap(({ frames }) => frames)) {
      expect(frame.endsWith(` ${call.serial}`)).toBe(true);
    }
  }
}

it(`agrees on both sides and leaves nothing, in ${count} seeds`, {
  timeout: long ? 3_600_000 : 60_000,
}, async () => {
  for (const seed of seeds(count)) {
    try {
      const { scene, calls } = await troubledScene(seed, losses[seed % losses.length]!);
      expectBothSidesAgree(scene, calls);
      expectPlaneMatches(scene);
      await wrapUp(scene);
    } catch (error) {
      throw new Error(`JUNCTOR_TEST_SEED=${seed}: ${error instanceof Error ? error.stack : error}`);
    }
  }
});

it("comes up less often the more is lost", { timeout: 60_000 }, async () => {
  const table: Record<string, string> = {};
  for (const loss of losses) {
    const scene = await createScene({ seed: 7, config, link: { loss, duplicate: loss / 4, delay: [5, 15] } });
    const tunnels = [0, 1].map((lac) => scene.lacs[lac as 0 | 1].open(switchAddress));
    const calls: PeerCall[] = [];
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const lac = (i % 2) as 0 | 1;
      if (typeof scene.lacs[lac].tunnels.get(tunnels[lac]!) !== "string")
        tunnels[lac] = scene.lacs[lac].open(switchAddress);
      const call = scene.call({ lac, tunnel: tunnels[lac]! });
      const placed = scene.world.now();
      calls.push(call);
      const through = () => scene.lnss.some((lns) => lns.bySerial(call.serial)?.state === "up");
      if (await scene.world.until(() => through() || call.state === "down", 60_000)) {
        if (through()) times.push(scene.world.now() - placed);
      }
      await scene.world.run(500);
    }
    const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
    const frames = calls.filter((call) => call.frames.length > 0).length;
    table[`${loss * 100} %`] =
      `${times.length} of ${calls.length} up, median ${Math.round(median)} ms, ${frames} greeted by the LNS`;
    await wrapUp(scene);
  }
  expect(table).toMatchInlineSnapshot(`
    {
      "0 %": "60 of 60 up, median 66 ms, 60 greeted by the LNS",
      "10 %": "60 of 60 up, median 1043 ms, 48 greeted by the LNS",
      "20 %": "60 of 60 up, median 2073 ms, 42 greeted by the LNS",
      "30 %": "60 of 60 up, median 4085 ms, 33 greeted by the LNS",
      "5 %": "60 of 60 up, median 78 ms, 57 greeted by the LNS",
    }
  `);
});
