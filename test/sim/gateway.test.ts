import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/gateway/config.js";
import { createScene, expectPlaneMatches, type Scene, switchAddress, twoLns, wrapUp } from "./gateway-scene.js";

const settle = 3000;

/** Sets up one call and waits until it is through. */
async function connected(options: Parameters<typeof createScene>[0] = {}) {
  const scene = await createScene(options);
  const caller = scene.call();
  await scene.world.run(settle);
  const answered = scene.lnss.flatMap((lns) => lns.bySerial(caller.serial) ?? []).at(-1);
  return { ...scene, caller, answered, scene };
}

const forwarding = (keys: string, lns = "[10.2.0.1, 10.2.0.2]") => `
host-name: switch
access: [{ name: west, l2tp: { listen: 10.0.0.1 } }]
policy: [{ forward: { lns: ${lns}, ${keys} } }]
`;

const inOrder = forwarding("attempt-timeout: 4s", "[{ address: 10.2.0.1 }, { address: 10.2.0.2, priority: 1 }]");

describe("a call", () => {
  it("comes up on both sides, with what the LAC said of it", async () => {
    const { caller, answered, scene } = await connected();
    expect(caller.state).toBe("up");
    expect(answered?.state).toBe("up");
    expect(answered?.icrq).toMatchObject({
      callSerialNumber: caller.serial,
      callingNumber: "100",
      calledNumber: "200",
      bearerType: 1,
      physicalChannelId: 7,
    });
    expect(answered?.iccn).toMatchObject({
      txConnectSpeed: 56_000,
      proxyAuthenType: 2,
      proxyAuthenName: "anna@a.example",
    });
    await wrapUp(scene);
  });

  it("loses no frame, not even those sent before there was a bridge", async () => {
    const { caller, answered, scene } = await connected();
    scene.lacs[0].send(caller.call, "there");
    scene.lnss[0].send(answered!.call, "and back");
    await scene.world.run(100);
    expect(answered?.frames).toEqual(["caller 1", "there"]);
    expect(caller.frames).toEqual(["lns1 1", "and back"]);
  });

  it("loses no frame however long the data plane takes", async () => {
    const { caller, answered, scene } = await connected({ latency: [40, 40] });
    scene.lacs[0].send(caller.call, "there");
    await scene.world.run(100);
    expect(answered?.frames).toEqual(["caller 1", "there"]);
    expect(caller.frames).toEqual(["lns1 1"]);
  });

  it("has a few frames kept for it before the bridge, and no more", async () => {
    const scene = await createScene({ latency: [40, 40], lac: { greet: "1" } });
    const caller = scene.call();
    await scene.world.until(() => caller.state === "up", 1000);
    for (const text of ["2", "3", "4", "5", "6"]) scene.lacs[0].send(caller.call, text);
    scene.lacs[0].send(caller.call, "x".repeat(2000));
    await scene.world.run(settle);
    expect(scene.lnss[0].bySerial(caller.serial)?.frames).toEqual(["1 1", "2", "3", "4"]);
    expect(scene.gateway.statistics()).toMatchObject({ "dropped-held-per-call": 2, "dropped-held-too-long": 1 });
  });

  it("hung up by the caller ends at the LNS with the same code", async () => {
    const { caller, answered, scene } = await connected();
    const cause = { code: 16, message: 69, advisory: "done" };
    scene.lacs[0].hangUp(caller.call, { result: 2, error: 6, message: "bye", cause });
    await scene.world.run(1000);
    expect(answered?.ended).toMatchObject({ by: "peer", result: 2, error: 6, message: "bye", cause });
    await wrapUp(scene);
  });

  it("hung up by the LNS ends at the caller with the same code", async () => {
    const { caller, answered, scene } = await connected();
    scene.lnss[0].hangUp(answered!.call, { result: 8 });
    await scene.world.run(1000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 8 });
    await wrapUp(scene);
  });

  it("is ended on both sides by the operator", async () => {
    const { caller, answered, scene } = await connected();
    const [session] = await inTime(scene, scene.gateway.sessions());
    expect(await scene.gateway.terminateSession(session!.call)).toBe(true);
    await scene.world.run(1000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 3 });
    expect(answered?.ended).toMatchObject({ by: "peer", result: 3 });
    expect(await scene.gateway.terminateSession(session!.call)).toBe(false);
    await wrapUp(scene);
  });

  it("is a lost carrier when the LNS's tunnel goes", async () => {
    const { caller, scene } = await connected();
    const [tunnel] = scene.lnss[0].tunnels.keys();
    scene.lnss[0].closeTunnel(tunnel!, { result: 6 });
    await scene.world.run(1000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 1 });
    await wrapUp(scene);
  });

  it("is a lost carrier when the LNS falls silent", async () => {
    const { caller, scene } = await connected();
    scene.world.network.dead.add(scene.lnss[0].address);
    await scene.world.run(180_000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 1 });
    await wrapUp(scene);
  });

  it("takes WEN to the LNS and SLI to the LAC", async () => {
    const { caller, answered, scene } = await connected();
    const callErrors = {
      crcErrors: 1,
      framingErrors: 2,
      hardwareOverruns: 3,
      bufferOverruns: 4,
      timeoutErrors: 5,
      alignmentErrors: 6,
    };
    const accm = { send: 0xa0000, receive: 7 };
    scene.lacs[0].notify(caller.call, "wen", { callErrors });
    scene.lnss[0].notify(answered!.call, "sli", { accm });
    await scene.world.run(1000);
    expect(answered?.notices).toMatchObject([{ callErrors }]);
    expect(caller.notices).toMatchObject([{ accm }]);
  });

  it("goes through with authentication and hidden AVPs on both sides", async () => {
    const secret = Buffer.from("s3cret");
    const scene = await createScene({
      lac: { settings: { secret, hidden: true } },
      lns: [{ settings: { secret, hidden: true } }, {}],
    });
    const { config } = parseConfig(forwarding("", "[10.2.0.1]"));
    const withSecret = { secret: { reveal: () => secret, equals: () => false }, hidden: true };
    const [access] = config.access;
    const [rule] = config.policy;
    if (rule?.action.type !== "forward") throw new Error("no forward");
    const { forward } = rule.action;
    const secured = {
      ...config,
      access: [{ ...access!, tunnel: { ...access!.tunnel, ...withSecret } }],
      policy: [
        {
          ...rule,
          action: {
            type: "forward",
            forward: {
              ...forward,
              lns: [{ ...forward.lns[0]!, tunnel: { ...forward.lns[0]!.tunnel, ...withSecret } }],
            },
          },
        },
      ],
    } as unknown as typeof config;
    await scene.gateway.reload(secured);
    const caller = scene.call({ calling: "hidden" });
    await scene.world.run(settle);
    expect(caller.state).toBe("up");
    expect(scene.lnss[0].bySerial(caller.serial)?.icrq.callingNumber).toBe("hidden");
    await wrapUp(scene);
  });
});

it("tells its peers that it places no outgoing calls, and refuses those that are asked for all the same", async () => {
  const { answered, scene } = await connected();
  const [lns] = scene.lnss;
  for (const { endpoint } of [scene.lacs[0], lns]) {
    expect(endpoint.tunnels()[0]?.peer?.avps.bearerCapabilities).toBe(0);
  }
  const call = lns.endpoint.openCall(answered!.call >>> 16, "outgoing", { calledNumber: "1" }, scene.world.now());
  expect(call).toBeDefined();
  lns.hangUp(0, { result: 1 });
  await scene.world.run(settle);
  expect(lns.endpoint.call(call!)).toBeUndefined();
  expect(scene.core.counts.values()["calls-refused-outgoing-call"]).toBe(1);
  await wrapUp(scene);
});

describe("a call whose end and whose tunnel's end arrive together", () => {
  it("tells the other side what its own end said", async () => {
    const { caller, answered, scene } = await connected();
    const [lns] = scene.lnss;
    lns.hangUp(answered!.call, { result: 8, message: "busy" });
    lns.closeTunnel(answered!.call >>> 16, { result: 6 });
    await scene.world.run(settle);
    expect(caller.ended).toMatchObject({ by: "peer", result: 8, message: "busy" });
    await wrapUp(scene);
  });
});

describe("a tunnel to an LNS that ends in the moment in which a call is decided", () => {
  it("carries no more calls; the same LNS is reached by a new one", async () => {
    const { answered, scene } = await connected({ config: forwarding("attempt-timeout: 4s", "[10.2.0.1]") });
    const [lns] = scene.lnss;
    const next = scene.call();
    await scene.world.until(() => next.state === "up", settle);
    lns.closeTunnel(answered!.call >>> 16, { result: 1 });
    await scene.world.run(settle);
    expect(next.ended).toBeUndefined();
    expect(lns.bySerial(next.serial)?.state).toBe("up");
    expect(scene.core.counts.values()["forward-no-resources"]).toBeUndefined();
    await wrapUp(scene);
  });
});

describe("policy", () => {
  it("refuses what no rule matches, and what a rule refuses", async () => {
    const scene = await createScene({
      config: `
access: [{ l2tp: { listen: 10.0.0.1 } }]
policy: [{ match: { calling-number: "9*" }, reject: { result: 5, message: never } }, { match: { realm: b.example }, accept: {} }]
`,
    });
    const tunnel = scene.lacs[0].open(switchAddress);
    const [refused, unknown, accepted] = [{ calling: "91" }, {}, { user: "x@B.example" }].map((each) =>
      scene.call({ tunnel, ...each }),
    );
    await scene.world.run(settle);
    expect(refused?.ended).toMatchObject({ result: 5, message: "never" });
    expect(unknown?.ended).toMatchObject({ result: 6 });
    expect(accepted?.state).toBe("up");
    await wrapUp(scene);
  });

  it("keeps strangers out before any state is made", async () => {
    const scene = await createScene({
      config: twoLns.replace("listen: 10.0.0.1", "listen: 10.0.0.1, peers: [10.1.0.2/32]"),
    });
    const stranger = scene.call({ lac: 0 });
    const friend = scene.call({ lac: 1 });
    await scene.world.run(settle);
    expect(stranger.state).toBe("setting-up");
    expect(friend.state).toBe("up");
    expect(scene.gateway.statistics()["dropped-peer-not-allowed"]).toBeGreaterThan(0);
    expect(scene.core.endpoint.tunnels().filter(({ remote }) => remote === scene.lacs[0].address)).toEqual([]);
  });
});

describe("the onward LNS", () => {
  it("is the one with the least sessions, on shared tunnels", async () => {
    const scene = await createScene();
    const tunnel = scene.lacs[0].open(switchAddress);
    for (let i = 0; i < 10; i++) scene.call({ tunnel });
    await scene.world.run(settle);
    expect(scene.lnss.map((lns) => lns.calls.size)).toEqual([5, 5]);
    expect(scene.lnss.map((lns) => lns.tunnels.size)).toEqual([1, 1]);
    await wrapUp(scene);
  });

  it("gets another tunnel when one is full", async () => {
    const scene = await createScene({ config: forwarding("max-sessions-per-tunnel: 2", "[10.2.0.1]") });
    const tunnel = scene.lacs[0].open(switchAddress);
    for (let i = 0; i < 5; i++) scene.call({ tunnel });
    await scene.world.run(settle);
    expect(scene.lnss[0].calls.size).toBe(5);
    expect(scene.lnss[0].tunnels.size).toBe(3);
    await wrapUp(scene);
  });

  it.each<[string, Parameters<typeof createScene>[0], (scene: Scene) => void]>([
    ["refuses the call", { lns: [{ answer: () => ({ result: 4 }) }, {}] }, () => {}],
    ["refuses the tunnel", { lns: [{ answerTunnel: () => ({ result: 2, error: 4 }) }, {}] }, () => {}],
    ["does not answer the call", { lns: [{ answer: () => "never" }, {}] }, () => {}],
    ["is dead", {}, (scene) => scene.world.network.dead.add(scene.lnss[0].address)],
  ])("that %s gives way to the next", async (_, options, prepare) => {
    const scene = await createScene({ config: inOrder, ...options });
    prepare(scene);
    const caller = scene.call();
    await scene.world.run(10_000);
    expect(caller.state).toBe("up");
    expect(scene.lnss[1].bySerial(caller.serial)?.state).toBe("up");
    expect(scene.events.filter(({ type }) => type === "forward-failed")).toHaveLength(1);
    expect(caller.frames).toEqual(["lns2 1"]);
    expect(scene.lnss[1].bySerial(caller.serial)?.frames).toEqual(["caller 1"]);
    await wrapUp(scene);
  });

  it("that was found dead is tried last for a while", async () => {
    const scene = await createScene({ config: inOrder });
    scene.world.network.dead.add(scene.lnss[0].address);
    const first = scene.call();
    await scene.world.run(10_000);
    const second = scene.call();
    await scene.world.run(500);
    expect([first.state, second.state]).toEqual(["up", "up"]);
    scene.world.network.dead.clear();
    await scene.world.run(60_000);
    const third = scene.call();
    await scene.world.run(settle);
    expect(scene.lnss[0].bySerial(third.serial)?.state).toBe("up");
    await wrapUp(scene);
  });

  it("passes on why it refuses, if it is the last", async () => {
    const cause = { code: 17, message: 90 };
    const scene = await createScene({
      lns: [{ answer: () => ({ result: 8, cause }) }, { answer: () => ({ result: 8, cause }) }],
    });
    const caller = scene.call();
    await scene.world.run(settle);
    expect(caller.ended).toMatchObject({ by: "peer", result: 8, cause });
    await wrapUp(scene);
  });

  it("cannot be reached: facilities are lacking for now", async () => {
    const scene = await createScene({ config: inOrder });
    for (const lns of scene.lnss) scene.world.network.dead.add(lns.address);
    const caller = scene.call();
    await scene.world.run(9_000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 4 });
    await wrapUp(scene);
  });

  it("must take the call before the caller has waited long enough", async () => {
    const scene = await createScene({ config: forwarding("timeout: 6s, attempt-timeout: 4s") });
    for (const lns of scene.lnss) lns.options = { ...lns.options, answer: () => "never" };
    const caller = scene.call();
    await scene.world.run(6500);
    expect(caller.ended).toMatchObject({ by: "peer", result: 10 });
    await wrapUp(scene);
  });

  it("is left when its tunnel has been idle", async () => {
    const { caller, scene } = await connected({ config: forwarding("idle-timeout: 10s", "[10.2.0.1]") });
    scene.lacs[0].hangUp(caller.call, { result: 3 });
    await scene.world.run(9_000);
    const again = scene.call();
    await scene.world.run(5_000);
    expect(again.state).toBe("up");
    expect([...scene.lnss[0].tunnels.values()]).toEqual(["up"]);
    scene.lacs[0].hangUp(again.call, { result: 3 });
    await scene.world.run(11_000);
    expect([...scene.lnss[0].tunnels.values()]).toMatchObject([{ by: "peer", result: 1, message: "idle" }]);
    await wrapUp(scene);
  });
});

describe("draining", () => {
  it("refuses what is new and ends with the last call", async () => {
    const { caller, scene } = await connected();
    const [tunnel] = scene.lacs[0].tunnels.keys();
    scene.gateway.drain(true);
    const refused = scene.call({ tunnel: tunnel! });
    const other = scene.lacs[1].open(switchAddress);
    await scene.world.run(1000);
    expect(refused.ended).toMatchObject({ by: "peer", result: 2, error: 7 });
    expect(scene.lacs[1].tunnels.get(other)).toMatchObject({ by: "peer", result: 2, error: 7 });
    expect(caller.state).toBe("up");
    scene.lacs[0].hangUp(caller.call, { result: 3 });
    await scene.world.run(1000);
    expect(scene.events.map(({ type }) => type).filter((type) => type.startsWith("drain"))).toEqual([
      "draining",
      "drained",
    ]);
    scene.gateway.drain(false);
    const again = scene.call({ tunnel: tunnel! });
    await scene.world.run(settle);
    expect(again.state).toBe("up");
    await wrapUp(scene);
  });
});

describe("a stop", () => {
  it("says so to every peer, and leaves nothing", async () => {
    const { caller, answered, scene } = await connected();
    const stopped = scene.gateway.stop(5000);
    await scene.world.run(200);
    await stopped;
    const [tunnel] = scene.lacs[0].tunnels.values();
    expect(tunnel).toMatchObject({ by: "peer", result: 6 });
    expect(caller.state).toBe("down");
    expect(answered?.state).toBe("down");
    expect(scene.plane.left()).toEqual({ ports: 0, tunnels: 0, sessions: 0, operations: 0 });
  });

  it("does not wait longer than it was told to", async () => {
    const { scene } = await connected();
    scene.world.network.dead.add(scene.lacs[0].address);
    let done = false;
    void scene.gateway.stop(2000).then(() => {
      done = true;
    });
    await scene.world.run(1900);
    expect(done).toBe(false);
    await scene.world.run(200);
    expect(done).toBe(true);
    expect(scene.plane.left()).toEqual({ ports: 0, tunnels: 0, sessions: 0, operations: 0 });
  });
});

describe("a reload", () => {
  const withConfig = (text: string) => parseConfig(text).config;

  it("leaves calls alone and applies the new policy to new ones", async () => {
    const { caller, scene } = await connected();
    const changes = await inTime(scene, scene.gateway.reload(withConfig(forwarding("", "[10.2.0.2]"))));
    expect(changes).toEqual([
      "policy changed: 1 rule, for new calls",
      "LNS 10.2.0.1:1701: no longer used, 1 sessions stay until they end",
    ]);
    const second = scene.call({ lac: 1 });
    await scene.world.run(settle);
    expect(caller.state).toBe("up");
    expect(scene.lnss[1].bySerial(second.serial)?.state).toBe("up");
    scene.lacs[0].hangUp(caller.call, { result: 3 });
    await scene.world.run(1000);
    expect([...scene.lnss[0].tunnels.values()]).toMatchObject([{ by: "peer", result: 1 }]);
    await wrapUp(scene);
    expect(scene.core.pool.size).toBe(1);
  });

  it("ends the calls of peers that are not allowed any more", async () => {
    const { caller, scene } = await connected();
    const other = scene.call({ lac: 1 });
    await scene.world.run(settle);
    await inTime(
      scene,
      scene.gateway.reload(withConfig(twoLns.replace("listen: 10.0.0.1", "listen: 10.0.0.1, peers: [10.1.0.2]"))),
    );
    await scene.world.run(1000);
    expect(caller.state).toBe("down");
    expect(other.state).toBe("up");
    const [tunnel] = scene.lacs[0].tunnels.values();
    expect(tunnel).toMatchObject({ by: "peer", result: 4 });
    await wrapUp(scene);
  });

  it("opens and closes listeners, and keeps a port that tunnels to LNSs still need", async () => {
    const { caller, answered, scene } = await connected();
    const moved = twoLns.replace("listen: 10.0.0.1", "listen: 10.0.0.1:1702");
    const changes = await inTime(scene, scene.gateway.reload(withConfig(moved)));
    expect(changes).toContain("access west: listens on 10.0.0.1:1702");
    expect(changes).toContain("access west: no longer listens on 10.0.0.1:1701");
    await scene.world.run(1000);
    expect(caller.state).toBe("down");
    expect(answered?.state).toBe("down");
    const tunnel = scene.lacs[0].open("10.0.0.1:1702");
    const again = scene.call({ tunnel });
    await scene.world.run(settle);
    expect(again.state).toBe("up");
    await scene.world.run(70_000);
    expect(scene.core.ports.list().map(({ address }) => address)).toContain("10.0.0.1:1702");
    await wrapUp(scene);
    expect(scene.core.ports.list().map(({ address }) => address)).toEqual(["10.0.0.1:1702"]);
  });

  it("waits for the one before it", async () => {
    const scene = await createScene();
    const texts = ["10.0.0.9", "10.0.0.1", "10.0.0.9", "10.0.0.7"].map((address) =>
      twoLns.replace("10.0.0.1", address),
    );
    await inTime(scene, Promise.all(texts.map((text) => scene.gateway.reload(withConfig(text)))));
    await scene.world.run(1000);
    expect(scene.core.ports.list().map(({ address }) => address)).toEqual(["10.0.0.7:1701"]);
    expect(scene.plane.left().ports).toBe(1);
  });

  it("that cannot be applied changes nothing", async () => {
    const { caller, scene } = await connected();
    scene.world.network.attach("10.0.0.9:1701", () => {});
    const two = twoLns.replace("[{ name: west", "[{ name: east, l2tp: { listen: 10.0.0.8 } }, { name: west");
    const attempt = scene.gateway.reload(withConfig(two.replace("10.0.0.1", "10.0.0.9"))).catch(String);
    expect(await inTime(scene, attempt)).toMatch(/access west: cannot use 10.0.0.9:1701/);
    expect(caller.state).toBe("up");
    const again = scene.call();
    await scene.world.run(settle);
    expect(again.state).toBe("up");
    expect(scene.plane.left().ports).toBe(1);
    await wrapUp(scene);
  });
});

describe("an LNS that is held down", () => {
  it("and takes a call all the same is tried first again", async () => {
    const scene = await createScene({
      config: forwarding(
        "hold-down: 10m, timeout: 30s, attempt-timeout: 4s",
        "[{ address: 10.2.0.1 }, { address: 10.2.0.2, priority: 1 }]",
      ),
    });
    const [preferred, second] = scene.lnss;
    for (const { address } of scene.lnss) scene.world.network.dead.add(address);
    const first = scene.call();
    await scene.world.run(60_000);
    expect(first.state).toBe("down");

    scene.world.network.dead.delete(second.address);
    const late = scene.call();
    await scene.world.run(30_000);
    expect(late.state).toBe("up");
    const failed = (): number => scene.events.filter(({ type }) => type === "forward-failed").length;
    const before = failed();
    const prompt = scene.call();
    await scene.world.run(settle);
    expect(prompt.state).toBe("up");
    expect(second.bySerial(prompt.serial)?.state).toBe("up");
    expect(preferred.bySerial(prompt.serial)).toBeUndefined();
    expect(failed()).toBe(before);
    await wrapUp(scene);
  });
});

describe("bridges by hand", () => {
  it("are seen, and who is bridged shares a fate", async () => {
    const { caller, answered, scene } = await connected();
    const other = scene.call({ lac: 1 });
    await scene.world.run(settle);
    const sessions = await inTime(scene, scene.gateway.sessions());
    const channel = (side: string, serialOf: { readonly call: number }) =>
      sessions.find((each) => each.side === side && each.peerSessionId === (serialOf.call & 0xffff))!.channel!;
    const otherAnswered = scene.lnss[1].bySerial(other.serial)!;
    const [west, east] = [channel("access", caller), channel("onward", answered!)];
    const [west2, east2] = [channel("access", other), channel("onward", otherAnswered)];
    const byHand = async (work: Promise<unknown>) => inTime(scene, work);

    await byHand(scene.plane.channel.unbridge({ channel: west }));
    await byHand(scene.plane.channel.unbridge({ channel: east2 }));
    await byHand(scene.plane.channel.bridge({ channel: west, with: east2 }));
    await byHand(scene.plane.channel.bridge({ channel: east, with: west2 }));
    await scene.world.run(100);
    scene.lacs[0].send(caller.call, "crossed");
    await scene.world.run(100);
    expect(otherAnswered.frames).toContain("crossed");
    expect(scene.events.filter(({ type }) => type === "unbridged")).toHaveLength(2);

    scene.lacs[0].hangUp(caller.call, { result: 3 });
    await scene.world.run(1000);
    expect(otherAnswered.state).toBe("down");
    expect([other.state, answered?.state]).toEqual(["up", "up"]);
    await wrapUp(scene);
  });
});

describe("a call of the gateway's own", () => {
  const lacAndLns = `
access: [{ l2tp: { listen: 10.0.0.1 } }]
policy: [{ accept: {} }, { name: out, match: { realm: nobody }, forward: { lns: [10.2.0.1], timeout: 5s } }]
`;

  it("reaches the LNS, and can be bridged by hand with one that was accepted", async () => {
    const { caller, scene } = await connected({ config: lacAndLns });
    const placed = scene.gateway.placeCall({ rule: "out", icrq: { callSerialNumber: 99, calledNumber: "7" } });
    await scene.world.run(settle);
    const answered = scene.lnss[0].bySerial(99);
    expect(answered).toMatchObject({ state: "up", icrq: { calledNumber: "7" } });
    const sessions = await inTime(scene, scene.gateway.sessions());
    const own = sessions.find(({ call }) => call === placed);
    const other = sessions.find(({ side }) => side === "access");
    await inTime(scene, scene.plane.channel.bridge({ channel: own!.channel!, with: other!.channel! }));
    scene.lacs[0].send(caller.call, "there");
    scene.lnss[0].send(answered!.call, "back");
    await scene.world.run(100);
    expect(answered?.frames).toEqual(["there"]);
    expect(caller.frames).toEqual(["back"]);
    expect(scene.gateway.statistics()["dropped-not-bridged"]).toBeGreaterThan(0);
    scene.lnss[0].hangUp(answered!.call, { result: 8 });
    await scene.world.run(1000);
    expect(caller.ended).toMatchObject({ by: "peer", result: 8 });
    await wrapUp(scene);
  });

  it("that ends while it stands in for a caller's LNS leaves the caller to the next", async () => {
    const scene = await createScene({
      config: `
access: [{ l2tp: { listen: 10.0.0.1 } }]
policy:
  - { name: out, match: { realm: nobody }, forward: { lns: [10.2.0.1] } }
  - { forward: { lns: [{ address: 10.2.0.2, priority: 1 }, { address: 10.2.0.1, priority: 2 }], timeout: 60s, attempt-timeout: 50s } }
`,
    });
    scene.world.network.dead.add(scene.lnss[1].address);
    scene.gateway.placeCall({ rule: "out", icrq: { callSerialNumber: 99 } });
    const caller = scene.call();
    await scene.world.run(settle);
    const sessions = await inTime(scene, scene.gateway.sessions());
    const own = sessions.find(({ side, channel }) => side === "onward" && channel !== undefined);
    const other = sessions.find(({ side }) => side === "access");
    await inTime(scene, scene.plane.channel.bridge({ channel: own!.channel!, with: other!.channel! }));
    scene.lacs[0].send(caller.call, "first");
    await scene.world.run(100);
    const stand = scene.lnss[0].bySerial(99)!;
    expect(stand.frames).toContain("first");
    scene.lnss[0].hangUp(stand.call, { result: 3 });
    await scene.world.run(8);
    scene.lacs[0].send(caller.call, "held");
    await scene.world.run(settle);
    expect(caller.state).toBe("up");
    expect(scene.lnss[0].bySerial(caller.serial)?.frames).toContain("held");
    await wrapUp(scene);
  });

  it("is given up when nobody answers, and not placed while draining", async () => {
    const scene = await createScene({ config: lacAndLns });
    scene.world.network.dead.add(scene.lnss[0].address);
    const placed = scene.gateway.placeCall({ rule: "out" });
    expect(placed).toBeGreaterThan(0);
    expect(scene.gateway.placeCall({ rule: "in" })).toBeUndefined();
    await scene.world.run(6000);
    expect(scene.core.legs.size).toBe(0);
    expect(scene.events.filter(({ type }) => type === "session-down")).toMatchObject([{ call: placed }]);
    scene.gateway.drain(true);
    expect(scene.gateway.placeCall({ rule: "out" })).toBeUndefined();
    await wrapUp(scene);
  });
});

describe("a data plane that refuses", () => {
  it.each([
    ["session.create", 1, { result: 2, error: 4 }],
    ["tunnel.create", 1, { result: 2, error: 4 }],
    ["channel.bridge", 1, { result: 2, error: 4 }],
  ] as const)("%s ends the call and leaves nothing", async (operation, times, ended) => {
    const scene = await createScene();
    scene.plane.refuse(operation, "ENOSPC", times);
    const caller = scene.call();
    await scene.world.run(settle);
    expect(caller.state).toBe("down");
    expect(caller.ended).toMatchObject({ by: "peer", ...ended });
    await wrapUp(scene);
  });
});

describe("a call that ends while it is being set up", () => {
  it.each(["caller", "LAC's tunnel", "LNS's tunnel", "operator"])(
    "by the %s leaves nothing, whenever it is",
    async (who) => {
      for (let after = 16; after < 400; after += 5) {
        const scene = await createScene({
          seed: after,
          latency: [0, 60],
          config: forwarding("idle-timeout: 5s", "[10.2.0.1]"),
        });
        const caller = scene.call();
        await scene.world.run(after);
        if (who === "caller") scene.lacs[0].hangUp(caller.call, { result: 3 });
        const tunnels = who === "LNS's tunnel" ? scene.lnss[0] : scene.lacs[0];
        if (who.endsWith("tunnel"))
          for (const tunnel of tunnels.tunnels.keys()) tunnels.closeTunnel(tunnel, { result: 6 });
        if (who === "operator") for (const call of scene.core.legs.keys()) void scene.gateway.terminateSession(call);
        await scene.world.run(1000);
        expectPlaneMatches(scene);
        await scene.world.run(30_000);
        const answered = scene.lnss[0].bySerial(caller.serial);
        expect([after, caller.state]).toEqual([after, answered?.state === "up" ? "up" : "down"]);
        await wrapUp(scene);
      }
    },
  );
});

/** Waits for a promise while the world goes on. */
async function inTime<T>(scene: Scene, promise: Promise<T>): Promise<T> {
  let done = false;
  void promise
    .finally(() => {
      done = true;
    })
    .catch(() => {});
  expect(await scene.world.until(() => done, 60_000)).toBe(true);
  return promise;
}
