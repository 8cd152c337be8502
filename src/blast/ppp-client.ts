/**
 * The subscribers of a run, as PPP clients: LCP, PAP or CHAP, IPCP, IPv6CP. They live in typed arrays and answer in place, so
 * that tens of thousands of them cost the tool a fraction of what they cost the LNS. They are simple where a real client is
 * not: what is asked for is fixed, and a peer that asks for something else gets it or is told that it does not exist.
 */
import { chapCode } from "../wire/chap.js";
import { ipcpOption } from "../wire/ipcp.js";
import { lcpOption } from "../wire/lcp.js";
import { putU16, putU32, u16, u32 } from "../wire/octets.js";
import { papCode } from "../wire/pap.js";
import { pppProtocol } from "../wire/ppp.js";
import { controlCode } from "../wire/ppp-control.js";
import type { Board } from "./board.js";
import { answerRequest, type Judge, opinion } from "./ppp-answer.js";
import { createCredentials, type Method, methodOf, putMethod } from "./ppp-auth.js";
import { magicNumber, type PppBoard, type PppReason, pppState, reasonNumber } from "./ppp-board.js";
import { controlData, putAddressRequest, putControl, putInterfaceRequest, putLinkRequest } from "./ppp-frames.js";

/** Where frames leave: one is written at `begin`, behind the session's data header, and leaves with `end`. */
export interface FrameOut {
  /** Where the frame is to be written; 2048 bytes are free there. */
  begin(session: number): number;
  end(length: number): void;
}

export interface Subscribers {
  /** Takes a frame of a protocol that is no network's data, whose information lies from `at` to `end`. */
  receive(session: number, protocol: number, at: number, end: number): void;
  /** Sends again what has not been answered; `now` in milliseconds. Call it some ten times a second. */
  expire(now: number): void;
  /** Subscribers that came up or ended since the last time, or undefined. */
  changes(): Uint32Array | undefined;
}

/** Bits of `PppBoard.flags`: `mine`: the peer has acknowledged our request; `theirs`: we its. */
const flag = {
  linkMine: 1,
  linkTheirs: 2,
  addressMine: 4,
  addressTheirs: 8,
  interfaceMine: 16,
  interfaceTheirs: 32,
  noMagic: 64,
  noDns: 128,
  noSecondDns: 256,
  noIpv6: 512,
  pap: 1024,
  chap: 2048,
  /** Our first request of LCP has left. */
  asked: 4096,
  mschapv2: 8192,
} as const;
const linkBits = flag.linkMine | flag.linkTheirs;
const networkBits = flag.addressMine | flag.addressTheirs | flag.interfaceMine | flag.interfaceTheirs;
const methodBits = flag.pap | flag.chap | flag.mschapv2;
const methodBit: Readonly<Record<Method, number>> = { pap: flag.pap, chap: flag.chap, mschapv2: flag.mschapv2 };

/** RFC 1661 §4.6 has 3 seconds and 10 tries; a lost message costs a run less this way. */
const restart = 1000;
/**
 * How long the LNS may take to begin: a request of ours that comes before the ICCN, which may wait for its turn in the tunnel's
 * window, is lost.
 */
const opening = 300;
const triesAtMost = 10;

const noAnswer: Readonly<Record<number, PppReason>> = {
  [pppState.link]: "no answer to LCP",
  [pppState.authentication]: "no answer to authentication",
  [pppState.network]: "no answer to IPCP or IPv6CP",
};

export function createSubscribers(board: Board, ppp: PppBoard, u8: Uint8Array, out: FrameOut): Subscribers {
  const { settings, state, flags, identifier, tries, due, address, dns, secondDns } = ppp;
  const credentials = createCredentials(settings);
  let changed: number[] = [];
  let clock = 0;

  const has = (session: number, bits: number): boolean => (flags[session]! & bits) === bits;
  const set = (session: number, bits: number): void => {
    flags[session]! |= bits;
  };
  const clear = (session: number, bits: number): void => {
    flags[session]! &= ~bits;
  };

  function end(session: number, reason: PppReason): void {
    if (state[session] === pppState.ended) return;
    ppp.reason[session] = reasonNumber(reason);
    Atomics.store(state, session, pppState.ended);
    changed.push(session);
  }

  // --- requests of our own ---

  /** Sends what the peer has not acknowledged yet. */
  function ask(session: number): void {
    const at = out.begin(session);
    const own = identifier[session]!;
    due[session] = clock + restart;
    switch (state[session]) {
      case pppState.link:
        if (has(session, flag.linkMine)) return;
        set(session, flag.asked);
        out.end(putLinkRequest(u8, at, own, has(session, flag.noMagic) ? 0 : magicNumber(session)));
        return;
      case pppState.authentication:
        if (has(session, flag.pap)) out.end(credentials.putPapRequest(u8, at, own, session));
        return;
      case pppState.network:
        if (!has(session, flag.addressMine)) askForAddress(session);
        if (settings.ipv6 && (flags[session]! & (flag.interfaceMine | flag.noIpv6)) === 0) {
          out.end(putInterfaceRequest(u8, out.begin(session), own, session));
        }
        return;
      default:
        return;
    }
  }

  function askForAddress(session: number): void {
    const wanted = (without: number, value: number) => (has(session, without) ? undefined : value);
    const first = wanted(flag.noDns, dns[session]!);
    const second = wanted(flag.noSecondDns, secondDns[session]!);
    out.end(putAddressRequest(u8, out.begin(session), identifier[session]!, address[session]!, first, second));
  }

  function enter(session: number, next: number): void {
    state[session] = next;
    tries[session] = 0;
    identifier[session]!++;
    ask(session);
  }

  /** Goes on when both sides have acknowledged. */
  function advance(session: number): void {
    if (state[session] === pppState.link && has(session, linkBits)) {
      enter(session, (flags[session]! & methodBits) !== 0 ? pppState.authentication : pppState.network);
    } else if (state[session] === pppState.network && has(session, flag.addressMine | flag.addressTheirs)) {
      const ipv6 = !settings.ipv6 || has(session, flag.noIpv6);
      if (!ipv6 && !has(session, flag.interfaceMine | flag.interfaceTheirs)) return;
      Atomics.store(state, session, pppState.up);
      changed.push(session);
    }
  }

  // --- answers ---

  /** What the request at hand demands. */
  let asked: Method | undefined;
  const judgeLink: Judge = (type, at, length, into) => {
    switch (type) {
      case lcpOption.mru:
      case lcpOption.accm:
      case lcpOption.magicNumber:
      case lcpOption.protocolFieldCompression:
      case lcpOption.addressAndControlFieldCompression:
        return opinion.fine;
      case lcpOption.authentication: {
        asked = methodOf(u8, at, length);
        if (asked !== undefined && settings.auth.includes(asked)) return opinion.fine;
        return opinion.other + putMethod(u8, into, type, settings.auth[0]!);
      }
      default:
        return opinion.rejected;
    }
  };
  const judgeAddress: Judge = (type) => (type === ipcpOption.address ? opinion.fine : opinion.rejected);
  const judgeInterface: Judge = (type) => (type === 1 ? opinion.fine : opinion.rejected);

  /** Answers a Configure-Request; true: with an acknowledgement. */
  function answer(session: number, protocol: number, from: number, at: number, last: number, judge: Judge): boolean {
    const into = out.begin(session);
    const length = answerRequest(u8, at, last, protocol, from, into, judge);
    if (length === 0) return false;
    out.end(length);
    return u8[into + 4] === controlCode.configureAck;
  }

  function reply(session: number, protocol: number, code: number, from: number, at: number, last: number): void {
    const into = out.begin(session);
    const length = Math.min(last - at, 1400);
    u8.copyWithin(into + controlData, at, at + length);
    out.end(putControl(u8, into, protocol, code, from, length));
  }

  // --- what arrives, by protocol; `at` and `last` bound the packet's data ---

  function link(session: number, code: number, from: number, at: number, last: number): void {
    switch (code) {
      case controlCode.configureRequest:
        if (state[session] === pppState.closing) return;
        if (state[session]! > pppState.link) {
          // The peer begins anew (RFC 1661 §4.1, RCR in Opened).
          clear(session, linkBits | networkBits);
          enter(session, pppState.link);
        }
        if (!has(session, flag.asked)) ask(session);
        asked = undefined;
        clear(session, methodBits);
        if (!answer(session, pppProtocol.lcp, from, at, last, judgeLink)) return;
        set(session, flag.linkTheirs | (asked === undefined ? 0 : methodBit[asked]));
        advance(session);
        return;
      case controlCode.configureAck:
        if (from !== identifier[session] || state[session] !== pppState.link) return;
        set(session, flag.linkMine);
        advance(session);
        return;
      case controlCode.configureNak:
      case controlCode.configureReject:
        if (from !== identifier[session] || state[session] !== pppState.link) return;
        set(session, flag.noMagic);
        enter(session, pppState.link);
        return;
      case controlCode.terminateRequest:
        reply(session, pppProtocol.lcp, controlCode.terminateAck, from, at, at);
        end(session, state[session] === pppState.authentication ? "authentication refused" : "ended by the LNS");
        return;
      case controlCode.terminateAck:
        if (state[session] === pppState.closing) end(session, "hung up");
        return;
      case controlCode.protocolReject:
        if (last - at >= 2 && u16(u8, at) === pppProtocol.ipv6cp) refuseIpv6(session);
        return;
      case controlCode.echoRequest:
        if (last - at < 4) return;
        putU32(u8, at, has(session, flag.noMagic) ? 0 : magicNumber(session));
        reply(session, pppProtocol.lcp, controlCode.echoReply, from, at, last);
        return;
      default:
        return;
    }
  }

  function pap(session: number, code: number, from: number): void {
    if (state[session] !== pppState.authentication || from !== identifier[session]) return;
    if (code === papCode.ack) enter(session, pppState.network);
    else if (code === papCode.nak) end(session, "authentication refused");
  }

  function chap(session: number, code: number, from: number, at: number, last: number): void {
    if (code === chapCode.challenge) {
      const length = u8[at]!;
      if (last - at < 1 + length) return;
      const method = has(session, flag.mschapv2) ? "mschapv2" : "chap";
      const challenge = u8.slice(at + 1, at + 1 + length);
      out.end(credentials.putResponse(u8, out.begin(session), method, session, from, challenge));
    } else if (state[session] === pppState.authentication) {
      if (code === chapCode.success) enter(session, pppState.network);
      else if (code === chapCode.failure) end(session, "authentication refused");
    }
  }

  function ipcp(session: number, code: number, from: number, at: number, last: number): void {
    if (state[session]! < pppState.network || state[session]! > pppState.up) return;
    if (code === controlCode.configureRequest) {
      if (!answer(session, pppProtocol.ipcp, from, at, last, judgeAddress)) return;
      set(session, flag.addressTheirs);
      advance(session);
      return;
    }
    if (from !== identifier[session] || has(session, flag.addressMine)) return;
    if (code === controlCode.configureAck) {
      if (address[session] === 0) {
        end(session, "the LNS gives no address");
        return;
      }
      set(session, flag.addressMine);
      advance(session);
      return;
    }
    if (code !== controlCode.configureNak && code !== controlCode.configureReject) return;
    for (let option = at; option + 2 <= last; option += u8[option + 1]!) {
      if (u8[option + 1]! < 2 || option + u8[option + 1]! > last) return;
      if (code === controlCode.configureReject) without(session, u8[option]!);
      else if (u8[option + 1] === 6) take(session, u8[option]!, u32(u8, option + 2));
    }
    if (state[session] === pppState.ended) return;
    if (++tries[session]! > triesAtMost) {
      end(session, "the LNS gives no address");
      return;
    }
    askForAddress(session);
  }

  function take(session: number, type: number, value: number): void {
    if (type === ipcpOption.address) address[session] = value;
    else if (type === ipcpOption.primaryDns) dns[session] = value;
    else if (type === ipcpOption.secondaryDns) secondDns[session] = value;
  }

  function without(session: number, type: number): void {
    if (type === ipcpOption.address) end(session, "the LNS gives no address");
    else if (type === ipcpOption.primaryDns) set(session, flag.noDns);
    else if (type === ipcpOption.secondaryDns) set(session, flag.noSecondDns);
  }

  function ipv6cp(session: number, code: number, from: number, at: number, last: number): void {
    if (state[session]! < pppState.network || state[session]! > pppState.up) return;
    if (code === controlCode.configureRequest) {
      if (answer(session, pppProtocol.ipv6cp, from, at, last, judgeInterface)) set(session, flag.interfaceTheirs);
    } else if (from !== identifier[session]) {
      return;
    } else if (code === controlCode.configureAck) {
      set(session, flag.interfaceMine);
    } else if (code === controlCode.configureReject) {
      refuseIpv6(session);
    }
    advance(session);
  }

  function refuseIpv6(session: number): void {
    set(session, flag.noIpv6);
    advance(session);
  }

  type Handler = (session: number, code: number, from: number, at: number, last: number) => void;
  const handlers: Readonly<Record<number, Handler>> = {
    [pppProtocol.lcp]: link,
    [pppProtocol.pap]: pap,
    [pppProtocol.chap]: chap,
    [pppProtocol.ipcp]: ipcp,
    ...(settings.ipv6 && { [pppProtocol.ipv6cp]: ipv6cp }),
  };

  function rejectProtocol(session: number, protocol: number, at: number, last: number): void {
    if (state[session]! < pppState.network) return;
    const into = out.begin(session);
    const length = Math.min(last - at, 1400);
    putU16(u8, into + controlData, protocol);
    u8.copyWithin(into + controlData + 2, at, at + length);
    out.end(putControl(u8, into, pppProtocol.lcp, controlCode.protocolReject, 1, 2 + length));
  }

  return {
    receive(session, protocol, at, end) {
      const now = state[session];
      if (now === pppState.idle || now === pppState.ended || end - at < 4) return;
      const handler = handlers[protocol];
      const length = u16(u8, at + 2);
      if (handler === undefined) rejectProtocol(session, protocol, at, end);
      else if (length >= 4 && at + length <= end) handler(session, u8[at]!, u8[at + 1]!, at + 4, at + length);
    },
    expire(now) {
      clock = now;
      for (let session = 0; session < board.sessions; session++) {
        const is = state[session]!;
        if (is < pppState.link || is > pppState.network) continue;
        if (due[session] === 0) due[session] = now + opening;
        if (due[session]! > now) continue;
        if (++tries[session]! > triesAtMost) end(session, noAnswer[is]!);
        else ask(session);
      }
    },
    changes() {
      if (changed.length === 0) return undefined;
      const list = Uint32Array.from(changed);
      changed = [];
      return list;
    },
  };
}
