import { describe, expect, test } from "vitest";
import { createMemory } from "../system/index.js";
import { ipcpOption } from "../wire/ipcp.js";
import { lcpOption } from "../wire/lcp.js";
import { papCode } from "../wire/pap.js";
import { pppProtocol } from "../wire/ppp.js";
import { controlCode } from "../wire/ppp-control.js";
import { createBoard } from "./board.js";
import { authMethods, type PppSettings, pppReasons, pppState } from "./ppp-board.js";
import { createSubscribers } from "./ppp-client.js";

const { lcp, pap, ipcp, ipv6cp, ccp } = pppProtocol;
const { configureRequest, configureAck, configureNak, configureReject } = controlCode;
const settings: PppSettings = {
  user: "user-%d",
  password: "secret",
  auth: authMethods,
  ipv6: false,
  target: undefined,
};

type Packet = readonly [protocol: number, code: number, identifier: number, ...data: number[]];

/** One subscriber, number 3, and what it sends. */
function subscriber(changes: Partial<PppSettings> = {}) {
  const board = createBoard(4, { ...settings, ...changes });
  const ppp = board.ppp!;
  const { u8 } = createMemory(8192);
  const sent: Packet[] = [];
  const at = 4096;
  const subscribers = createSubscribers(board, ppp, u8, {
    begin: () => at,
    end(length) {
      const data = u8.slice(at, at + length);
      expect([data[0], data[1]]).toEqual([0xff, 0x03]);
      expect((data[6]! << 8) | data[7]!).toBe(length - 4);
      sent.push([(data[2]! << 8) | data[3]!, data[4]!, data[5]!, ...data.subarray(8)]);
    },
  });
  ppp.identifier[3] = 1;
  ppp.state[3] = pppState.link;
  return {
    ppp,
    subscribers,
    state: () => ppp.state[3],
    reason: () => pppReasons[ppp.reason[3]!],
    /** Gives it a packet; answers what it sends. */
    hears([protocol, code, identifier, ...data]: Packet): Packet[] {
      u8.set([code, identifier, 0, data.length + 4, ...data]);
      subscribers.receive(3, protocol, 0, data.length + 4);
      return sent.splice(0);
    },
    expires(now: number): Packet[] {
      subscribers.expire(now);
      return sent.splice(0);
    },
  };
}

const magic = [lcpOption.magicNumber, 6, 0x4a, 0x42, 0, 4];
const theirMagic = [lcpOption.magicNumber, 6, 1, 2, 3, 4];
const wantsPap = [lcpOption.authentication, 4, 0xc0, 0x23];
const mrru = [lcpOption.mrru, 4, 5, 0xdc];
const text = (words: string) => [words.length, ...Buffer.from(words)];
const address = (...octets: number[]) => [ipcpOption.address, 6, ...octets];
const dns = (type: number, ...octets: number[]) => [type, 6, ...octets];

/** Brings the link up to where the subscriber asks for an address. */
function authenticated(changes: Partial<PppSettings> = {}) {
  const one = subscriber(changes);
  one.hears([lcp, configureRequest, 7, ...wantsPap, ...theirMagic]);
  one.hears([lcp, configureAck, 1, ...magic]);
  one.hears([pap, papCode.ack, 2, 0]);
  return one;
}

describe("a PPP subscriber", () => {
  test("comes up by PAP with the address that it is given", () => {
    const one = subscriber();
    expect(one.hears([lcp, configureRequest, 7, ...wantsPap, ...theirMagic])).toEqual([
      [lcp, configureRequest, 1, ...magic],
      [lcp, configureAck, 7, ...wantsPap, ...theirMagic],
    ]);
    expect(one.hears([lcp, configureAck, 1, ...magic])).toEqual([[pap, 1, 2, ...text("user-3"), ...text("secret")]]);
    const nothing = [0, 0, 0, 0];
    const { primaryDns, secondaryDns } = ipcpOption;
    expect(one.hears([pap, papCode.ack, 2, 0])).toEqual([
      [
        ipcp,
        configureRequest,
        3,
        ...address(...nothing),
        ...dns(primaryDns, ...nothing),
        ...dns(secondaryDns, ...nothing),
      ],
    ]);
    expect(one.hears([ipcp, configureRequest, 1, ...address(10, 0, 0, 1)])).toEqual([
      [ipcp, configureAck, 1, ...address(10, 0, 0, 1)],
    ]);
    expect(one.hears([ipcp, configureReject, 3, ...dns(secondaryDns, ...nothing)])).toEqual([
      [ipcp, configureRequest, 3, ...address(...nothing), ...dns(primaryDns, ...nothing)],
    ]);
    const given = [...address(100, 64, 0, 9), ...dns(primaryDns, 192, 0, 2, 53)];
    expect(one.hears([ipcp, configureNak, 3, ...given])).toEqual([[ipcp, configureRequest, 3, ...given]]);
    expect(one.hears([ipcp, configureAck, 3, ...given])).toEqual([]);
    expect(one.state()).toBe(pppState.up);
    expect(one.ppp.address[3]).toBe(0x6440_0009);
    expect([...one.subscribers.changes()!]).toEqual([3]);
    expect(one.subscribers.changes()).toBeUndefined();
  });

  test("rejects options that it does not know, and asks for a method that is allowed", () => {
    const one = subscriber({ auth: ["chap"] });
    expect(one.hears([lcp, configureRequest, 7, ...mrru, ...wantsPap]).at(-1)).toEqual([
      lcp,
      configureReject,
      7,
      ...mrru,
    ]);
    expect(one.hears([lcp, configureRequest, 8, ...wantsPap])).toEqual([
      [lcp, configureNak, 8, lcpOption.authentication, 5, 0xc2, 0x23, 5],
    ]);
  });

  test("says why it ended: wrong password, no address, the LNS hung up, or no answer", () => {
    const refused = subscriber();
    refused.hears([lcp, configureRequest, 7, ...wantsPap]);
    refused.hears([lcp, configureAck, 1, ...magic]);
    refused.hears([pap, papCode.nak, 2, 0]);
    expect([refused.state(), refused.reason()]).toEqual([pppState.ended, "authentication refused"]);

    const homeless = authenticated();
    homeless.hears([ipcp, configureReject, 3, ...address(0, 0, 0, 0)]);
    expect([homeless.state(), homeless.reason()]).toEqual([pppState.ended, "the LNS gives no address"]);

    const left = authenticated();
    expect(left.hears([lcp, controlCode.terminateRequest, 9])).toEqual([[lcp, controlCode.terminateAck, 9]]);
    expect(left.reason()).toBe("ended by the LNS");

    const alone = subscriber();
    let tries = 0;
    for (let now = 1000; alone.state() !== pppState.ended && now < 60_000; now += 100)
      tries += alone.expires(now).length;
    expect([alone.reason(), tries]).toEqual(["no answer to LCP", 10]);
  });

  test("answers echoes with its own magic number, and rejects protocols that it does not have", () => {
    const one = authenticated();
    expect(one.hears([lcp, controlCode.echoRequest, 5, 1, 2, 3, 4, 0xaa])).toEqual([
      [lcp, controlCode.echoReply, 5, 0x4a, 0x42, 0, 4, 0xaa],
    ]);
    expect(one.hears([ccp, configureRequest, 1])).toEqual([
      [lcp, controlCode.protocolReject, 1, 0x80, 0xfd, 1, 1, 0, 4],
    ]);
    expect(one.hears([ipv6cp, configureRequest, 1]).at(0)?.[1]).toBe(controlCode.protocolReject);
  });

  test("with IPv6 it is up when both protocols are, or when the LNS has none", () => {
    const ipv4Up = (one: ReturnType<typeof subscriber>) => {
      one.hears([ipcp, configureRequest, 1, ...address(10, 0, 0, 1)]);
      one.hears([ipcp, configureNak, 3, ...address(100, 64, 0, 9)]);
      one.hears([ipcp, configureAck, 3]);
    };
    const both = authenticated({ ipv6: true });
    ipv4Up(both);
    expect(both.state()).toBe(pppState.network);
    both.hears([ipv6cp, configureRequest, 1, 1, 10, 0, 0, 0, 0, 0, 0, 0, 1]);
    both.hears([ipv6cp, configureAck, 3]);
    expect(both.state()).toBe(pppState.up);

    const without = authenticated({ ipv6: true });
    ipv4Up(without);
    without.hears([lcp, controlCode.protocolReject, 1, 0x80, 0x57]);
    expect(without.state()).toBe(pppState.up);
  });

  test("packets that are cut short or make no sense change nothing", () => {
    const one = authenticated();
    for (const data of [[1], [1, 0], [3, 200, 1], [1, 1, 1]]) one.hears([ipcp, configureNak, 3, ...data]);
    one.hears([lcp, configureRequest, 1, 1, 1]);
    expect(one.state()).not.toBe(pppState.up);
    expect(one.ppp.address[3]).toBe(0);
  });
});
