/** Peers that restart, move, race, repeat themselves, or are not what they say. */
import { describe, expect, test } from "vitest";
import { randomBytes } from "../../test/sim/l2tp-network.js";
import { call, lacAddress, last, lnsAddress, open, type Pair, pair, secret, types } from "../../test/sim/l2tp-two.js";
import { seededNumbers } from "../random.js";
import { parseControlHeader, putSequence } from "../wire/l2tp2.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { encodeMessage, encodeZlb, type Hiding } from "../wire/l2tp2-encode.js";
import type { MessageName } from "../wire/l2tp2-message.js";
import { parseMessage } from "../wire/l2tp2-parse.js";
import { isMalformed } from "../wire/malformed.js";
import { createEndpoint, restoreEndpoint } from "./endpoint.js";
import type { TunnelId } from "./types.js";

const introduction = { protocolVersion: { version: 1, revision: 0 }, hostName: "lac", framingCapabilities: 3 };
const sccrq = (assignedTunnelId: number, more: AvpValues = {}, hiding?: Hiding): Uint8Array =>
  encodeMessage("SCCRQ", 0, 0, { ...introduction, assignedTunnelId, ...more }, hiding);

/** Sends what a peer at `from` would, and runs until it is settled. */
function say({ network }: Pair, bytes: Uint8Array, from = lacAddress, to = lnsAddress): void {
  network.inject(from, to, bytes);
  network.run(200);
}

/** Everything that went to `to` since recording began, as message names. */
function heard({ network }: Pair, to: string): string[] {
  return network
    .trace!.filter((line) => line.includes(`>${to} `))
    .map((line) => {
      const bytes = Uint8Array.from(Buffer.from(line.split(" ")[2]!, "hex"));
      const header = parseControlHeader(bytes);
      if (isMalformed(header) || header.length === 12) return "ZLB";
      const message = parseMessage(bytes, header.length, secret);
      return isMalformed(message) ? "malformed" : (message.name ?? "unknown");
    });
}

/** A message in sequence from the LAC into the LNS's end of an established tunnel. */
function inject(
  both: Pair,
  tunnel: TunnelId,
  name: MessageName,
  sessionId: number,
  avps: AvpValues,
  from = lacAddress,
) {
  const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
  const bytes = encodeMessage(name, peerTunnelId, sessionId, avps).slice();
  putSequence(bytes, transport.ns, transport.nr);
  say(both, bytes, from);
}

describe("a peer that restarts", () => {
  /** The same LAC again, without its memory. */
  function restart(both: Pair): void {
    both.lac.endpoint = createEndpoint({ hostName: "lac", random: randomBytes(seededNumbers(99)) });
    both.lac.events.length = 0;
  }

  test("gets a new tunnel; the stale one ends once it does not answer", () => {
    const both = pair();
    call(both, open(both));
    const stale = last(both.lns, "tunnel-up").tunnel;
    both.network.run(5000);
    restart(both);
    open(both);
    expect(types(both.lac)).toEqual(["tunnel-up"]);
    expect(both.lns.endpoint.tunnel(stale)?.state).toBe("established");
    both.network.run(10_000);
    expect(last(both.lns, "tunnel-down")).toMatchObject({ tunnel: stale, ended: { by: "peer-restarted" } });
    expect(last(both.lns, "call-down").ended.by).toBe("peer-restarted");
    expect(both.lns.endpoint.tunnels()).toHaveLength(1);
  });

  test("that counts its ids from the start again ends the stale tunnel when the new one is established, not before", () => {
    const both = pair();
    const id = open(both);
    const stale = last(both.lns, "tunnel-up").tunnel;
    both.network.run(6000);
    both.network.nodes.delete(lacAddress);
    say(both, sccrq(id, { vendorName: "again" }));
    expect(both.lns.endpoint.tunnel(stale)?.state).toBe("established");
    const request = last(both.lns, "tunnel-request").tunnel;
    expect(request).not.toBe(stale);
    const scccn = encodeMessage("SCCCN", request, 0, {}).slice();
    putSequence(scccn, 1, 1);
    say(both, scccn);
    expect(last(both.lns, "tunnel-down")).toMatchObject({ tunnel: stale, ended: { by: "peer-restarted" } });
    expect(both.lns.endpoint.tunnel(request)?.state).toBe("established");
  });

  test("cannot be imitated by a forged SCCRQ", () => {
    const both = pair();
    const tunnel = open(both);
    both.network.run(6000);
    both.network.translate = (from, to) => (from === lnsAddress && to === lacAddress ? undefined : [from, to]);
    for (const id of [tunnel, 7, 8]) say(both, sccrq(id, { vendorName: "forged" }));
    both.network.translate = (from, to) => [from, to];
    both.network.run(100_000);
    expect(both.lns.endpoint.tunnels()).toHaveLength(1);
    expect(both.lac.endpoint.tunnel(tunnel)?.state).toBe("established");
    // The forged ones are given up in silence: a StopCCN for one might be in sequence for the peer's true tunnel.
    expect(both.lns.endpoint.counters().transmitted_StopCCN).toBe(0);
  });

  test("is not taken for one when it opens many tunnels at a time", () => {
    const both = pair();
    for (let i = 0; i < 20; i++) both.lac.endpoint.openTunnel({ port: 1, remote: lnsAddress }, both.network.now);
    both.network.settle(both.lac);
    both.network.run(500);
    expect(both.lns.endpoint.population()).toMatchObject({ tunnels: 20, halfOpen: 0 });
    expect(both.lns.endpoint.counters().transmitted_HELLO).toBe(0);
  });

  test("may as well open a second tunnel: both live", () => {
    const both = pair();
    open(both);
    both.network.run(5000);
    open(both);
    both.network.run(60_000);
    expect(both.lns.endpoint.tunnels().map(({ state }) => state)).toEqual(["established", "established"]);
  });
});

describe("repeated requests", () => {
  test("a repeated SCCRQ finds the tunnel that the first one made", () => {
    const both = pair();
    both.lns.react = () => {};
    for (let i = 0; i < 5; i++) say(both, sccrq(5));
    expect(both.lns.endpoint.tunnels()).toHaveLength(1);
    expect(types(both.lns)).toEqual(["tunnel-request"]);
    expect(both.lns.endpoint.drops()).toEqual({ "SCCRQ repeated": 4 });
  });

  test("a late copy of it does no harm to the established tunnel", () => {
    const both = pair();
    both.network.trace = [];
    open(both);
    const copy = both.network.trace[0]!.split(" ")[2]!;
    say(both, Uint8Array.from(Buffer.from(copy, "hex")));
    expect(both.lns.endpoint.tunnels()).toHaveLength(1);
    expect(types(both.lns)).toEqual(["tunnel-request", "tunnel-up"]);
  });

  test("a repeated StopCCN is acknowledged again, also if it acknowledges what we had sent meanwhile", () => {
    const both = pair();
    const tunnel = open(both);
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    both.network.nodes.delete(lacAddress);
    both.lns.endpoint.probe(peerTunnelId, "192.0.2.1:9", both.network.now);
    both.network.settle(both.lns);
    const stop = encodeMessage("StopCCN", peerTunnelId, 0, {
      assignedTunnelId: tunnel,
      resultCode: { result: 1 },
    }).slice();
    const acknowledgements = [0, 1].map((more) => {
      putSequence(stop, transport.ns, transport.nr + more);
      both.network.trace = [];
      say(both, stop.slice());
      return heard(both, lacAddress);
    });
    expect(acknowledgements).toEqual([["ZLB"], ["ZLB"]]);
  });

  test("a StopCCN may take an SCCRQ back before the peer knows our tunnel id", () => {
    const both = pair();
    both.lns.react = () => {};
    say(both, sccrq(5));
    const stop = encodeMessage("StopCCN", 0, 0, { assignedTunnelId: 5, resultCode: { result: 1 } }).slice();
    putSequence(stop, 1, 0);
    say(both, stop);
    expect(both.lns.endpoint.tunnels()[0]?.state).toBe("closing");
    both.network.run(60_000);
    expect(both.lns.endpoint.tunnels()).toEqual([]);
  });
});

describe("simultaneous open (§4.4.3, Tie Breaker)", () => {
  const tie = (value: number | undefined): { avps: AvpValues } => ({
    avps: value === undefined ? {} : { tieBreaker: new Uint8Array(8).fill(value) },
  });

  test.each([
    ["the lower value wins", 1, 2, ["tunnel-up"], ["tunnel-down", "tunnel-request", "tunnel-up"]],
    ["equal values both lose", 3, 3, ["tunnel-down"], ["tunnel-down"]],
    ["who has one wins", 1, undefined, ["tunnel-up"], ["tunnel-down", "tunnel-request", "tunnel-up"]],
    ["without any, two tunnels open", undefined, undefined, undefined, undefined],
  ])("%s", (_, first, second, ofFirst, ofSecond) => {
    const both = pair();
    both.lac.react = both.lns.react;
    both.lac.endpoint.openTunnel({ port: 1, remote: lnsAddress, ...tie(first) }, 0);
    both.lns.endpoint.openTunnel({ port: 1, remote: lacAddress, ...tie(second) }, 0);
    both.network.settle(both.lac);
    both.network.settle(both.lns);
    both.network.run(1000);
    const two = ["tunnel-request", "tunnel-up", "tunnel-up"];
    expect(types(both.lac).sort()).toEqual(ofFirst ?? two);
    expect(types(both.lns).sort()).toEqual(ofSecond ?? two);
  });
});

describe("a peer behind a NAT", () => {
  const moved = "192.0.2.1:40000";

  /** From now on the LAC shows another port. */
  function move({ network }: Pair): void {
    network.translate = (from, to) => [from === lacAddress ? moved : from, to === moved ? lacAddress : to];
  }

  test("is followed when its messages come from another port", () => {
    const both = pair();
    const tunnel = open(both);
    move(both);
    call(both, tunnel);
    expect(last(both.lns, "tunnel-moved").remote).toBe(moved);
    expect(types(both.lns).at(-1)).toBe("call-up");
  });

  test("is found by a HELLO when only its data comes from there", () => {
    const both = pair();
    open(both);
    move(both);
    both.network.translate = (from, to) => {
      if (to === lacAddress) return undefined;
      return [from === lacAddress ? moved : from, to === moved ? lacAddress : to];
    };
    const { tunnel } = last(both.lns, "tunnel-up");
    expect(both.lns.endpoint.probe(tunnel, moved, both.network.now)).toBe(true);
    both.network.settle(both.lns);
    both.network.run(1000);
    expect(both.lns.endpoint.tunnel(tunnel)?.remote).toBe(moved);
    expect(types(both.lns).at(-1)).toBe("tunnel-moved");
  });

  test("is not followed to where it does not answer: one forged message does not divert a tunnel", () => {
    const both = pair();
    const tunnel = open(both);
    inject(both, tunnel, "HELLO", 0, {}, moved);
    inject(both, tunnel, "HELLO", 0, {}, moved);
    expect(both.lns.endpoint.tunnels()[0]?.remote).toBe(lacAddress);
    both.network.trace = [];
    const { tunnel: theirs } = last(both.lns, "tunnel-up");
    both.lns.endpoint.closeTunnel(theirs, { result: 1 }, both.network.now);
    both.network.settle(both.lns);
    expect(heard(both, moved)).toEqual([]);
    expect(types(both.lns)).not.toContain("tunnel-moved");
  });

  test("an acknowledgement from a third port counts, but the peer is not looked for there", () => {
    const both = pair();
    const tunnel = open(both);
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    both.network.nodes.delete(lacAddress);
    both.lns.endpoint.probe(peerTunnelId, moved, both.network.now);
    both.network.settle(both.lns);
    say(both, encodeZlb(peerTunnelId, transport.ns, transport.nr + 1), "192.0.2.1:50000");
    const [state] = both.lns.endpoint.snapshot().tunnels;
    expect(state).toMatchObject({ remote: lacAddress, probing: moved, transport: { queue: [] } });
  });

  test("is looked for where it was seen last, if it moves again before it has answered", () => {
    const both = pair();
    open(both);
    both.network.nodes.delete(lacAddress);
    const { tunnel } = last(both.lns, "tunnel-up");
    both.network.trace = [];
    for (const port of [40_000, 40_001]) both.lns.endpoint.probe(tunnel, `192.0.2.1:${port}`, both.network.now);
    both.network.settle(both.lns);
    both.network.run(2000);
    expect(heard(both, "192.0.2.1:40000")).toEqual([]);
    expect(heard(both, "192.0.2.1:40001")).toEqual(["HELLO", "HELLO"]);
    expect(both.lns.endpoint.counters().transmitted_HELLO).toBe(1);
  });

  test("is not followed for what is out of sequence, from another address, or if that is switched off", () => {
    const both = pair();
    const tunnel = open(both);
    inject(both, tunnel, "HELLO", 0, {}, "198.51.100.1:1701");
    const { peerTunnelId } = both.lac.endpoint.tunnel(tunnel)!;
    const old = encodeMessage("HELLO", peerTunnelId, 0, {}).slice();
    say(both, old, moved);
    expect(both.lns.endpoint.drops()).toEqual({ "wrong source": 2 });
    const fixed = pair({}, { float: "ignore" });
    const still = open(fixed);
    inject(fixed, still, "HELLO", 0, {}, moved);
    expect(fixed.lns.endpoint.drops()).toEqual({ "wrong source": 1 });
  });

  test("an LNS may answer from another port (§8.1)", () => {
    const both = pair({}, { float: "ignore" });
    const other = "192.0.2.2:5000";
    both.network.translate = (from, to) => [from === lnsAddress ? other : from, to === other ? lnsAddress : to];
    const tunnel = open(both);
    expect(both.lac.endpoint.tunnel(tunnel)).toMatchObject({ state: "established", remote: other });
  });
});

describe("limits", () => {
  const flood = (both: Pair, sources: readonly string[]): void => {
    sources.forEach((from, i) => {
      both.network.inject(from, lnsAddress, sccrq(1 + (i % 60_000), { vendorName: `${i}` }));
    });
    both.network.run(20);
  };

  test("a flood of SCCRQs from many ports of one address leaves room for others, and passes", () => {
    const both = pair();
    const tunnel = open(both);
    flood(
      both,
      Array.from({ length: 2000 }, (_, i) => `198.51.100.7:${1024 + i}`),
    );
    expect(both.lns.endpoint.population().halfOpen).toBe(256);
    call(both, tunnel);
    expect(types(both.lns).at(-1)).toBe("call-up");
    open(both);
    expect(types(both.lac).filter((type) => type === "tunnel-up")).toHaveLength(2);
    both.network.run(60_000);
    expect(both.lns.endpoint.population()).toMatchObject({ halfOpen: 0, tunnels: 2 });
  });

  test("one from many addresses stays within the bound, and who answers quickly still gets in", () => {
    const both = pair({}, { limits: { halfOpen: 50 } });
    flood(
      both,
      Array.from({ length: 2000 }, (_, i) => `198.51.${i % 250}.${Math.floor(i / 250)}:1701`),
    );
    expect(both.lns.endpoint.population().halfOpen).toBe(50);
    open(both);
    expect(types(both.lac)).toEqual(["tunnel-up"]);
  });

  test("what evicted tunnels were promised is kept: a tunnel-down for each that was accepted", () => {
    const both = pair({}, { limits: { halfOpen: 10 } });
    flood(
      both,
      Array.from({ length: 100 }, (_, i) => `198.51.100.${i}:1701`),
    );
    both.network.run(60_000);
    const all = types(both.lns);
    expect(all.filter((type) => type === "tunnel-down")).toHaveLength(all.filter((t) => t === "tunnel-request").length);
  });

  test("tunnels in all, and with one peer", () => {
    for (const limits of [{ tunnels: 2 }, { tunnelsPerPeer: 2 }]) {
      const both = pair({}, { limits });
      for (let i = 1; i <= 4; i++) say(both, sccrq(i), `192.0.2.1:${2000 + i}`);
      expect(both.lns.endpoint.tunnels()).toHaveLength(2);
      expect(both.lns.endpoint.drops()).toEqual({ "tunnel limit": 2 });
      const room = both.lns.endpoint.openTunnel({ port: 1, remote: "192.0.2.1:1" }, both.network.now);
      expect(room).toBeUndefined();
    }
  });

  test("answers to a peer that asks and asks and acknowledges nothing", () => {
    const both = pair({}, { limits: { callsPerTunnel: 0 } });
    const tunnel = open(both);
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    const icrq = encodeMessage("ICRQ", peerTunnelId, 0, { assignedSessionId: 1, callSerialNumber: 1 }).slice();
    for (let i = 0; i < 140_000; i++) {
      putSequence(icrq, (transport.ns + i) & 0xffff, transport.nr);
      both.lns.endpoint.handle({ port: 1, remote: lacAddress, bytes: icrq }, both.network.now);
    }
    expect(both.lns.endpoint.tunnels()[0]?.transport.queued).toBe(2 * 0xffff);
    expect(both.lns.endpoint.drops()["peer acknowledges nothing"]).toBe(140_000 - 2 * 0xffff);
  });

  test("such answers in all tunnels together; what is given up is not counted any more", () => {
    const both = pair({}, { limits: { callsPerTunnel: 0, queued: 20_000 } });
    const ask = (tunnel: TunnelId): void => {
      const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
      const icrq = encodeMessage("ICRQ", peerTunnelId, 0, { assignedSessionId: 1, callSerialNumber: 1 }).slice();
      for (let i = 0; i < 15_000; i++) {
        putSequence(icrq, (transport.ns + i) & 0xffff, transport.nr);
        both.lns.endpoint.handle({ port: 1, remote: lacAddress, bytes: icrq }, both.network.now);
        both.lns.endpoint.take();
      }
    };
    const queued = (): number[] => both.lns.endpoint.tunnels().map(({ transport }) => transport.queued);
    const tunnels = Array.from({ length: 4 }, () => open(both));
    for (const tunnel of tunnels) ask(tunnel);
    expect(queued()).toEqual([15_000, 5000, 4096, 4096]);
    both.network.nodes.delete(lacAddress);
    both.network.run(60_000);
    expect(queued()).toEqual([]);
    both.network.nodes.set(lacAddress, both.lac);
    ask(open(both));
    expect(queued()).toEqual([15_000]);
  });

  test("WENs: one in half a minute for each call, and neither they nor SLIs behind a long queue", () => {
    const both = pair();
    const tunnel = open(both);
    const id = call(both, tunnel);
    const callErrors = {
      crcErrors: 1,
      framingErrors: 0,
      hardwareOverruns: 0,
      bufferOverruns: 0,
      timeoutErrors: 0,
      alignmentErrors: 0,
    };
    for (let i = 0; i < 4; i++) {
      both.lac.endpoint.notifyWanError(id, { callErrors }, both.network.now);
      both.network.settle(both.lac);
      both.network.run(i === 2 ? 30_000 : 100);
    }
    expect(types(both.lns).filter((type) => type === "wan-error-notify")).toHaveLength(2);
    expect(both.lns.endpoint.drops()).toEqual({ "WEN too soon": 2 });
    const sent = Array.from({ length: 100 }, () =>
      both.lac.endpoint.notifyWanError(id, { callErrors }, both.network.now),
    );
    expect(sent.filter(Boolean)).toHaveLength(64);
    expect(both.lac.endpoint.drops()).toEqual({ "WEN would wait too long": 36 });
  });

  test("refusals to SCCRQs that may be forged: so many a second", () => {
    const both = pair();
    both.network.nodes.delete(lacAddress);
    both.network.trace = [];
    const refused = (): number => heard(both, lacAddress).length;
    const odd = { raw: [{ vendor: 9, type: 9, mandatory: true, value: Uint8Array.of(1) }] };
    for (let i = 1; i <= 1000; i++) both.network.inject(lacAddress, lnsAddress, sccrq(i, odd));
    both.network.run(100);
    expect(refused()).toBe(200);
    expect(both.lns.endpoint.drops()).toMatchObject({ "refusal limit": 800, "SCCRQ not acceptable": 1000 });
    both.network.run(1000);
    say(both, sccrq(1, odd));
    expect(refused()).toBe(201);
  });

  test("long messages: an SCCRQ is not read, another message ends what it is about", () => {
    const both = pair();
    const value = new Uint8Array(1000);
    const long = { raw: [1, 2, 3, 4, 5].map((type) => ({ vendor: 9, type, mandatory: false, value })) };
    say(both, sccrq(5, long));
    expect(both.lns.endpoint.drops()).toEqual({ "message too long": 1 });
    expect(both.lns.endpoint.tunnels()).toEqual([]);
    const tunnel = open(both);
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    const icrq = encodeMessage("ICRQ", peerTunnelId, 0, { assignedSessionId: 1, callSerialNumber: 1, ...long }).slice();
    putSequence(icrq, transport.ns, transport.nr);
    both.network.trace = [];
    say(both, icrq);
    expect(heard(both, lacAddress)).toContain("CDN");
    expect(types(both.lns)).not.toContain("call-request");
  });

  test("early messages of a peer that has proven nothing", () => {
    const both = pair();
    both.network.nodes.delete(lacAddress);
    say(both, sccrq(5));
    const { tunnel } = last(both.lns, "tunnel-request");
    for (let ns = 2; ns < 12; ns++) {
      const hello = encodeMessage("HELLO", tunnel, 0, {}).slice();
      putSequence(hello, ns, 0);
      both.network.inject(lacAddress, lnsAddress, hello);
    }
    both.network.run(100);
    expect(both.lns.endpoint.snapshot().tunnels[0]?.transport.early?.size).toBe(3);
    expect(both.lns.endpoint.drops()).toEqual({ "beyond window": 7 });
  });

  test("the search for a session id: a peer that holds nearly all of them is refused", () => {
    const both = pair();
    const tunnel = open(both);
    const state = both.lac.endpoint.snapshot();
    const [stored] = state.tunnels;
    const held = Array.from({ length: 5000 }, (_, i) => ({
      due: 0,
      id: tunnel * 0x10000 + ((stored!.nextSessionId + i - 1) % 0xffff) + 1,
      peerSessionId: 0,
      kind: "incoming" as const,
      role: "lac" as const,
      state: "established" as const,
      request: undefined,
      wanErrorAt: undefined,
    }));
    const tunnels = [{ ...stored!, calls: held }];
    const endpoint = restoreEndpoint({ ...state, tunnels }, { hostName: "lac", random: randomBytes(seededNumbers(3)) });
    expect(endpoint.openCall(tunnel, "incoming", {}, both.network.now)).toBeUndefined();
    expect(endpoint.openCall(tunnel, "incoming", {}, both.network.now)).toBeDefined();
  });

  test("calls in a tunnel: the next one is refused with result 4", () => {
    const both = pair({}, { limits: { callsPerTunnel: 1 } });
    const tunnel = open(both);
    call(both, tunnel);
    inject(both, tunnel, "ICRQ", 0, { assignedSessionId: 77, callSerialNumber: 1 });
    expect(both.lns.endpoint.drops()).toEqual({ "call limit": 1 });
  });
});

describe("messages that are not as they should be (§4.1, §7.1)", () => {
  const odd = (mandatory: boolean): AvpValues => ({
    raw: [{ vendor: 9, type: 9, mandatory, value: Uint8Array.of(1) }],
  });

  test("SCCRQ: refused statelessly, with the code that says why", () => {
    const both = pair();
    both.network.trace = [];
    say(both, sccrq(5, odd(true)));
    say(both, sccrq(6, { protocolVersion: { version: 3, revision: 0 } }));
    say(both, encodeMessage("SCCRQ", 0, 0, { ...introduction, assignedTunnelId: 7, framingCapabilities: undefined }));
    expect(both.lns.endpoint.tunnels()).toEqual([]);
    expect(both.network.trace.length).toBe(6);
    const codes = both.network.trace
      .filter((line) => line.includes(`>${lacAddress} `))
      .map((line) => {
        const bytes = Uint8Array.from(Buffer.from(line.split(" ")[2]!, "hex"));
        const message = parseMessage(bytes, bytes.length);
        return isMalformed(message) ? undefined : [message.avps.resultCode?.result, message.avps.resultCode?.error];
      });
    expect(codes).toEqual([
      [2, 8],
      [5, 256],
      [2, 6],
    ]);
  });

  test("an unknown mandatory AVP ends the call that it came with, not the tunnel", () => {
    const both = pair();
    const tunnel = open(both);
    call(both, tunnel);
    const { call: id } = last(both.lns, "call-up");
    inject(both, tunnel, "WEN", id & 0xffff, { ...odd(true) });
    expect(last(both.lns, "call-down").ended).toMatchObject({ by: "local", result: 2, error: 8 });
    expect(both.lns.endpoint.tunnels()[0]?.state).toBe("established");
  });

  test("in a message of the tunnel it ends the tunnel", () => {
    const both = pair();
    const tunnel = open(both);
    inject(both, tunnel, "HELLO", 0, odd(true));
    expect(last(both.lns, "tunnel-down").ended).toMatchObject({ by: "local", result: 2, error: 8 });
  });

  test("an unknown AVP without the M bit reaches policy, to be handed on", () => {
    const both = pair();
    inject(both, open(both), "ICRQ", 0, { assignedSessionId: 77, callSerialNumber: 1, ...odd(false) });
    expect(last(both.lns, "call-request").avps.raw).toEqual(odd(false).raw);
  });

  test("an unknown message is ignored, or ends the tunnel if its M bit is set", () => {
    for (const [flags, state] of [
      [0x00, "established"],
      [0x80, "closing"],
    ] as const) {
      const both = pair();
      const tunnel = open(both);
      const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
      const bytes = encodeMessage("HELLO", peerTunnelId, 0, {}).slice();
      bytes[12] = flags;
      bytes[19] = 99;
      putSequence(bytes, transport.ns, transport.nr);
      say(both, bytes);
      expect(both.lns.endpoint.tunnels()[0]?.state ?? "closing").toBe(state);
    }
  });

  test("an SCCRP that names no tunnel id is refused", () => {
    const both = pair();
    both.network.nodes.delete(lnsAddress);
    const tunnel = open(both);
    const sccrp = encodeMessage("SCCRP", tunnel, 0, { ...introduction, assignedTunnelId: 0 }).slice();
    putSequence(sccrp, 0, 1);
    say(both, sccrp, lnsAddress, lacAddress);
    expect(last(both.lac, "tunnel-down").ended).toMatchObject({ by: "local", result: 2, error: 3 });
    expect(types(both.lac)).toEqual(["tunnel-down"]);
  });

  test("a message of another phase is a state machine error", () => {
    const both = pair();
    inject(both, open(both), "SCCCN", 0, {});
    expect(last(both.lns, "tunnel-down").ended).toMatchObject({ by: "local", result: 7 });
  });

  test("messages for sessions that are not there are acknowledged and counted", () => {
    const both = pair();
    const tunnel = open(both);
    const cdn = { resultCode: { result: 1 }, assignedSessionId: 9 };
    inject(both, tunnel, "CDN", 4711, cdn);
    expect(both.lns.endpoint.drops()).toEqual({ "unknown session": 1 });
    expect(both.lns.endpoint.tunnels()[0]?.transport.nr).toBe(3);
  });
});

describe("session ids of a peer", () => {
  const icrq = { assignedSessionId: 77, callSerialNumber: 1 };

  test("one that is in use names no second call: refused with error 5, the first call stays", () => {
    const both = pair();
    const tunnel = open(both);
    inject(both, tunnel, "ICRQ", 0, icrq);
    both.network.trace = [];
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    const again = encodeMessage("ICRQ", peerTunnelId, 0, icrq).slice();
    putSequence(again, transport.ns + 1, transport.nr);
    say(both, again);
    expect(both.lns.endpoint.drops()).toEqual({ "peer session id in use": 1 });
    expect(heard(both, lacAddress)).toContain("CDN");
    expect(both.lns.endpoint.tunnels()[0]?.calls).toBe(1);
  });

  test("one that is in use is no answer to another call either", () => {
    const both = pair();
    const tunnel = open(both);
    const first = call(both, tunnel);
    both.lns.react = () => {};
    const second = call(both, tunnel) & 0xffff;
    const { peerTunnelId, transport } = both.lns.endpoint.tunnels()[0]!;
    const { peerSessionId } = both.lac.endpoint.call(first)!;
    const icrp = encodeMessage("ICRP", peerTunnelId, second, { assignedSessionId: peerSessionId }).slice();
    putSequence(icrp, transport.ns, transport.nr);
    say(both, icrp, lnsAddress, lacAddress);
    expect(last(both.lac, "call-down").ended).toMatchObject({ by: "local", result: 2, error: 5 });
    expect(both.lac.endpoint.call(first)?.state).toBe("established");
  });

  test("a CDN that names only it finds the call, also after the state was taken and restored; then the id is free", () => {
    const both = pair();
    const tunnel = open(both);
    inject(both, tunnel, "ICRQ", 0, icrq);
    const state = both.lns.endpoint.snapshot();
    both.lns.endpoint = restoreEndpoint(state, { hostName: "lns", random: randomBytes(seededNumbers(3)) });
    const { peerTunnelId, transport } = both.lac.endpoint.tunnel(tunnel)!;
    const cdn = encodeMessage("CDN", peerTunnelId, 0, { assignedSessionId: 77, resultCode: { result: 1 } }).slice();
    putSequence(cdn, transport.ns + 1, transport.nr);
    say(both, cdn);
    expect(last(both.lns, "call-down").ended).toMatchObject({ by: "peer", result: 1 });
    const again = encodeMessage("ICRQ", peerTunnelId, 0, icrq).slice();
    putSequence(again, transport.ns + 2, transport.nr);
    say(both, again);
    expect(both.lns.endpoint.drops()).toEqual({});
  });
});

describe("an SCCRQ with hidden AVPs", () => {
  const hiding: Hiding = { secret, vectors: [Uint8Array.of(1, 2, 3)] };

  test("is read once policy has named the secret", () => {
    const both = pair({ secret, challenge: false });
    both.network.nodes.delete(lacAddress);
    both.network.trace = [];
    say(both, sccrq(5, {}, hiding));
    expect(heard(both, lacAddress)).toEqual(["SCCRP"]);
    const { tunnel } = last(both.lns, "tunnel-request");
    const scccn = encodeMessage("SCCCN", tunnel, 0, {}).slice();
    putSequence(scccn, 1, 1);
    say(both, scccn);
    expect(last(both.lns, "tunnel-up").peerTunnelId).toBe(5);
  });

  test("ends if there is none, or the wrong one", () => {
    for (const settings of [{}, { secret: Uint8Array.of(1) }]) {
      const both = pair(settings);
      say(both, sccrq(5, {}, hiding));
      expect(types(both.lns)).toEqual(["tunnel-request", "tunnel-down"]);
      both.network.run(60_000);
      expect(both.lns.endpoint.tunnels()).toEqual([]);
    }
  });
});
