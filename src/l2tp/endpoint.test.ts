import { describe, expect, test } from "vitest";
import { call, lacAddress, last, lnsAddress, open, pair, secret, types } from "../../test/sim/l2tp-two.js";

describe("a control connection", () => {
  test("comes up on both sides and says who is there", () => {
    const both = pair();
    const tunnel = open(both);
    expect(types(both.lac)).toEqual(["tunnel-up"]);
    expect(types(both.lns)).toEqual(["tunnel-request", "tunnel-up"]);
    expect(last(both.lns, "tunnel-up").peerTunnelId).toBe(tunnel);
    expect(last(both.lac, "tunnel-up").peer.hostName).toBe("lns");
    expect(both.lac.endpoint.tunnel(tunnel)?.state).toBe("established");
  });

  test("costs three messages and an acknowledgement", () => {
    const both = pair();
    open(both);
    const { transmitted_SCCRQ, transmitted_SCCCN, transmitted_ZLB } = both.lac.endpoint.counters();
    expect([transmitted_SCCRQ, transmitted_SCCCN, transmitted_ZLB]).toEqual([1, 1, 0]);
    expect(both.lns.endpoint.counters().transmitted_ZLB).toBe(1);
  });

  test.each([{}, { hidden: true }])("authenticates both ways by a shared secret %o", (more) => {
    const both = pair({ secret, ...more });
    const tunnel = open(both, { secret, ...more });
    expect(both.lac.endpoint.tunnel(tunnel)?.state).toBe("established");
    call(both, tunnel);
    expect(types(both.lns).at(-1)).toBe("call-up");
  });

  test.each([
    ["the LNS has another secret", { secret }, { secret: new TextEncoder().encode("other") }],
    ["the LNS has no secret", { secret }, {}],
    ["the LAC has no secret", {}, { secret }],
  ])("is refused with result 4 if %s", (_, ours, theirs) => {
    const both = pair(theirs);
    open(both, ours);
    expect(types(both.lac)).toEqual(["tunnel-down"]);
    expect(last(both.lac, "tunnel-down").ended.result).toBe(4);
    expect(last(both.lns, "tunnel-down").ended.result).toBe(4);
  });

  test("can be rejected by policy", () => {
    const both = pair();
    both.lns.react = (event, endpoint, now) => {
      if (event.type === "tunnel-request") endpoint.rejectTunnel(event.tunnel, { result: 4 }, now);
    };
    open(both);
    expect(last(both.lac, "tunnel-down").ended).toMatchObject({ by: "peer", result: 4 });
    expect(types(both.lns)).toEqual(["tunnel-request"]);
  });

  test("ends with its calls, and leaves nothing behind", () => {
    const both = pair();
    const tunnel = open(both);
    call(both, tunnel);
    both.lac.endpoint.closeTunnel(tunnel, { result: 6, message: "bye" }, both.network.now);
    both.network.settle(both.lac);
    both.network.run(60_000);
    expect(types(both.lns).slice(-2)).toEqual(["call-down", "tunnel-down"]);
    expect(last(both.lns, "tunnel-down").ended).toMatchObject({ by: "peer", result: 6, message: "bye" });
    expect(last(both.lns, "call-down").ended).toMatchObject({ by: "peer", result: 3 });
    for (const { endpoint } of [both.lac, both.lns]) {
      expect(endpoint.tunnels()).toEqual([]);
      expect(endpoint.deadline()).toBeUndefined();
    }
  });

  test("is kept by HELLO and ends when the peer is gone", () => {
    const both = pair({ helloInterval: 10_000 });
    open(both, { helloInterval: 10_000 });
    both.network.run(60_000);
    expect(both.lac.endpoint.counters().received_HELLO).toBeGreaterThan(2);
    both.network.nodes.delete(lacAddress);
    both.network.run(60_000);
    expect(last(both.lns, "tunnel-down").ended).toMatchObject({ by: "timeout", result: 2 });
    expect(both.lns.endpoint.tunnels()).toEqual([]);
  });
});

describe("calls", () => {
  test("an incoming call carries its AVPs to the LNS", () => {
    const both = pair();
    const tunnel = open(both);
    const id = call(both, tunnel);
    expect(types(both.lac).slice(1)).toEqual(["call-accepted", "call-up"]);
    expect(types(both.lns).slice(2)).toEqual(["call-request", "call-up"]);
    expect(last(both.lns, "call-request").avps).toMatchObject({ callingNumber: "100", calledNumber: "200" });
    expect(last(both.lns, "call-up").avps).toMatchObject({ proxyAuthenName: "user@realm", txConnectSpeed: 1000 });
    expect(both.lac.endpoint.call(id)).toMatchObject({ state: "established", role: "lac", kind: "incoming" });
    expect(both.lns.endpoint.call(last(both.lns, "call-up").call)).toMatchObject({ state: "established", role: "lns" });
  });

  test("an outgoing call is placed by the LAC at the LNS's request", () => {
    const both = pair();
    open(both);
    const { tunnel } = last(both.lns, "tunnel-up");
    both.lns.endpoint.openCall(tunnel, "outgoing", { calledNumber: "300" }, both.network.now);
    both.network.settle(both.lns);
    both.network.run(500);
    expect(last(both.lac, "call-request")).toMatchObject({ kind: "outgoing", avps: { calledNumber: "300" } });
    expect(types(both.lns).slice(2)).toEqual(["call-accepted", "call-up"]);
    expect(last(both.lns, "call-up").avps).toMatchObject({ txConnectSpeed: 2000 });
    expect(types(both.lac).slice(1)).toEqual(["call-request", "call-up"]);
  });

  test("asked for before the tunnel is up, a call waits for it", () => {
    const both = pair();
    const tunnel = both.lac.endpoint.openTunnel({ port: 1, remote: lnsAddress }, 0)!;
    both.lac.endpoint.openCall(tunnel, "incoming", {}, 0);
    both.network.settle(both.lac);
    both.network.run(500);
    expect(types(both.lac)).toEqual(["tunnel-up", "call-accepted", "call-up"]);
  });

  test.each(["lac", "lns"] as const)("hung up by the %s with a cause, the other side hears it", (who) => {
    const both = pair();
    call(both, open(both));
    const other = who === "lac" ? "lns" : "lac";
    const ended = { result: 1, cause: { code: 16, message: 0x45, advisory: "bye" } };
    both[who].endpoint.closeCall(last(both[who], "call-up").call, ended, both.network.now);
    both.network.settle(both[who]);
    both.network.run(500);
    expect(last(both[other], "call-down").ended).toMatchObject({ by: "peer", ...ended });
    expect(last(both[who], "call-down").ended).toMatchObject({ by: "local", result: 1 });
    expect(both.lns.endpoint.population().calls).toBe(0);
    expect(both.lac.endpoint.population().calls).toBe(0);
  });

  test("hung up before the LNS has answered, a call ends on both sides", () => {
    const both = pair();
    both.lns.react = (event, endpoint, now) => {
      if (event.type === "tunnel-request") endpoint.acceptTunnel(event.tunnel, {}, now);
    };
    const tunnel = open(both);
    const id = call(both, tunnel);
    both.lac.endpoint.closeCall(id, { result: 3 }, both.network.now);
    both.network.settle(both.lac);
    both.network.run(500);
    expect(last(both.lns, "call-down").ended).toMatchObject({ by: "peer", result: 3 });
  });

  test("not answered in time, a call ends on both sides with a code", () => {
    const both = pair();
    both.lns.react = (event, endpoint, now) => {
      if (event.type === "tunnel-request") endpoint.acceptTunnel(event.tunnel, {}, now);
    };
    call(both, open(both));
    both.network.run(40_000);
    expect(last(both.lac, "call-down").ended.result).toBe(10);
    expect(last(both.lns, "call-down").ended.result).toBe(10);
  });

  test("WEN goes to the LNS, SLI to the LAC", () => {
    const both = pair();
    const id = call(both, open(both));
    const callErrors = {
      crcErrors: 1,
      framingErrors: 0,
      hardwareOverruns: 0,
      bufferOverruns: 0,
      timeoutErrors: 0,
      alignmentErrors: 0,
    };
    expect(both.lac.endpoint.notifyWanError(id, { callErrors }, both.network.now)).toBe(true);
    expect(both.lac.endpoint.setLinkInfo(id, { accm: { send: 0, receive: 0 } }, both.network.now)).toBe(false);
    both.network.settle(both.lac);
    const other = last(both.lns, "call-up").call;
    expect(both.lns.endpoint.setLinkInfo(other, { accm: { send: 1, receive: 2 } }, both.network.now)).toBe(true);
    both.network.settle(both.lns);
    both.network.run(500);
    expect(last(both.lns, "wan-error-notify").avps.callErrors).toEqual(callErrors);
    expect(last(both.lac, "set-link-info").avps.accm).toEqual({ send: 1, receive: 2 });
  });
});
