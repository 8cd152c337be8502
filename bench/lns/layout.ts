/** Who is where in the LNS benchmark: each contender has a port and a prefix of its own, so that all can be up and take turns. */
import { addresses } from "../harness/spaces.js";

export interface Place {
  /** Where it listens. */
  readonly local: string;
  /** The end of its tunnel. */
  readonly lac: string;
  /** First address of its subscribers, a /16. */
  readonly network: string;
}

export const place = (index: number): Place => ({
  local: `${addresses.lns}:${1710 + index}`,
  lac: `${addresses.lac}:${1810 + index}`,
  network: `100.${64 + index}`,
});

/** The address of the subscriber of that number, from 1. */
export const subscriberOf = ({ network }: Place, number: number): string => `${network}.${number >> 8}.${number & 255}`;
export const prefixOf = ({ network }: Place): string => `${network}.0.0/16`;

/** Ids of the one tunnel that the switch's own LNS has, and those of its sessions, which are the subscribers' numbers. */
export const tunnelIds = { ours: 1, peers: 2 } as const;
