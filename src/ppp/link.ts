/** One PPP link: LCP, the authentication phase, and signs of life (RFC 1661 §3). */

import { decodeText } from "../wire/octets.js";
import { parseFrame, pppProtocol } from "../wire/ppp.js";
import {
  type Authentication,
  type AuthHost,
  expireAuthentication,
  judgeAuthentication,
  startAuthentication,
  stopAuthentication,
  takeAuthentication,
} from "./authentication.js";
import type { Event } from "./automaton.js";
import { type Counters, counted } from "./counters.js";
import { lcpLayer } from "./lcp.js";
import { echoRequest, identification, protocolReject, timeRemaining } from "./lcp-packets.js";
import { freshMagic } from "./lcp-rules.js";
import { freshLcp, type Lcp, type LcpHost, longestText } from "./lcp-state.js";
import { type Packet, receive, signal, timeOut } from "./negotiation.js";
import { adoptProxy, proxyOf } from "./proxy.js";
import type {
  Judgement,
  LcpAgreement,
  Link,
  LinkEnd,
  LinkOutput,
  LinkSettings,
  LinkStatus,
  PeerCredentials,
  ProxyLcp,
  RandomBytes,
} from "./types.js";

/** All that a link remembers; plain. */
interface LinkState {
  readonly lcp: Lcp;
  readonly auth: Authentication;
  /** The network phase has begun. */
  network: boolean;
  /** `down` was said, or the lower layer is gone. */
  dead: boolean;
  /** Why we end it, once we do. */
  end: LinkEnd | undefined;
  message: string | undefined;
  /** LCP must be open, the peer authenticated by then. */
  establishBy: number | undefined;
  authenticateBy: number | undefined;
  /** Signs of life: when to look next, when anything was heard last, and how many requests had no reply. */
  echoAt: number | undefined;
  heardAt: number;
  unanswered: number;
  counters: Counters | undefined;
}

export function createLink(settings: LinkSettings, random: RandomBytes): Link {
  const magic = settings.magicNumber ? freshMagic(random) : 0;
  return new PppLink(settings, random, {
    lcp: freshLcp(settings, magic),
    auth: { peer: undefined, self: undefined, peerName: undefined, shown: undefined },
    network: false,
    dead: false,
    end: undefined,
    message: undefined,
    establishBy: undefined,
    authenticateBy: undefined,
    echoAt: undefined,
    heardAt: 0,
    unanswered: 0,
    counters: undefined,
  });
}

/** `snapshot` is from `Link.snapshot()`, perhaps of another process; the settings are the same. */
export function restoreLink(settings: LinkSettings, random: RandomBytes, snapshot: unknown): Link {
  return new PppLink(settings, random, structuredClone(snapshot) as LinkState);
}

const nothing: readonly LinkOutput[] = [];

/** A class, so that tens of thousands of links share their methods. */
class PppLink implements Link, LcpHost, AuthHost {
  readonly settings: LinkSettings;
  readonly random: RandomBytes;
  now = 0;
  readonly #state: LinkState;
  #out: LinkOutput[] | undefined;

  constructor(settings: LinkSettings, random: RandomBytes, state: LinkState) {
    this.settings = settings;
    this.random = random;
    this.#state = state;
  }

  // --- Commands ---

  open(now: number, proxy?: ProxyLcp): void {
    const state = this.#state;
    if (state.dead || state.lcp.state !== "initial") return;
    this.now = now;
    state.heardAt = now;
    state.establishBy = now + 2 * this.settings.maxConfigure * this.settings.restartTimer;
    this.lcpSignal("open");
    if (proxy && adoptProxy(state.lcp, this, proxy)) {
      state.lcp.state = "opened";
      this.#opened(proxy.credentials);
    } else if (this.settings.passive) {
      state.lcp.state = "stopped";
    } else {
      this.lcpSignal("up");
    }
    this.#settle();
  }

  close(now: number, message?: string): void {
    this.now = now;
    this.fail("closed", message);
    this.#settle();
  }

  lowerDown(): void {
    this.#state.dead = true;
    this.#out = undefined;
    stopAuthentication(this.#state.auth);
  }

  judge(judgement: Judgement, now: number): void {
    if (this.#ending()) return;
    this.now = now;
    judgeAuthentication(this.#state.auth, judgement, this);
    this.#settle();
  }

  rejectProtocol(protocol: number, information: Uint8Array, now: number): void {
    this.now = now;
    const { lcp } = this.#state;
    if (lcp.state === "opened" && !this.#ending()) this.send(protocolReject(lcp, protocol, information));
  }

  alive(now: number): void {
    this.#state.heardAt = now;
    this.#state.unanswered = 0;
  }

  tell(what: "identification" | "time-remaining", value: string | number, now: number): void {
    this.now = now;
    const { lcp } = this.#state;
    if (lcp.state !== "opened" || this.#ending()) return;
    this.send(what === "identification" ? identification(lcp, String(value)) : timeRemaining(lcp, Number(value)));
  }

  // --- Machine ---

  handle(frame: Uint8Array, now: number): void {
    const state = this.#state;
    this.now = now;
    const header = parseFrame(frame);
    if (state.dead || header === undefined) {
      this.drop(state.dead ? "after-end" : "frame");
      return;
    }
    this.alive(now);
    if (header.protocol === pppProtocol.lcp) receive(state.lcp, lcpLayer, this, frame, header.at);
    else if (state.lcp.state !== "opened") this.drop("before-open");
    else takeAuthentication(state.auth, header.protocol, frame.subarray(header.at), this);
    this.#settle();
  }

  expire(now: number): void {
    const state = this.#state;
    if (state.dead) return;
    this.now = now;
    timeOut(state.lcp, lcpLayer, this);
    expireAuthentication(state.auth, this);
    if (due(state.establishBy, now)) {
      state.establishBy = undefined;
      this.fail("no-answer", "LCP did not open in time");
    }
    if (due(state.authenticateBy, now)) {
      state.authenticateBy = undefined;
      this.fail("authentication-timeout");
    }
    if (due(state.echoAt, now)) this.#lookForLife();
    this.#settle();
  }

  deadline(): number | undefined {
    const { dead, lcp, auth, establishBy, authenticateBy, echoAt } = this.#state;
    if (dead) return undefined;
    let first = earlier(lcp.deadline, establishBy);
    first = earlier(first, authenticateBy);
    first = earlier(first, echoAt);
    first = earlier(first, auth.peer?.state.deadline);
    return earlier(first, auth.self?.state.deadline);
  }

  take(): readonly LinkOutput[] {
    const out = this.#out ?? nothing;
    this.#out = undefined;
    return out;
  }

  // --- Looking ---

  status(): LinkStatus {
    const { lcp, auth, counters } = this.#state;
    const phase = this.#phase();
    return {
      phase,
      lcp: lcp.state,
      agreement: lcp.state === "opened" ? this.#agreement() : undefined,
      peerName: auth.peerName,
      counters: { ...counters },
    };
  }

  proxy(): ProxyLcp | undefined {
    const { lcp, auth } = this.#state;
    if (lcp.state !== "opened") return undefined;
    return { initialReceived: undefined, ...proxyOf(lcp), credentials: auth.shown };
  }

  /** Outputs that were not taken are not in it. */
  snapshot(): unknown {
    return structuredClone(this.#state);
  }

  // --- What LCP needs of the link ---

  get timing(): LinkSettings {
    return this.settings;
  }

  send(bytes: Uint8Array): void {
    this.#emit({ type: "send", bytes });
  }

  drop(reason: string): void {
    this.#state.counters = counted(this.#state.counters, reason);
  }

  fail(reason: LinkEnd, message?: string): void {
    const state = this.#state;
    if (state.end !== undefined || state.dead) return;
    state.end = reason;
    state.message = message;
    state.lcp.farewell = message;
  }

  lcpSignal(event: Event, packet?: Packet): void {
    signal(this.#state.lcp, lcpLayer, this, event, packet);
  }

  lcpUp(): void {
    this.#opened(undefined);
  }

  lcpDown(): void {
    const state = this.#state;
    stopAuthentication(state.auth);
    state.network = false;
    state.echoAt = undefined;
    state.establishBy = this.now + 2 * this.settings.maxConfigure * this.settings.restartTimer;
  }

  lcpFinished(): void {
    const state = this.#state;
    if (state.dead) return;
    state.dead = true;
    stopAuthentication(state.auth);
    const reason = state.end ?? (state.message === undefined ? "no-answer" : "peer-closed");
    this.#emit({ type: "down", reason, message: state.message || undefined });
  }

  /** Whatever else we had meant to say, the peer has said it first. */
  lcpTerminated(message: Uint8Array): void {
    const state = this.#state;
    if (state.end !== undefined) return;
    if (state.lcp.state === "opened") state.end = "peer-closed";
    state.message = decodeText(message, 0, Math.min(message.length, longestText));
  }

  protocolRejected(protocol: number): void {
    const authentication = [pppProtocol.pap, pppProtocol.chap, pppProtocol.eap] as readonly number[];
    if (authentication.includes(protocol))
      this.fail("no-agreement", "the peer does not know the authentication protocol");
    else this.#emit({ type: "protocol-rejected", protocol });
  }

  told(what: "identification" | "time-remaining", text: string): void {
    this.#emit({ type: "told", what, text });
  }

  // --- What authentication needs of it ---

  authenticate(credentials: PeerCredentials): void {
    this.#emit({ type: "authenticate", credentials });
  }

  authenticated(): void {
    const state = this.#state;
    state.authenticateBy = undefined;
    if (state.network || this.#ending()) return;
    state.network = true;
    this.#emit({ type: "network", peerName: state.auth.peerName });
  }

  // --- Inside ---

  #emit(output: LinkOutput): void {
    this.#out ??= [];
    this.#out.push(output);
  }

  #ending(): boolean {
    return this.#state.dead || this.#state.end !== undefined;
  }

  /** What failed while something else was at work ends the link now. */
  #settle(): void {
    const { lcp, end, dead } = this.#state;
    if (end === undefined || dead || end === "peer-closed") return;
    if (lcp.state === "closing" || lcp.state === "stopping") return;
    this.#state.establishBy = undefined;
    this.#state.authenticateBy = undefined;
    if (lcp.state === "initial" || lcp.state === "closed" || lcp.state === "stopped") this.lcpFinished();
    else this.lcpSignal("close");
  }

  #opened(proxied: PeerCredentials | undefined): void {
    const state = this.#state;
    const agreement = this.#agreement();
    state.message = undefined;
    state.establishBy = undefined;
    state.authenticateBy ??= this.now + this.settings.authenticationTimeout;
    if (this.settings.echoInterval > 0) state.echoAt = this.now + this.settings.echoInterval;
    this.#emit({ type: "lcp-up", agreement });
    startAuthentication(state.auth, agreement, this, proxied);
  }

  #lookForLife(): void {
    const state = this.#state;
    const { echoInterval, echoFailures } = this.settings;
    const silentAt = state.heardAt + echoInterval;
    if (silentAt > this.now) {
      state.echoAt = silentAt;
      return;
    }
    if (state.unanswered >= echoFailures) {
      this.fail("echo-failure", "no reply to Echo-Requests");
      return;
    }
    state.unanswered++;
    state.echoAt = this.now + echoInterval;
    this.send(echoRequest(state.lcp));
  }

  #agreement(): LcpAgreement {
    const { local, peer } = this.#state.lcp;
    return { local: { ...local }, peer: { ...peer } };
  }

  #phase(): LinkStatus["phase"] {
    const { dead, lcp, network } = this.#state;
    if (dead) return "dead";
    if (lcp.state === "closing" || lcp.state === "stopping") return "terminate";
    if (lcp.state !== "opened") return "establish";
    return network ? "network" : "authenticate";
  }
}

const due = (deadline: number | undefined, now: number): boolean => deadline !== undefined && deadline <= now;

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;
