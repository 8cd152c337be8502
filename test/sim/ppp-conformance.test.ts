/** Single requirements, in the order of docs/ppp-conformance.md: what comes in, what goes out. Packets are hexadecimal. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LinkSettings, NetworkAddresses, NetworkSettings } from "../../src/ppp/index.js";
import { seed } from "../seed.js";
import { createEnd, type End, utf8 } from "./ppp-end.js";
import { client, server } from "./ppp-plans.js";
import { createWire } from "./ppp-wire.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** The frame of a control packet: `protocol code id` and data, with the length put in. */
function frame(text: string): Uint8Array {
  const [protocol, code, id, ...data] = text.split(" ");
  const body = data.join("");
  const length = (4 + body.length / 2).toString(16).padStart(4, "0");
  return bytes(`ff03${protocol}${code}${id}${length}${body}`);
}

/** As `frame` takes them: of frames that were sent. */
const shown = (sent: Uint8Array): string => {
  const text = hex(sent).slice(4);
  return [text.slice(0, 4), text.slice(4, 6), text.slice(6, 8), text.slice(12)].filter(Boolean).join(" ");
};

const ipv4 = { local: "10.0.0.1", peer: "10.0.0.2", dns: ["192.0.2.53"], nbns: ["192.0.2.9"] };

interface Talk {
  readonly end: End;
  now: number;
  /** Says that to it; what it answers. */
  say(...packets: readonly string[]): readonly string[];
  /** Lets time pass; what it says by itself. */
  wait(milliseconds: number): readonly string[];
  said(): readonly string[];
}

function talk(
  link: Partial<LinkSettings> = {},
  addresses: NetworkAddresses = { ipv4 },
  network: Partial<NetworkSettings> = {},
): Talk {
  const end = createEnd({
    seed,
    // Nothing but what a test is about.
    link: {
      mru: 1500,
      magicNumber: false,
      protocolFieldCompression: false,
      addressAndControlFieldCompression: false,
      ...link,
    },
    addresses,
    // Networks that nobody answers do not end the link.
    network: { maxConfigure: 1000, ...network },
    judge: () => ({ verdict: "accept" }),
  });
  const it: Talk = {
    end,
    now: 0,
    said: () => end.collect(it.now).map(shown),
    say(...packets) {
      for (const packet of packets) end.receive(frame(packet), it.now);
      return it.said();
    },
    wait(milliseconds) {
      const until = it.now + milliseconds;
      const said: string[] = [];
      for (let due = end.deadline(); due !== undefined && due <= until; due = end.deadline()) {
        it.now = Math.max(it.now, due);
        end.expire(it.now);
        said.push(...it.said());
      }
      it.now = until;
      return said;
    },
  };
  end.open(0);
  return it;
}

/** A link that is open, with the peer's magic number 01020304. */
function opened(...of: Parameters<typeof talk>): Talk {
  const it = talk(...of);
  const [request] = it.said();
  it.say(`c021 01 01 050601020304`, request!.replace("c021 01", "c021 02"));
  return it;
}

const types = ({ end }: Talk) => end.events.map(({ type }) => type);
const down = ({ end }: Talk) => end.events.find((event) => event.type === "down");

describe("docs/ppp-conformance.md", () => {
  const root = join(import.meta.dirname, "../..");
  const rows = readFileSync(join(root, "docs/ppp-conformance.md"), "utf8")
    .split("\n")
    .filter((line) => /^\|.*`/.test(line));

  test.each(rows)("%s", (row) => {
    const paths = [...row.matchAll(/`([^` ]+\/[^` ]+)`/g)].map(([, path]) => path!);
    expect(paths.filter((path) => !existsSync(join(root, path.startsWith("test/") ? path : `src/${path}`)))).toEqual(
      [],
    );
    expect(paths.length).toBeGreaterThan(0);
  });
});

describe("RFC 1661 §4: the automaton and its timers", () => {
  test("§4.6 a request that has no answer is repeated every 3 s, 10 times in all, and then given up", () => {
    const it = talk();
    expect(it.said()).toEqual(["c021 01 01"]);
    expect(it.wait(29_999)).toEqual(
      [2, 3, 4, 5, 6, 7, 8, 9, 10].map((id) => `c021 01 ${id.toString(16).padStart(2, "0")}`),
    );
    expect(it.wait(1)).toEqual([]);
    expect(down(it)).toMatchObject({ reason: "no-answer" });
  });

  test("§4.6 two Terminate-Requests, then it is over", () => {
    const it = opened();
    it.end.close(it.now);
    expect(it.said()).toEqual(["c021 05 02 627965"]);
    expect(it.wait(10_000).filter((said) => said.startsWith("c021"))).toEqual(["c021 05 03 627965"]);
    expect(down(it)).toMatchObject({ reason: "closed" });
    expect(it.end.deadline()).toBeUndefined();
  });

  test("§4.2 passive: nothing is said before the peer has begun", () => {
    const it = talk({ passive: true });
    expect(it.said()).toEqual([]);
    expect(it.wait(20_000)).toEqual([]);
    expect(it.say("c021 01 07")).toEqual(["c021 01 01", "c021 02 07"]);
  });

  test("§3.7 a peer that ends the link is acknowledged, and has one restart period to hear it", () => {
    const it = opened();
    it.said();
    expect(it.say("c021 05 09 627965")).toEqual(["c021 06 09"]);
    expect(down(it)).toBeUndefined();
    expect(it.say("c021 05 09 627965")).toEqual(["c021 06 09"]);
    it.wait(3000);
    expect(down(it)).toEqual({ type: "down", reason: "peer-closed", message: "bye" });
  });

  test("§4.3 a peer that configures anew in Opened has everything begin anew", () => {
    const it = opened();
    it.said();
    expect(it.say("c021 01 05")).toEqual(["c021 01 02", "c021 02 05"]);
    it.say("c021 02 02");
    expect(types(it)).toEqual(["lcp-up", "network", "lcp-up", "network"]);
  });
});

describe("RFC 1661 §5: packets", () => {
  test("§5 padding is ignored; what is shorter than it says is discarded", () => {
    const it = talk();
    it.said();
    it.end.receive(bytes("ff03 c021 01 05 0004 0000"), 0);
    it.end.receive(bytes("ff03 c021 01 06 0006 00"), 0);
    expect(it.said()).toEqual(["c021 02 05"]);
    expect(it.end.link.status().counters).toEqual({ "lcp-length": 1 });
  });

  test.each(["ff03c0210105 0004", "c0210105 0004"])("RFC 1662 §3.1 both framings: %s", (text) => {
    const it = talk();
    it.said();
    it.end.receive(bytes(text), 0);
    expect(it.said()).toEqual(["c021 02 05"]);
  });

  test("§5.2 an Ack must have our identifier and our options, and counts once", () => {
    const it = talk({ mru: 1400 });
    expect(it.said()).toEqual(["c021 01 01 01040578"]);
    it.say("c021 02 02 01040578", "c021 02 01 01040579", "c021 02 01", "c021 02 01 01040578", "c021 02 01 01040578");
    expect(it.end.link.status()).toMatchObject({
      lcp: "ack-rcvd",
      counters: { "lcp-identifier": 2, "lcp-altered-ack": 2 },
    });
  });

  test("§5.4 a Reject must have what we asked for, in our order", () => {
    const it = talk({ mru: 1400, protocolFieldCompression: true });
    it.said();
    expect(it.say("c021 04 01 070201040578")).toEqual([]);
    expect(it.say("c021 04 01 0802")).toEqual([]);
    expect(it.say("c021 04 01")).toEqual([]);
    expect(it.say("c021 04 01 0702")).toEqual(["c021 01 02 01040578"]);
    expect(it.end.link.status().counters).toEqual({ "lcp-altered-reject": 3 });
  });

  test("§5.1 options that overrun make the packet void", () => {
    const it = talk();
    it.said();
    expect(it.say("c021 01 01 0105", "c021 01 01 010100", "c021 01 01 01")).toEqual([]);
    expect(it.end.link.status().counters).toEqual({ "lcp-options": 3 });
  });

  test("§5.3 Reject comes before Nak, with the options that cannot be negotiated as they were", () => {
    const it = talk();
    it.said();
    expect(it.say("c021 01 01 01040010 0408c02500000064 0d0306 4d03ff")).toEqual([
      "c021 04 01 0408c025000000640d03064d03ff",
    ]);
  });

  test("§5.6 an unknown code is rejected with the packet; the codes of RFC 2153 are among them", () => {
    const it = opened();
    it.said();
    expect(it.say("c021 2a 07 0102", "c021 00 08 00000000aabbcc01")).toEqual([
      "c021 07 02 2a0700060102",
      "c021 07 03 0008000c00000000aabbcc01",
    ]);
    expect(it.end.link.status().phase).toBe("network");
  });

  test("§5.6 a Code-Reject of what we cannot do without ends the link; of anything else, nothing", () => {
    const it = opened();
    it.said();
    expect(it.say("c021 07 01 0c010004")).toEqual([]);
    expect(it.end.link.status().phase).toBe("network");
    it.say("c021 07 02 01010004");
    it.wait(10_000);
    expect(down(it)).toMatchObject({ type: "down" });
  });

  test("§5.7 a protocol that nobody knows is rejected, within the peer's MRU; before Opened, in silence", () => {
    const early = talk();
    early.said();
    early.end.link.rejectProtocol(0x80fd, bytes("01010004"), 0);
    expect(early.said()).toEqual([]);
    const it = talk();
    it.said();
    it.say("c021 01 01 01040080", "c021 02 01");
    it.end.link.rejectProtocol(0x80fd, new Uint8Array(3000).fill(7), 0);
    const [rejected] = it.said();
    expect(rejected).toMatch(/^c021 08 02 80fd0707/);
    expect(frame(rejected!).length - 4).toBe(128);
  });

  test("§5.7 a Protocol-Reject is passed on; one of our authentication ends the link; one of LCP as well", () => {
    const it = opened();
    it.say("c021 08 01 80fd0101");
    expect(it.end.events).toContainEqual({ type: "protocol-rejected", protocol: 0x80fd });
    it.say("c021 08 02 c0230101");
    expect(it.end.link.status().phase).toBe("terminate");
    const other = opened();
    other.say("c021 08 01 c021");
    expect(other.end.link.status().phase).toBe("terminate");
  });

  test("§5.8 an Echo-Request is answered in Opened only, with our magic number and its data", () => {
    const early = talk();
    early.said();
    expect(early.say("c021 09 01 00000000")).toEqual([]);
    const it = opened({ magicNumber: true });
    it.said();
    const magic = it.end.link.status().agreement!.local.magicNumber.toString(16).padStart(8, "0");
    expect(it.say("c021 09 44 01020304aabb")).toEqual([`c021 0a 44 ${magic}aabb`]);
    expect(it.say("c021 0b 45 01020304aabb", "c021 0a 46 01020304")).toEqual([]);
  });

  test("§5.8 silence is asked about, and ends the link; any frame, or data, is a sign of life", () => {
    const asks = (said: readonly string[]) => said.filter((each) => each.startsWith("c021 09")).length;
    const alive = opened({ echoInterval: 10_000, echoFailures: 2 });
    alive.wait(9_000);
    alive.end.link.alive(alive.now);
    expect(asks(alive.wait(9_999))).toBe(0);
    expect(asks(alive.wait(1))).toBe(1);
    alive.say("c021 0a 05 01020304");
    expect(asks(alive.wait(20_000))).toBe(2);
    alive.wait(30_000);
    expect(down(alive)).toMatchObject({ reason: "echo-failure" });
  });

  test("RFC 1570 §2: Identification and Time-Remaining are heard and said, and need no answer", () => {
    const it = opened();
    it.said();
    expect(it.say("c021 0c 01 01020304 6a6f65", "c021 0d 02 01020304 0000003c 78")).toEqual([]);
    expect(it.end.events.slice(-2)).toEqual([
      { type: "told", what: "identification", text: "joe" },
      { type: "told", what: "time-remaining", text: "60" },
    ]);
    it.end.link.tell("identification", "lns", 0);
    it.end.link.tell("time-remaining", 90, 0);
    expect(it.said()).toEqual(["c021 0c 02 000000006c6e73", "c021 0d 03 000000000000005a"]);
  });
});

describe("RFC 1661 §6: LCP's options", () => {
  test.each([
    ["§6.1 an MRU too small", {}, "01040040", "03 01 01040080"],
    ["§6.1 an MRU of a strange length", {}, "010305", "03 01 01040080"],
    ["RFC 1662 §7.1 any ACCM", {}, "0206000a0000", "02 01 0206000a0000"],
    ["§6.2 authentication, without credentials", {}, "0304c023", "04 01 0304c023"],
    [
      "§6.2 authentication by what we do not do",
      { credentials: { password: utf8("x"), allow: ["chap-md5"] } },
      "0304c023",
      "03 01 0305c22305",
    ],
    [
      "§6.2 authentication by what we do",
      { credentials: { password: utf8("x"), allow: ["chap-md5", "pap"] } },
      "0304c023",
      "02 01 0304c023",
    ],
    ["§6.3 quality", {}, "0408c02500000064", "04 01 0408c02500000064"],
    ["§6.5 PFC that we do not want", {}, "0702", "04 01 0702"],
    ["§6.5 PFC that we want", { protocolFieldCompression: true }, "0702", "02 01 0702"],
    ["§6.6 ACFC that we want", { addressAndControlFieldCompression: true }, "0802", "02 01 0802"],
    ["RFC 1570 §2.3 callback", {}, "0d0306", "04 01 0d0306"],
    ["RFC 1990 §5.1.1 MRRU without multilink", {}, "110405dc", "04 01 110405dc"],
    ["RFC 1990 §5.1.2 short sequence numbers without multilink", {}, "1202", "04 01 1202"],
    ["RFC 1990 §5.1.3 a discriminator without multilink", {}, "130401aa", "04 01 130401aa"],
    ["RFC 2153 §2.1 a vendor's option", {}, "0006aabbcc01", "04 01 0006aabbcc01"],
  ] as const)("%s", (_name, link, options, answer) => {
    const it = talk(link as Partial<LinkSettings>);
    it.said();
    expect(it.say(`c021 01 01 ${options}`)).toEqual([`c021 ${answer}`]);
  });

  test("§6.4 our own magic number is Nak'd with another, and so is zero", () => {
    const it = talk({ magicNumber: true });
    const [request] = it.said();
    const [nak] = it.say(request!);
    expect(nak).toMatch(/^c021 03 01 0506/);
    expect(nak!.slice(-8)).not.toBe(request!.slice(-8));
    expect(it.say("c021 01 01 050600000000")[0]).toMatch(/^c021 03 01 0506/);
    expect(it.end.sent).toHaveLength(3);
    const [again] = it.say(nak!);
    expect(again!.slice(-8)).not.toBe(nak!.slice(-8));
    expect(again!.slice(-8)).not.toBe(request!.slice(-8));
  });

  test("§6.1 an MRU that the peer would rather have is taken if we can receive it", () => {
    const it = talk({ mru: 1400 });
    it.said();
    expect(it.say("c021 03 01 01040514")).toEqual(["c021 01 02 01040514"]);
    expect(it.say("c021 03 02 010405dc")).toEqual(["c021 01 03 01040514"]);
    expect(it.say("c021 04 03 01040514")).toEqual(["c021 01 04"]);
  });

  test("§6.2 a Nak with another protocol of ours is followed; without one the next of ours is tried", () => {
    const it = talk({ authenticate: ["mschapv2", "chap-md5", "pap"] });
    expect(it.said()).toEqual(["c021 01 01 0305c22381"]);
    expect(it.say("c021 03 01 0304c227")).toEqual(["c021 01 02 0305c22305"]);
    expect(it.say("c021 03 02 0304c023")).toEqual(["c021 01 03 0304c023"]);
    it.say("c021 03 03 0304c227");
    it.wait(10_000);
    expect(down(it)).toMatchObject({ reason: "no-agreement" });
  });
});

describe("RFC 1661 §3.5: authentication", () => {
  test("if both have to prove themselves, the network waits for both", () => {
    const it = talk({ authenticate: ["pap"], credentials: { password: utf8("x"), allow: ["pap"] } });
    it.said();
    it.say("c021 01 01 0304c023", "c021 02 01 0304c023");
    it.say("c023 01 01 036a6f6503616263");
    expect(types(it)).toEqual(["lcp-up", "authenticate"]);
    const ours = it.end.sent.map(shown).find((each) => each.startsWith("c023 01"))!;
    it.say(`c023 02 ${ours.slice(8, 10)} 00`);
    expect(types(it)).toEqual(["lcp-up", "authenticate", "network"]);
  });

  test("a challenge that is repeated does not begin the network anew", () => {
    const ends = [server(seed, { link: { rechallengeInterval: 5000 } }), client(seed + 1)];
    const wire = createWire(ends, seed);
    for (const end of ends) end.open(0);
    wire.run(60_000);
    const seen = ends[0]!.events.map(({ type }) => type);
    expect(seen.filter((type) => type === "authenticate").length).toBeGreaterThan(5);
    expect(seen.filter((type) => type === "network" || type === "ipv4-up")).toEqual(["network", "ipv4-up"]);
  });

  test("frames of authentication before LCP is open are discarded", () => {
    const it = talk({ authenticate: ["pap"] });
    it.said();
    expect(it.say("c023 01 01 036a6f6503616263")).toEqual([]);
    expect(it.end.link.status().counters).toEqual({ "before-open": 1 });
  });

  test("a peer that does not authenticate in time is told to go", () => {
    const it = talk({ authenticate: ["pap"], authenticationTimeout: 20_000 });
    it.said();
    it.say("c021 01 01", "c021 02 01 0304c023");
    expect(it.wait(19_999)).toEqual([]);
    expect(it.wait(1)).toEqual(["c021 05 02"]);
    it.wait(10_000);
    expect(down(it)).toMatchObject({ reason: "authentication-timeout" });
  });
});

describe("RFC 2661 §4.4.5: LCP that a LAC has done", () => {
  const lastSent = bytes("0304c023 05061234abcd");
  const lastReceived = bytes("010405d4 020600000000 0506cafe0001");
  const open = (link: Partial<LinkSettings>, sent = lastSent, credentials = true, received = lastReceived) => {
    const end = createEnd({
      seed,
      link: { mru: 1500, ...link },
      addresses: { ipv4 },
      judge: () => ({ verdict: "accept" }),
      proxy: {
        initialReceived: undefined,
        lastSent: sent,
        lastReceived: received,
        credentials: credentials ? { method: "pap", name: "joe", password: utf8("secret"), identifier: 9 } : undefined,
      },
    });
    end.open(0);
    return { end, said: end.collect(0).map(shown) };
  };

  test("what would have been agreed on is taken over, and the credentials are judged", () => {
    const { end, said } = open({ authenticate: ["pap"] });
    expect(end.events.map(({ type }) => type)).toEqual(["lcp-up", "authenticate", "network"]);
    expect(said[0]).toMatch(/^c023 02 09/);
    expect(said[1]).toMatch(/^8021 01 01/);
    expect(end.link.status().agreement).toMatchObject({
      local: { mru: 1500, magicNumber: 0x1234abcd, authentication: "pap" },
      peer: { mru: 1492, magicNumber: 0xcafe0001, accm: 0 },
    });
    const proxied = end.link.proxy()!;
    expect(hex(proxied.lastSent)).toBe(hex(lastSent));
    expect(hex(proxied.lastReceived)).toBe("010405d40506cafe0001020600000000");
  });

  test("without credentials the peer is asked for them", () => {
    const { end } = open({ authenticate: ["pap"] }, lastSent, false);
    expect(end.link.status().phase).toBe("authenticate");
    expect(end.events.map(({ type }) => type)).toEqual(["lcp-up"]);
  });

  test.each([
    ["another authentication than ours", { authenticate: ["chap-md5"] }, lastSent],
    ["authentication, and we want none", {}, lastSent],
    ["no authentication, and we want one", { authenticate: ["pap"] }, bytes("05061234abcd")],
    [
      "an MRU larger than every link has",
      { authenticate: ["pap"], mru: 1400 },
      bytes("01040800" + "0304c023" + "05061234abcd"),
    ],
    ["multilink, and we do none", { authenticate: ["pap"] }, bytes("0304c023110405dc")],
    ["an option that we do not know", { authenticate: ["pap"] }, bytes("0304c0234d03ff")],
    ["bytes that are no options", { authenticate: ["pap"] }, bytes("0304c023ff")],
  ] as const)("renegotiated: %s", (_name, link, sent) => {
    const { end, said } = open(link as Partial<LinkSettings>, sent);
    expect(end.link.status().lcp).toBe("req-sent");
    expect(said[0]).toMatch(/^c021 01 01/);
  });

  test.each(["01040040", "110405dc", "0304c023", "4d03ff", "0105", "05061234abcd"])(
    "renegotiated: the peer has %s, which we would not have acknowledged",
    (received) => {
      const { end } = open({ authenticate: ["pap"] }, lastSent, true, bytes(received));
      expect(end.link.status().lcp).toBe("req-sent");
    },
  );

  test("a peer that configures all the same is negotiated with", () => {
    const { end } = open({ authenticate: ["pap"] });
    end.receive(frame("c021 01 05 050601020304"), 1);
    expect(end.collect(1).map(shown)[1]).toBe("c021 02 05 050601020304");
    expect(end.link.status().lcp).toBe("ack-sent");
  });
});

describe("RFC 1332, RFC 1877: IPCP", () => {
  const ready = (of: NetworkAddresses["ipv4"] = ipv4, network: Partial<NetworkSettings> = {}) =>
    opened({}, { ipv4: of }, network);

  test("§3.3 the peer is told its address and the servers of names until it asks for them", () => {
    const it = ready();
    expect(it.end.sent.map(shown).at(-1)).toBe("8021 01 01 03060a000001");
    expect(it.say("8021 01 01 030600000000 810600000000 820600000000")).toEqual([
      "8021 03 01 03060a0000028106c00002358206c0000209",
    ]);
    expect(it.say("8021 01 02 03060a0000028106c00002358206c0000209")).toEqual([
      "8021 02 02 03060a0000028106c00002358206c0000209",
    ]);
    it.say("8021 02 01 03060a000001");
    expect(it.end.events.at(-1)).toEqual({ type: "ipv4-up", local: "10.0.0.1", peer: "10.0.0.2", dns: [] });
  });

  test.each([
    ["RFC 1877 servers that we have not", "8306 00000000 8406 00000000", "04 01 830600000000840600000000"],
    ["§3.2 header compression", "0206002d0f01", "04 01 0206002d0f01"],
    ["§3.1 the deprecated addresses", "010a0a0000020a000001", "04 01 010a0a0000020a000001"],
    ["§3.3 no address at all", "", "03 01 03060a000002"],
    ["§3.3 another address", "03060a000009", "03 01 03060a000002"],
  ])("%s", (_name, options, answer) => {
    expect(ready().say(`8021 01 01 ${options.replaceAll(" ", "")}`.trimEnd())).toEqual([`8021 ${answer}`]);
  });

  test("§3.3 where any address will do, zero will not", () => {
    const it = ready({ ...ipv4, peer: "0.0.0.0" });
    expect(it.say("8021 01 01 030600000000", "8021 01 02 0306c6336401")).toEqual([
      "8021 04 01 030600000000",
      "8021 02 02 0306c6336401",
    ]);
  });

  test("a client takes what it is given", () => {
    const it = ready({ local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] }, { client: true });
    expect(it.end.sent.map(shown).at(-1)).toBe("8021 01 01 030600000000810600000000830600000000");
    expect(it.say("8021 04 01 830600000000")).toEqual(["8021 01 02 030600000000810600000000"]);
    expect(it.say("8021 03 02 03060a0000028106c0000235")).toEqual(["8021 01 03 03060a0000028106c0000235"]);
    it.say("8021 02 03 03060a0000028106c0000235", "8021 01 01 03060a000001");
    expect(it.end.events.at(-1)).toEqual({
      type: "ipv4-up",
      local: "10.0.0.2",
      peer: "10.0.0.1",
      dns: ["192.0.2.53"],
    });
  });

  test("a client that is refused an address has no use for the protocol", () => {
    const it = ready({ local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] }, { client: true });
    const said = it.say("8021 04 01 030600000000");
    expect(said.at(-1)).toMatch(/^8021 05/);
  });

  test("a server keeps its address, whatever the peer would rather", () => {
    expect(ready().say("8021 03 01 030601010101")).toEqual(["8021 01 02 03060a000001"]);
  });

  test("packets that come before the protocol is open are discarded and counted", () => {
    const it = ready();
    it.end.receive(bytes("ff03 0021 4500"), 0);
    expect(it.said()).toEqual([]);
    expect(it.end.network?.status().counters).toEqual({ "data-not-open": 1 });
  });
});

describe("RFC 5072: IPv6CP", () => {
  const local = "0000000000000001";
  const ready = (peerInterfaceId?: string) => opened({}, { ipv6: { localInterfaceId: local, peerInterfaceId } });

  test("§4.1 any identifier but ours and zero", () => {
    const it = ready();
    expect(it.say("8057 01 01 010a0000000000000002")).toEqual(["8057 02 01 010a0000000000000002"]);
    for (const wrong of [local, "0000000000000000"]) {
      const [nak] = ready().say(`8057 01 01 010a${wrong}`);
      expect(nak).toMatch(/^8057 03 01 010a/);
      expect(nak!.slice(-16)).not.toBe(local);
      expect(Number.parseInt(nak!.slice(-16, -14), 16) & 2).toBe(0);
    }
  });

  test("§4.1 one that is demanded, and one where none was asked for", () => {
    const it = ready("00000000000000aa");
    expect(it.say("8057 01 01 010a0000000000000002", "8057 01 02")).toEqual([
      "8057 03 01 010a00000000000000aa",
      "8057 03 02 010a00000000000000aa",
    ]);
  });

  test("§4.2 header compression", () => {
    expect(ready().say("8057 01 01 02060061002d")).toEqual(["8057 04 01 02060061002d"]);
  });

  test("§4.1 ours changes if the peer says that it is taken", () => {
    expect(ready().say("8057 03 01 010a00000000000000bb")).toEqual(["8057 01 02 010a00000000000000bb"]);
  });
});

describe("other protocols", () => {
  test("RFC 3032 §4.3 MPLSCP has no options", () => {
    const it = opened({}, {}, { mpls: true });
    expect(it.end.sent.map(shown).at(-1)).toBe("8281 01 01");
    expect(it.say("8281 01 01 0102", "8281 01 02", "8281 02 01")).toEqual(["8281 04 01 0102", "8281 02 02"]);
    expect(types(it).at(-1)).toBe("mpls-up");
  });

  test.each([
    ["CCP", "80fd 01 01 120600000001"],
    ["ECP", "8053 01 01"],
    ["IPCP that is not configured", "8021 01 01"],
    ["IPX", "802b 01 01"],
  ])("%s is rejected with its packet", (_name, packet) => {
    const it = opened({}, { ipv6: { localInterfaceId: "0000000000000001", peerInterfaceId: undefined } });
    it.said();
    expect(it.say(packet)).toEqual([`c021 08 02 ${hex(frame(packet).subarray(2))}`]);
  });

  test("when the peer knows no protocol of ours, the link ends", () => {
    const it = opened({}, { ipv4, ipv6: { localInterfaceId: "0000000000000001", peerInterfaceId: undefined } });
    it.say("c021 08 01 80210101");
    expect(types(it)).not.toContain("finished");
    expect(it.say("c021 08 02 80570101")).toEqual([expect.stringMatching(/^c021 05/)]);
    it.wait(10_000);
    it.say("8021 01 07 03060a000002");
    expect(types(it).filter((type) => type === "finished")).toHaveLength(1);
  });

  test("a network that the peer closes is down; the last one ends the link", () => {
    const it = opened();
    it.say("8021 01 01 03060a000002", "8021 02 01 03060a000001");
    expect(it.say("8021 05 02")).toEqual(["8021 06 02"]);
    expect(it.end.events.at(-1)).toEqual({ type: "network-down", protocol: "ipv4" });
    expect(it.wait(3000).at(-1)).toMatch(/^c021 05/);
  });
});
