/** A user whom AAA wants at another LNS (RFC 2868): the call is switched there, with what we negotiated so far as a LAC would. */
import type { TunnelTarget } from "../aaa/types.js";
import { canonicalAddress, splitAddress } from "../config/address.js";
import { Secret } from "../config/secret.js";
import type { ForwardConfig, LnsConfig } from "../config/types.js";
import type { Core } from "../core.js";
import { forward } from "../forwarding.js";
import { proxyAvps } from "./proxy.js";
import type { Member } from "./records.js";
import { abandon } from "./subscriber.js";

/** As the configuration's defaults for `forward`. */
const tunnelDefaults = {
  challenge: undefined,
  hidden: false,
  helloInterval: 60_000,
  receiveWindow: 16,
  maxRetries: 5,
  retransmitTimeout: 1000,
  retransmitCap: 8000,
} as const;

const forwardDefaults: Omit<ForwardConfig, "lns"> = {
  balance: "least-sessions",
  source: undefined,
  maxSessionsPerTunnel: 65_535,
  timeout: 20_000,
  attemptTimeout: 6000,
  holdDown: 30_000,
  idleTimeout: 60_000,
  session: { sequencing: "follow", reorderTimeout: 0 },
};

export function forwardByProfile(core: Core, member: Member, targets: readonly TunnelTarget[], userName: string): void {
  const { leg } = member;
  const { setup } = leg;
  if (!setup) return;
  const lns = targets.flatMap((target) => lnsOf(core, target, userName));
  core.counts.add("calls-forwarded-by-aaa");
  core.log.info({ call: leg.call, user: userName, lns: lns.map(({ address }) => address) }, "AAA forwards a call");
  leg.names.userName = userName;
  setup.iccn = { ...setup.iccn, ...proxyAvps(member.link.proxy()) };
  abandon(core, member);
  forward(core, setup, core.pool.plan({ ...forwardDefaults, lns }));
}

/** None for what is no address: LNSs are known by address. */
function lnsOf(core: Core, target: TunnelTarget, userName: string): readonly LnsConfig[] {
  const address = canonicalAddress(target.server);
  if (address === undefined) return [];
  const secret = target.secret && new Secret(target.secret);
  const tunnel = { ...tunnelDefaults, hostName: target.clientName ?? core.config.hostName, secret };
  const source = target.client === undefined ? undefined : sourceOf(core.ports.list(), target.client, address);
  if (target.client !== undefined && source === undefined) {
    const asked = { user: userName, "Tunnel-Client-Endpoint": target.client, lns: address };
    core.log.warn(asked, "no port has the address that AAA wants a tunnel to come from: it comes from the usual one");
    core.counts.add("tunnel-client-endpoint-unknown");
  }
  return [{ address, weight: 1, priority: target.preference, tunnel, source }];
}

/** Address of the port that has `wanted` (RFC 2868 §3.3) and reaches `remote`; if there are several, the one of L2TP's port. */
export function sourceOf(
  ports: readonly { readonly address: string }[],
  wanted: string,
  remote: string,
): string | undefined {
  const exact = canonicalAddress(wanted);
  const own = exact === undefined ? undefined : splitAddress(exact);
  if (own === undefined || own.family !== splitAddress(remote)?.family) return undefined;
  const found = ports.filter(({ address }) => splitAddress(address)?.host === own.host);
  return (found.find(({ address }) => address === exact) ?? found[0])?.address;
}
