/**
 * Ethernet II header (IEEE 802.3 §3.1.1).
 *
 * ```
 *  |                     Destination (6 bytes)                     |
 *  |                       Source (6 bytes)                        |
 *  |           Type                |
 * ```
 */
export const ethernet = { destination: 0, source: 6, type: 12, size: 14 } as const;

/** Numbers of IEEE 802's registry of EtherTypes. */
export const ethernetType = { ipv4: 0x0800, vlan: 0x8100, ipv6: 0x86dd, mpls: 0x8847, ppp: 0x880b } as const;
