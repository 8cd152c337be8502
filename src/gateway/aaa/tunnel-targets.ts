/** Where a subscriber is to be forwarded to: the tunnel attributes of RFC 2868, grouped by their tags. */
import { canonicalAddress } from "../config/address.js";
import type { TunnelTarget } from "./types.js";

/** RFC 2868 §3.1. */
export const tunnelType = { l2tp: 3 } as const;
/** RFC 2868 §3.2. */
export const tunnelMedium = { ipv4: 1, ipv6: 2 } as const;

/** What the attributes of one tag have said. */
export interface TunnelDraft {
  type?: number;
  medium?: number;
  server?: string;
  client?: string;
  secret?: Uint8Array;
  assignmentId?: string;
  clientName?: string;
  serverName?: string;
  preference?: number;
}

/** Best first: the lowest preference (§3.8), equals in the order of the answer. What tag 0 says, it says of all. */
export function tunnelTargets(
  drafts: ReadonlyMap<number, TunnelDraft>,
  complain: (what: string) => void,
): TunnelTarget[] {
  const common = drafts.get(0);
  const tagged = [...drafts].filter(([tag]) => tag !== 0).map(([, draft]) => ({ ...common, ...draft }));
  const targets: TunnelTarget[] = [];
  for (const draft of tagged.length > 0 ? tagged : common ? [common] : []) {
    const { type = tunnelType.l2tp, server, client, secret, assignmentId, clientName, serverName } = draft;
    if (type !== tunnelType.l2tp) complain(`Tunnel-Type ${type}`);
    else if (server === undefined || canonicalAddress(server) === undefined) {
      complain(`Tunnel-Server-Endpoint ${server ?? "missing"}`);
    } else {
      const { preference = 0 } = draft;
      targets.push({ server, client, secret, assignmentId, clientName, serverName, preference });
    }
  }
  return targets.sort((a, b) => a.preference - b.preference);
}
