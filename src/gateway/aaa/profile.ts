import type { Profile } from "./types.js";

/** Lists in it are shared: they are replaced, not added to. */
export type MutableProfile = { -readonly [K in keyof Profile]: Profile[K] };

const none: readonly never[] = [];

/** What a subscriber is entitled to of whom nothing is said: all is the policy's to decide. */
export const newProfile = (): MutableProfile => ({
  userName: undefined,
  address: undefined,
  pool: undefined,
  routes: none,
  ipv6Prefix: undefined,
  ipv6Pool: undefined,
  delegatedPrefix: undefined,
  delegatedPool: undefined,
  ipv6Routes: none,
  interfaceId: undefined,
  dns: none,
  ipv6Dns: none,
  nbns: none,
  mtu: undefined,
  sessionTimeout: undefined,
  idleTimeout: undefined,
  interimInterval: undefined,
  rates: undefined,
  filters: none,
  class: none,
  tunnels: none,
  portLimit: undefined,
});
