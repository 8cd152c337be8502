/** One end of a PPP link in simulation: the two machines, and a driver that judges and routes as a gateway would. */

import {
  createLink,
  createNetwork,
  isLinkProtocol,
  type Judgement,
  type Link,
  type LinkOutput,
  type LinkSettings,
  type Network,
  type NetworkAddresses,
  type NetworkOutput,
  type NetworkSettings,
  type PeerCredentials,
  type ProxyLcp,
  parseFrame,
  type RandomBytes,
  restoreLink,
  restoreNetwork,
} from "../../src/ppp/index.js";
import { seededNumbers } from "../../src/random.js";

export const randomBytes = (seed: number): RandomBytes => {
  const number = seededNumbers(seed);
  return (length) => Uint8Array.from({ length }, () => Math.floor(number() * 256));
};

export const settingsOf = (some: Partial<LinkSettings> = {}): LinkSettings => ({
  mru: 1460,
  magicNumber: true,
  protocolFieldCompression: true,
  addressAndControlFieldCompression: true,
  authenticate: [],
  name: "junctor",
  passive: false,
  echoInterval: 0,
  echoFailures: 3,
  restartTimer: 3000,
  maxConfigure: 10,
  maxTerminate: 2,
  maxFailure: 5,
  authenticationTimeout: 30_000,
  rechallengeInterval: 0,
  ...some,
});

export const networkSettingsOf = (some: Partial<NetworkSettings> = {}): NetworkSettings => ({
  restartTimer: 3000,
  maxConfigure: 10,
  maxTerminate: 2,
  maxFailure: 5,
  mpls: false,
  client: false,
  ...some,
});

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface EndOptions {
  readonly seed: number;
  readonly link?: Partial<LinkSettings>;
  readonly network?: Partial<NetworkSettings>;
  readonly addresses?: NetworkAddresses;
  readonly judge?: (credentials: PeerCredentials) => Judgement;
  readonly proxy?: ProxyLcp;
}

export type Event = Exclude<LinkOutput | NetworkOutput, { type: "send" }>;

export interface End {
  link: Link;
  network: Network | undefined;
  readonly options: EndOptions;
  readonly events: Event[];
  readonly sent: Uint8Array[];
  /** Replaces both machines by what their snapshots say. */
  restore(): void;
  open(now: number): void;
  close(now: number): void;
  receive(frame: Uint8Array, now: number): void;
  expire(now: number): void;
  deadline(): number | undefined;
  /** Frames that this end has to say, after whatever it was told. */
  collect(now: number): readonly Uint8Array[];
}

export function createEnd(options: EndOptions): End {
  const settings = settingsOf(options.link);
  const networkSettings = networkSettingsOf(options.network);
  const addresses = options.addresses ?? {};
  const random = randomBytes(options.seed);

  const onLink = (output: Exclude<LinkOutput, { type: "send" }>, now: number): void => {
    end.events.push(output);
    if (output.type === "authenticate")
      end.link.judge(options.judge?.(output.credentials) ?? { verdict: "reject" }, now);
    if (output.type === "network") {
      end.network ??= createNetwork(networkSettings, addresses, random);
      end.network.open(now);
    }
    if (output.type === "protocol-rejected") end.network?.protocolRejected(output.protocol, now);
    if (output.type === "down") end.network = undefined;
  };

  const onNetwork = (output: Exclude<NetworkOutput, { type: "send" }>, now: number): void => {
    end.events.push(output);
    if (output.type === "unknown-protocol") end.link.rejectProtocol(output.protocol, output.information, now);
    if (output.type === "finished") end.link.close(now, output.reason);
  };

  const end: End = {
    link: createLink(settings, random),
    network: undefined,
    options,
    events: [],
    sent: [],
    restore() {
      end.link = restoreLink(settings, random, end.link.snapshot());
      end.network &&= restoreNetwork(networkSettings, addresses, random, end.network.snapshot());
    },
    open: (now) => end.link.open(now, options.proxy),
    close: (now) => end.link.close(now, "bye"),
    receive(frame, now) {
      const header = parseFrame(frame);
      if (header === undefined || isLinkProtocol(header.protocol)) end.link.handle(frame, now);
      else end.network?.handle(frame, now);
    },
    expire(now) {
      end.link.expire(now);
      end.network?.expire(now);
    },
    deadline() {
      const all = [end.link.deadline(), end.network?.deadline()].filter((each) => each !== undefined);
      return all.length > 0 ? Math.min(...all) : undefined;
    },
    collect(now) {
      const frames: Uint8Array[] = [];
      for (;;) {
        const ofLink = end.link.take();
        const ofNetwork = end.network?.take() ?? [];
        if (ofLink.length + ofNetwork.length === 0) break;
        for (const output of ofLink) {
          if (output.type === "send") frames.push(output.bytes);
          else onLink(output, now);
        }
        for (const output of ofNetwork) {
          if (output.type === "send") frames.push(output.bytes);
          else onNetwork(output, now);
        }
      }
      end.sent.push(...frames);
      return frames;
    },
  };
  return end;
}
