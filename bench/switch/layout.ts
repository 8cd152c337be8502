/** Addresses and ids of the switch benchmark; `c/common.h` has the same ids. */
export const west = "198.18.0.1:1701";
export const east = "198.18.0.2:1701";

/** Each forwarder has an address of its own, so that all of them can be up and take turns. */
export const forwarderAddress = (index: number): string => `198.18.1.${index + 1}`;

export const tunnelIds = { west: 1, westPeer: 3, east: 2, eastPeer: 4 } as const;

/** The session id on the far side of the bridge. */
export const onwardSession = (session: number): number => 65536 - session;
