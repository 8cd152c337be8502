/** What the network control protocols have in common as layers of a network. */
import { defaultMru } from "../wire/lcp.js";
import type { Host, Layer, Negotiation } from "./negotiation.js";
import type { NetworkAddresses, NetworkOutput, NetworkProtocol, NetworkSettings } from "./types.js";

export interface NcpHost extends Host {
  readonly settings: NetworkSettings;
  readonly addresses: NetworkAddresses;
  emit(output: NetworkOutput): void;
  /** It cannot be agreed on; it is closed once the packet at hand is done with. */
  ncpFailed(protocol: NetworkProtocol): void;
}

export type NcpLayer<S extends Negotiation> = Layer<S, NcpHost>;

/** The part of a layer that is the same for all. */
export const ncpEvents = <S extends Negotiation>(
  carries: NetworkProtocol,
): Pick<NcpLayer<S>, "down" | "finished" | "diverged" | "room"> => ({
  down: (_state, host) => host.emit({ type: "network-down", protocol: carries }),
  /** The network looks at all of them after each step. */
  finished: () => {},
  diverged: (_state, host) => host.ncpFailed(carries),
  room: () => defaultMru,
});
