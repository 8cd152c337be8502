/**
 * The dictionary of RADIUS: names, numbers and data types as the RFCs and vendors have them, for what a network access
 * server sends, obeys or is likely to be sent. What is not here is still carried, by its numbers.
 */

/** Data types (RFC 2865 §5, RFC 2868 §3, RFC 3162 §2, RFC 8044); `radius-values.ts` has what each is in memory. */
export type Kind =
  | "text"
  | "octets"
  | "integer"
  | "ipv4"
  | "ipv6"
  | "ipv6-prefix"
  | "interface-id"
  | "time"
  | "tagged-text"
  | "tagged-integer"
  | "tagged-octets"
  | "concat";

export interface Definition<K extends Kind = Kind> {
  readonly vendor: number;
  readonly type: number;
  readonly kind: K;
  /** Whether the value is a credential or a key, and so not for logs. */
  readonly secret: boolean;
}

export const vendor = {
  ietf: 0,
  cisco: 9,
  microsoft: 311,
  adslForum: 3561,
  wispr: 14122,
  mikrotik: 14988,
} as const;

const of =
  (number: number) =>
  <const K extends Kind>(type: number, kind: K, secret: "secret" | "shown" = "shown"): Definition<K> => ({
    vendor: number,
    type,
    kind,
    secret: secret === "secret",
  });

const ietf = of(vendor.ietf);
const microsoft = of(vendor.microsoft);
const adslForum = of(vendor.adslForum);
const wispr = of(vendor.wispr);
const mikrotik = of(vendor.mikrotik);

export const radiusAttributes = {
  // RFC 2865
  "User-Name": ietf(1, "text"),
  "User-Password": ietf(2, "octets", "secret"),
  "CHAP-Password": ietf(3, "octets", "secret"),
  "NAS-IP-Address": ietf(4, "ipv4"),
  "NAS-Port": ietf(5, "integer"),
  "Service-Type": ietf(6, "integer"),
  "Framed-Protocol": ietf(7, "integer"),
  "Framed-IP-Address": ietf(8, "ipv4"),
  "Framed-IP-Netmask": ietf(9, "ipv4"),
  "Framed-Routing": ietf(10, "integer"),
  "Filter-Id": ietf(11, "text"),
  "Framed-MTU": ietf(12, "integer"),
  "Framed-Compression": ietf(13, "integer"),
  "Login-IP-Host": ietf(14, "ipv4"),
  "Login-Service": ietf(15, "integer"),
  "Login-TCP-Port": ietf(16, "integer"),
  "Reply-Message": ietf(18, "text"),
  "Callback-Number": ietf(19, "text"),
  "Callback-Id": ietf(20, "text"),
  "Framed-Route": ietf(22, "text"),
  State: ietf(24, "octets"),
  Class: ietf(25, "octets"),
  "Vendor-Specific": ietf(26, "octets"),
  "Session-Timeout": ietf(27, "integer"),
  "Idle-Timeout": ietf(28, "integer"),
  "Termination-Action": ietf(29, "integer"),
  "Called-Station-Id": ietf(30, "text"),
  "Calling-Station-Id": ietf(31, "text"),
  "NAS-Identifier": ietf(32, "text"),
  "Proxy-State": ietf(33, "octets"),
  "CHAP-Challenge": ietf(60, "octets"),
  "NAS-Port-Type": ietf(61, "integer"),
  "Port-Limit": ietf(62, "integer"),

  // RFC 2866
  "Acct-Status-Type": ietf(40, "integer"),
  "Acct-Delay-Time": ietf(41, "integer"),
  "Acct-Input-Octets": ietf(42, "integer"),
  "Acct-Output-Octets": ietf(43, "integer"),
  "Acct-Session-Id": ietf(44, "text"),
  "Acct-Authentic": ietf(45, "integer"),
  "Acct-Session-Time": ietf(46, "integer"),
  "Acct-Input-Packets": ietf(47, "integer"),
  "Acct-Output-Packets": ietf(48, "integer"),
  "Acct-Terminate-Cause": ietf(49, "integer"),
  "Acct-Multi-Session-Id": ietf(50, "text"),
  "Acct-Link-Count": ietf(51, "integer"),

  // RFC 2867, RFC 2868
  "Tunnel-Type": ietf(64, "tagged-integer"),
  "Tunnel-Medium-Type": ietf(65, "tagged-integer"),
  "Tunnel-Client-Endpoint": ietf(66, "tagged-text"),
  "Tunnel-Server-Endpoint": ietf(67, "tagged-text"),
  "Acct-Tunnel-Connection": ietf(68, "text"),
  "Tunnel-Password": ietf(69, "tagged-octets", "secret"),
  "Tunnel-Private-Group-ID": ietf(81, "tagged-text"),
  "Tunnel-Assignment-ID": ietf(82, "tagged-text"),
  "Tunnel-Preference": ietf(83, "tagged-integer"),
  "Acct-Tunnel-Packets-Lost": ietf(86, "integer"),
  "Tunnel-Client-Auth-ID": ietf(90, "tagged-text"),
  "Tunnel-Server-Auth-ID": ietf(91, "tagged-text"),

  // RFC 2869, RFC 3579
  "Acct-Input-Gigawords": ietf(52, "integer"),
  "Acct-Output-Gigawords": ietf(53, "integer"),
  "Event-Timestamp": ietf(55, "time"),
  "Password-Retry": ietf(75, "integer"),
  Prompt: ietf(76, "integer"),
  "Connect-Info": ietf(77, "text"),
  "Configuration-Token": ietf(78, "text"),
  "EAP-Message": ietf(79, "concat"),
  "Message-Authenticator": ietf(80, "octets"),
  "Acct-Interim-Interval": ietf(85, "integer"),
  "NAS-Port-Id": ietf(87, "text"),
  "Framed-Pool": ietf(88, "text"),

  // RFC 4372
  "Chargeable-User-Identity": ietf(89, "octets"),

  // RFC 3162, RFC 4818, RFC 6911
  "NAS-IPv6-Address": ietf(95, "ipv6"),
  "Framed-Interface-Id": ietf(96, "interface-id"),
  "Framed-IPv6-Prefix": ietf(97, "ipv6-prefix"),
  "Login-IPv6-Host": ietf(98, "ipv6"),
  "Framed-IPv6-Route": ietf(99, "text"),
  "Framed-IPv6-Pool": ietf(100, "text"),
  "Delegated-IPv6-Prefix": ietf(123, "ipv6-prefix"),
  "Framed-IPv6-Address": ietf(168, "ipv6"),
  "DNS-Server-IPv6-Address": ietf(169, "ipv6"),
  "Route-IPv6-Information": ietf(170, "ipv6-prefix"),
  "Delegated-IPv6-Prefix-Pool": ietf(171, "text"),
  "Stateful-IPv6-Address-Pool": ietf(172, "text"),

  // RFC 5176
  "Error-Cause": ietf(101, "integer"),

  // RFC 2548
  "MS-CHAP-Response": microsoft(1, "octets", "secret"),
  "MS-CHAP-Error": microsoft(2, "octets"),
  "MS-MPPE-Encryption-Policy": microsoft(7, "integer"),
  "MS-MPPE-Encryption-Types": microsoft(8, "integer"),
  "MS-CHAP-Domain": microsoft(10, "octets"),
  "MS-CHAP-Challenge": microsoft(11, "octets"),
  "MS-CHAP-MPPE-Keys": microsoft(12, "octets", "secret"),
  "MS-MPPE-Send-Key": microsoft(16, "octets", "secret"),
  "MS-MPPE-Recv-Key": microsoft(17, "octets", "secret"),
  "MS-RAS-Version": microsoft(18, "text"),
  "MS-CHAP2-Response": microsoft(25, "octets", "secret"),
  "MS-CHAP2-Success": microsoft(26, "octets"),
  "MS-Primary-DNS-Server": microsoft(28, "ipv4"),
  "MS-Secondary-DNS-Server": microsoft(29, "ipv4"),
  "MS-Primary-NBNS-Server": microsoft(30, "ipv4"),
  "MS-Secondary-NBNS-Server": microsoft(31, "ipv4"),

  // RFC 4679
  "ADSL-Agent-Circuit-Id": adslForum(1, "octets"),
  "ADSL-Agent-Remote-Id": adslForum(2, "octets"),
  "Actual-Data-Rate-Upstream": adslForum(129, "integer"),
  "Actual-Data-Rate-Downstream": adslForum(130, "integer"),
  "Access-Loop-Encapsulation": adslForum(144, "octets"),

  // Vendors
  "WISPr-Bandwidth-Min-Up": wispr(5, "integer"),
  "WISPr-Bandwidth-Min-Down": wispr(6, "integer"),
  "WISPr-Bandwidth-Max-Up": wispr(7, "integer"),
  "WISPr-Bandwidth-Max-Down": wispr(8, "integer"),
  "Mikrotik-Recv-Limit": mikrotik(1, "integer"),
  "Mikrotik-Xmit-Limit": mikrotik(2, "integer"),
  "Mikrotik-Group": mikrotik(3, "text"),
  "Mikrotik-Rate-Limit": mikrotik(8, "text"),
  "Mikrotik-Recv-Limit-Gigawords": mikrotik(14, "integer"),
  "Mikrotik-Xmit-Limit-Gigawords": mikrotik(15, "integer"),
  "Mikrotik-Address-List": mikrotik(19, "text"),
  "Mikrotik-Delegated-IPv6-Pool": mikrotik(22, "text"),
  "Cisco-AVPair": of(vendor.cisco)(1, "text"),
} as const satisfies Record<string, Definition>;

export type AttributeName = keyof typeof radiusAttributes;
export type KindOf<N extends AttributeName> = (typeof radiusAttributes)[N]["kind"];

const key = (number: number, type: number): number => number * 256 + type;
const names = new Map(
  Object.entries(radiusAttributes).map(([name, { vendor: number, type }]) => [
    key(number, type),
    name as AttributeName,
  ]),
);

/** Undefined: not in the dictionary. */
export const attributeName = (attribute: {
  readonly vendor: number;
  readonly type: number;
}): AttributeName | undefined => names.get(key(attribute.vendor, attribute.type));
