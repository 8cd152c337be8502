/** The gateway on the user engine itself: real data messages, sequence numbers, bridging in the tables. */
import { expect, it } from "vitest";
import { createScene, expectPlaneMatches, switchAddress, twoLns, wrapUp } from "./gateway-scene.js";

it("switches calls of many tunnels, and every frame goes where it belongs", async () => {
  const scene = await createScene({ engine: true });
  const tunnels = [0, 0, 1, 1].map((lac) => [lac, scene.lacs[lac as 0 | 1].open(switchAddress)] as const);
  const calls = Array.from({ length: 60 }, (_, i) => {
    const [lac, tunnel] = tunnels[i % tunnels.length]!;
    return { lac: lac as 0 | 1, call: scene.call({ lac: lac as 0 | 1, tunnel }) };
  });
  await scene.world.run(3000);
  expectPlaneMatches(scene);
  expect(scene.plane.left()).toMatchObject({ tunnels: 6, sessions: 120 });
  for (const { lac, call } of calls) {
    const [lns, answered] = scene.lnss.flatMap((each) =>
      each.bySerial(call.serial) ? ([each, each.bySerial(call.serial)!] as const) : [],
    ) as [(typeof scene.lnss)[0], typeof call];
    scene.lacs[lac].send(call.call, `to ${call.serial}`);
    lns.send(answered.call, `back ${call.serial}`);
    await scene.world.run(50);
    expect(answered.frames).toEqual([`caller ${call.serial}`, `to ${call.serial}`]);
    expect(call.frames).toEqual([expect.stringMatching(`lns. ${call.serial}$`), `back ${call.serial}`]);
  }
  const [session] = await scene.gateway.sessions();
  expect(session?.counters).toMatchObject({ rxPackets: 2, txPackets: 2 });
  for (const { lac, call } of calls.slice(0, 30)) scene.lacs[lac].hangUp(call.call, { result: 3 });
  await scene.world.run(1000);
  expectPlaneMatches(scene);
  expect(scene.plane.left().sessions).toBe(60);
  await wrapUp(scene);
});

it("lists calls and channels page by page, in order, whatever ends meanwhile", async () => {
  const scene = await createScene({ engine: true });
  const tunnels = [0, 1, 0].map((lac) => [lac as 0 | 1, scene.lacs[lac as 0 | 1].open(switchAddress)] as const);
  const placed = Array.from({ length: 30 }, (_, i) => {
    const [lac, tunnel] = tunnels[i % tunnels.length]!;
    return { lac, call: scene.call({ lac, tunnel }) };
  });
  await scene.world.run(3000);
  const { gateway } = scene;
  const all = await gateway.sessions();
  expect(all.map(({ call }) => call)).toEqual([...scene.core.legs.keys()].sort((a, b) => a - b));
  expect(gateway.population).toEqual({ tunnels: 5, halfOpen: 0, sessions: 60, subscribers: 0 });

  const pages = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await gateway.sessions({ after, limit: 7 });
    pages.push(page);
    after = page.at(-1)?.call;
  }
  expect(pages.map(({ length }) => length)).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 4, 0]);
  expect(pages.flat()).toEqual(all);

  const accept = ({ side }: { side: string }) => side === "onward";
  const onward = await gateway.sessions({ accept, limit: 10 });
  expect(onward).toEqual(all.filter(accept).slice(0, 10));
  const channels = await gateway.channels();
  expect(channels.map(({ channel, call }) => [channel, call])).toEqual(
    [...scene.core.channels].map(([channel, { call }]) => [channel, call]).sort((a, b) => a[0]! - b[0]!),
  );
  const { channel } = channels[9]!;
  expect(await gateway.channels({ after: channel, limit: 3 })).toEqual(channels.slice(10, 13));

  for (const { lac, call } of placed.slice(0, 15)) scene.lacs[lac].hangUp(call.call, { result: 3 });
  await scene.world.run(1000);
  const left = new Set(scene.core.legs.keys());
  const after = all[20]!.call;
  expect((await gateway.sessions({ after })).map(({ call }) => call)).toEqual(
    all.map(({ call }) => call).filter((call) => call > after && left.has(call)),
  );
  await wrapUp(scene);
});

it("follows a caller behind NAT whose port moves", async () => {
  const scene = await createScene({ engine: true });
  const caller = scene.call();
  await scene.world.run(3000);
  scene.lacs[0].move("10.1.0.1:40000");
  scene.lacs[0].send(caller.call, "from elsewhere");
  await scene.world.run(3000);
  scene.lacs[0].send(caller.call, "still here");
  scene.lnss[0].send(scene.lnss[0].bySerial(caller.serial)!.call, "found you");
  await scene.world.run(1000);
  expect(scene.lnss[0].bySerial(caller.serial)?.frames).toContain("still here");
  expect(caller.frames).toContain("found you");
  await wrapUp(scene);
});

it("does not follow it if told not to", async () => {
  const scene = await createScene({
    engine: true,
    config: twoLns.replace("listen: 10.0.0.1", "listen: 10.0.0.1, float: ignore"),
  });
  const caller = scene.call();
  await scene.world.run(3000);
  scene.lacs[0].move("10.1.0.1:40000");
  scene.lacs[0].send(caller.call, "from elsewhere");
  scene.lacs[0].hangUp(caller.call, { result: 3 });
  await scene.world.run(3000);
  expect(scene.lnss[0].bySerial(caller.serial)).toMatchObject({ state: "up", frames: ["caller 1"] });
  expect(scene.gateway.statistics()["dropped-float-ignored"]).toBeGreaterThan(0);
});

it("stops, and leaves nothing in the engine", async () => {
  const scene = await createScene({ engine: true });
  for (let i = 0; i < 10; i++) scene.call();
  await scene.world.run(3000);
  const stopped = scene.gateway.stop(5000);
  await scene.world.run(6000);
  await stopped;
  expect(scene.plane.left()).toEqual({ ports: 0, tunnels: 0, sessions: 0, operations: 0 });
});
