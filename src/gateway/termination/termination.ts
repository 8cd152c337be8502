/** What the parts of termination share. */
import type { Aaa } from "../aaa/types.js";
import type { Pools } from "../addresses/types.js";
import type { Config, Rule } from "../config/types.js";
import { createDeadlines, type Deadlines } from "../deadlines.js";
import { createDirectory, type Directory } from "./directory.js";
import { terminationPlans } from "./plan.js";
import type { Member, Plan, Subscriber } from "./records.js";

/** The TUN port behind all subscribers. */
export interface Device {
  readonly port: number;
  readonly device: number;
  /** There is no interface of the host behind it. */
  readonly virtual: boolean;
  /** Our addresses on it. */
  readonly ipv4: string;
  readonly ipv6: string | undefined;
  /** Prefixes that the host routes to it as a whole. */
  readonly prefixes: Set<string>;
}

export interface Termination {
  plans: ReadonlyMap<Rule, Plan>;
  /** There as soon as some rule terminates. */
  aaa: Aaa | undefined;
  device: Device | undefined;
  /** Names of interfaces that are one subscriber's. */
  readonly ownDevices: Set<string>;
  readonly pools: Pools;
  /** Addresses and prefixes in use that are in no pool. */
  readonly unpooled: Set<string>;
  readonly directory: Directory;
  /** Links and subscribers whose time has come. */
  readonly members: Deadlines<Member>;
  readonly subscribers: Deadlines<Subscriber>;
  /** Acct-Session-Id: when this gateway began, and a count. */
  nextSessionId(): string;
  /** Does what a link wants; set when the gateway is put together, since links and subscribers need each other. */
  settle(member: Member): void;
}

export function createTermination(
  config: Config,
  pools: Pools,
  now: number,
  settle: Termination["settle"],
): Termination {
  const epoch = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0");
  let count = 0;
  return {
    plans: terminationPlans(config),
    aaa: undefined,
    device: undefined,
    ownDevices: new Set(),
    pools,
    unpooled: new Set(),
    directory: createDirectory(),
    members: createDeadlines(),
    subscribers: createDeadlines(),
    settle,
    nextSessionId: () => `${epoch}${(++count).toString(16).padStart(8, "0")}`,
  };
}
