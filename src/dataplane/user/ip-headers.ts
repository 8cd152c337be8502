/**
 * Headers that the data path looks into, as byte offsets from their start.
 *
 * IPv4 (RFC 791 §3.1)                                              IPv6 (RFC 8200 §3)
 *  |Version|  IHL  |Type of Service|          Total Length         |  |Version| Traffic Class |           Flow Label                  |
 *  |         Identification        |Flags|      Fragment Offset    |  |         Payload Length        |  Next Header  |   Hop Limit   |
 *  |  Time to Live |    Protocol   |         Header Checksum       |  |                         Source Address                        |
 *  |                       Source Address                          |  |                           (16 bytes)                          |
 *  |                    Destination Address                        |  |                      Destination Address                      |
 *  |                    Options                    |    Padding    |  |                           (16 bytes)                          |
 */
export const ipv4 = {
  versionAndLength: 0,
  typeOfService: 1,
  totalLength: 2,
  identification: 4,
  fragment: 6,
  timeToLive: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
  size: 20,
} as const;
export const fragmentBit = { dont: 0x4000, more: 0x2000, offset: 0x1fff } as const;

export const ipv6 = {
  versionClassFlow: 0,
  payloadLength: 4,
  nextHeader: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
  size: 40,
} as const;

/**
 * TCP (RFC 9293 §3.1)                                              UDP (RFC 768)
 *  |          Source Port          |       Destination Port        |  |          Source Port          |       Destination Port        |
 *  |                        Sequence Number                        |  |            Length             |           Checksum            |
 *  |                    Acknowledgment Number                      |
 *  | Data  |       |C|E|U|A|P|R|S|F|                               |
 *  | Offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
 *  |           Checksum            |         Urgent Pointer        |
 *  |                           [Options]                           |
 */
export const tcp = {
  ports: 0,
  sequence: 4,
  acknowledgment: 8,
  offset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
  size: 20,
} as const;
export const tcpFlag = { fin: 0x01, syn: 0x02, psh: 0x08, ack: 0x10, cwr: 0x80 } as const;
export const udp = { ports: 0, length: 4, checksum: 6, size: 8 } as const;

export const protocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** PPP protocol numbers (RFC 1661 §2, RFC 1332, RFC 5072, RFC 1990) and its address and control bytes (RFC 1662 §3.1). */
export const ppp = { ipv4: 0x0021, ipv6: 0x0057, multilink: 0x003d, addressAndControl: 0xff03 } as const;
