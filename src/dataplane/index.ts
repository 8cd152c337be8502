/** The data plane: one contract, and the engines behind it. */
import type { Dataplane } from "./contract.js";
import { hostPrograms } from "./linux/host-programs.js";
import { openUserEngine, type UserEngineOptions } from "./user/engine.js";

export * from "./attributes.js";
export type * from "./contract.js";
export { createVirtualClock, type VirtualClock } from "./user/virtual/clock.js";
export {
  createVirtualNetwork,
  type LinkConditions,
  type VirtualDatagram,
  type VirtualEnd,
  type VirtualNetwork,
  type VirtualNetworkOptions,
} from "./user/virtual/network.js";

export interface DataplaneOptions extends UserEngineOptions {
  /** `user`: this process moves the frames. */
  readonly engine?: "user";
}

/** Opens a data plane; close it, or its workers keep the process alive. @throws JunctorError */
export const openDataplane = ({ engine: _, ...options }: DataplaneOptions = {}): Promise<Dataplane> =>
  openUserEngine({ host: hostPrograms, ...options });
