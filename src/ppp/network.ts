/** The network phase of a unit (RFC 1661 §3.6): its network control protocols, over one link or a bundle. */

import { copyOf } from "../wire/octets.js";
import { parseFrame, pppProtocol } from "../wire/ppp.js";
import { type Counters, counted } from "./counters.js";
import { freshIpcp, type Ipcp, ipcpLayer } from "./ipcp.js";
import { freshIpv6cp, type Ipv6cp, ipv6cpLayer } from "./ipv6cp.js";
import { mplscpLayer } from "./mplscp.js";
import type { NcpHost, NcpLayer } from "./ncp.js";
import { freshNegotiation, type Negotiation, receive, signal, timeOut } from "./negotiation.js";
import type {
  LcpState,
  Network,
  NetworkAddresses,
  NetworkOutput,
  NetworkProtocol,
  NetworkSettings,
  NetworkStatus,
  RandomBytes,
} from "./types.js";

/** Plain; undefined: that protocol is not configured. */
interface NetworkState {
  readonly ipv4: Ipcp | undefined;
  readonly ipv6: Ipv6cp | undefined;
  readonly mpls: Negotiation | undefined;
  finished: boolean;
  /** Protocols to be closed, which cannot be agreed on. */
  failed: NetworkProtocol[] | undefined;
  counters: Counters | undefined;
}

const layers: { readonly [P in NetworkProtocol]: NcpLayer<NonNullable<NetworkState[P]>> } = {
  ipv4: ipcpLayer,
  ipv6: ipv6cpLayer,
  mpls: mplscpLayer,
};

const all: readonly NetworkProtocol[] = ["ipv4", "ipv6", "mpls"];

const byControl: ReadonlyMap<number, NetworkProtocol> = new Map(all.map((each) => [layers[each].protocol, each]));

/** Packets that may come before, or after, their protocol is open: they are discarded. */
const byData: ReadonlyMap<number, NetworkProtocol> = new Map([
  [pppProtocol.ipv4, "ipv4"],
  [pppProtocol.ipv6, "ipv6"],
  [pppProtocol.mplsUnicast, "mpls"],
  [pppProtocol.mplsMulticast, "mpls"],
]);

export function createNetwork(settings: NetworkSettings, addresses: NetworkAddresses, random: RandomBytes): Network {
  return new PppNetwork(settings, addresses, random, {
    ipv4: addresses.ipv4 && freshIpcp(addresses.ipv4, settings),
    ipv6: addresses.ipv6 && freshIpv6cp(addresses.ipv6),
    mpls: settings.mpls ? freshNegotiation() : undefined,
    finished: false,
    failed: undefined,
    counters: undefined,
  });
}

/** `snapshot` is from `Network.snapshot()`; settings and addresses are the same. */
export function restoreNetwork(
  settings: NetworkSettings,
  addresses: NetworkAddresses,
  random: RandomBytes,
  snapshot: unknown,
): Network {
  return new PppNetwork(settings, addresses, random, structuredClone(snapshot) as NetworkState);
}

const nothing: readonly NetworkOutput[] = [];
const over: ReadonlySet<LcpState> = new Set(["initial", "starting", "closed", "stopped"]);

/** A class, so that tens of thousands of networks share their methods. */
class PppNetwork implements Network, NcpHost {
  readonly settings: NetworkSettings;
  readonly addresses: NetworkAddresses;
  readonly random: RandomBytes;
  now = 0;
  readonly #state: NetworkState;
  #out: NetworkOutput[] | undefined;

  constructor(settings: NetworkSettings, addresses: NetworkAddresses, random: RandomBytes, state: NetworkState) {
    this.settings = settings;
    this.addresses = addresses;
    this.random = random;
    this.#state = state;
  }

  /** Once more, after the link has negotiated anew: everything is negotiated from the beginning. */
  open(now: number): void {
    this.now = now;
    this.#state.finished = false;
    for (const protocol of all) {
      this.#signal(protocol, "down");
      this.#signal(protocol, "open");
      this.#signal(protocol, "up");
    }
    this.#settle("no network protocol is configured");
  }

  close(now: number): void {
    this.now = now;
    for (const protocol of all) this.#signal(protocol, "close");
    this.#settle("closed");
  }

  handle(frame: Uint8Array, now: number): void {
    this.now = now;
    const header = parseFrame(frame);
    if (header === undefined) {
      this.drop("frame");
      return;
    }
    const control = byControl.get(header.protocol);
    if (control !== undefined && this.#state[control] !== undefined) {
      this.#receive(control, frame, header.at);
      this.#settle("no network protocol is left");
      return;
    }
    const data = byData.get(header.protocol);
    if (data !== undefined && this.#state[data] !== undefined) {
      this.drop("data-not-open");
      return;
    }
    const information = copyOf(frame, header.at, frame.length);
    this.emit({ type: "unknown-protocol", protocol: header.protocol, information });
  }

  expire(now: number): void {
    this.now = now;
    const { ipv4, ipv6, mpls } = this.#state;
    if (ipv4) timeOut(ipv4, ipcpLayer, this);
    if (ipv6) timeOut(ipv6, ipv6cpLayer, this);
    if (mpls) timeOut(mpls, mplscpLayer, this);
    this.#settle("no network protocol was agreed on");
  }

  deadline(): number | undefined {
    let first: number | undefined;
    for (const protocol of all) {
      const deadline = this.#state[protocol]?.deadline;
      if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
    }
    return first;
  }

  take(): readonly NetworkOutput[] {
    const out = this.#out ?? nothing;
    this.#out = undefined;
    return out;
  }

  protocolRejected(protocol: number, now: number): void {
    this.now = now;
    const rejected = byControl.get(protocol) ?? byData.get(protocol);
    if (rejected !== undefined) this.#signal(rejected, "rxj-");
    this.#settle("the peer knows no network protocol of ours");
  }

  status(): NetworkStatus {
    const states = all.flatMap((each) => {
      const state = this.#state[each];
      return state ? [[each, state.state] as const] : [];
    });
    return { protocols: Object.fromEntries(states), counters: { ...this.#state.counters } };
  }

  /** Outputs that were not taken are not in it. */
  snapshot(): unknown {
    return structuredClone(this.#state);
  }

  // --- What the control protocols need ---

  get timing(): NetworkSettings {
    return this.settings;
  }

  send(bytes: Uint8Array): void {
    this.emit({ type: "send", bytes });
  }

  drop(reason: string): void {
    this.#state.counters = counted(this.#state.counters, reason);
  }

  emit(output: NetworkOutput): void {
    this.#out ??= [];
    this.#out.push(output);
  }

  ncpFailed(protocol: NetworkProtocol): void {
    this.#state.failed ??= [];
    this.#state.failed.push(protocol);
  }

  // --- Inside ---

  #signal(protocol: NetworkProtocol, event: "up" | "down" | "open" | "close" | "rxj-"): void {
    const { ipv4, ipv6, mpls } = this.#state;
    if (protocol === "ipv4" && ipv4) signal(ipv4, ipcpLayer, this, event);
    if (protocol === "ipv6" && ipv6) signal(ipv6, ipv6cpLayer, this, event);
    if (protocol === "mpls" && mpls) signal(mpls, mplscpLayer, this, event);
  }

  #receive(protocol: NetworkProtocol, frame: Uint8Array, at: number): void {
    const { ipv4, ipv6, mpls } = this.#state;
    if (protocol === "ipv4" && ipv4) receive(ipv4, ipcpLayer, this, frame, at);
    if (protocol === "ipv6" && ipv6) receive(ipv6, ipv6cpLayer, this, frame, at);
    if (protocol === "mpls" && mpls) receive(mpls, mplscpLayer, this, frame, at);
  }

  #settle(reason: string): void {
    const failed = this.#state.failed;
    this.#state.failed = undefined;
    for (const protocol of failed ?? []) this.#signal(protocol, "close");
    if (this.#state.finished || all.some((each) => !over.has(this.#state[each]?.state ?? "closed"))) return;
    this.#state.finished = true;
    this.emit({ type: "finished", reason });
  }
}
