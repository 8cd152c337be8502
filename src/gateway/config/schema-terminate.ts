/** Keys of what ends here: the TUN device, address pools, rate profiles, and the policy action `terminate`. */
import { z } from "zod";
import { addressRange, bitRate, duration, ipAddress, oneOrMore } from "./schema-values.js";

export const tun = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\s/:]{1,15}$/, "expected an interface name of 1 to 15 characters")
      .prefault("junctor0")
      .describe("Name of the network interface"),
    address: oneOrMore(ipAddress)
      .optional()
      .describe("Addresses of this host on it, one of each family: what subscribers see as their router"),
    mtu: z
      .int()
      .min(1280)
      .max(65_535)
      .prefault(1500)
      .describe("Largest packet that the host routes to it")
      .meta({ unit: "bytes" }),
    segmentation: z
      .boolean()
      .prefault(true)
      .describe("Exchange super-packets with the host (TCP and UDP segmentation offload)"),
    virtual: z
      .boolean()
      .prefault(false)
      .describe(
        "No interface: subscribers reach the addresses above, which answer pings, and nothing else. Needs no privilege",
      ),
  })
  .prefault({})
  .describe("The network interface behind all subscribers that end here; opened when some rule terminates");

const pool = z
  .strictObject({
    ranges: z.array(addressRange).min(1).describe("Prefixes and ranges, IPv4 and IPv6"),
    exclude: z.array(addressRange).prefault([]).describe("Prefixes and ranges in them that are never given out"),
    "prefix-length": z.int().min(48).max(64).prefault(64).describe("Length of the IPv6 prefix on a subscriber's link"),
    "delegated-length": z
      .int()
      .min(40)
      .max(64)
      .prefault(56)
      .describe("Length of the IPv6 prefix that is delegated to a subscriber by DHCPv6"),
    quarantine: duration
      .prefault("0s")
      .describe("How long an address that was released is given to nobody but its last user")
      .meta({ unit: "seconds" }),
    sticky: z.boolean().prefault(true).describe("Give a user the address that it had last, if it is free"),
  })
  .describe("An address pool");

export const pools = z
  .record(
    z.string().regex(/^[\w.-]{1,63}$/, "expected a name of letters, digits, dot, dash and underscore"),
    z.union([z.array(addressRange).min(1), pool]),
  )
  .prefault({})
  .describe("Address pools by name: a list of prefixes and ranges, or a mapping");

const rateKeys = {
  up: bitRate.optional().describe("What a subscriber may send").meta({ unit: "bits/s" }),
  down: bitRate.optional().describe("What a subscriber may receive").meta({ unit: "bits/s" }),
  "up-burst": z
    .int()
    .min(1500)
    .max(1e9)
    .optional()
    .describe("Bytes that it may send without pause; by default by the rate")
    .meta({ unit: "bytes" }),
  "down-burst": z
    .int()
    .min(1500)
    .max(1e9)
    .optional()
    .describe("Bytes that it may receive without pause; by default by the rate")
    .meta({ unit: "bytes" }),
};

const profile = z.strictObject(rateKeys).describe("A profile: the rates that its name stands for");

export const profiles = z
  .record(z.string().min(1).max(253), profile)
  .prefault({})
  .describe("Rates by name, for the RADIUS attribute Filter-Id and for rules");

export const authProtocols = ["pap", "chap", "mschap", "mschapv2", "eap"] as const;

export const terminate = z
  .strictObject({
    pool: oneOrMore(z.string().min(1))
      .optional()
      .describe("Pools for IPv4 addresses, in the order in which they are tried, where AAA names none"),
    "ipv6-pool": oneOrMore(z.string().min(1))
      .optional()
      .describe("Pools for the IPv6 prefix of the link; by default those of pool that have IPv6"),
    "delegated-pool": oneOrMore(z.string().min(1))
      .optional()
      .describe("Pools for delegated IPv6 prefixes; by default those of pool that have IPv6"),
    dns: z.array(ipAddress).prefault([]).describe("DNS servers, IPv4 and IPv6"),
    nbns: z.array(ipAddress).prefault([]).describe("NetBIOS name servers (RFC 1877)"),
    authentication: z
      .array(z.enum(authProtocols))
      .prefault(["chap", "pap"])
      .describe("How subscribers must authenticate, best first; an empty list: they need not"),
    name: z.string().min(1).max(255).optional().describe("Our name in challenges; by default the global host-name"),
    "proxy-lcp": z
      .enum(["accept", "renegotiate"])
      .prefault("renegotiate")
      .describe("What a LAC has negotiated and asked of the subscriber: use it where it suits, or begin anew"),
    realm: z
      .enum(["keep", "strip"])
      .prefault("keep")
      .describe("Whether what follows the last @ of the user name belongs to it for authentication and accounting"),
    "duplicate-login": z
      .enum(["allow", "reject", "replace"])
      .prefault("allow")
      .describe("When the user has a session already: allow another, refuse it, or end the old one"),
    "max-sessions-per-user": z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe("Sessions that a user may have; by default any number")
      .meta({ unit: "sessions" }),
    "session-timeout": duration
      .prefault("0s")
      .describe("How long a session may last where AAA says nothing; 0: for ever")
      .meta({ unit: "seconds" }),
    "idle-timeout": duration
      .prefault("0s")
      .describe("How long a session may be without traffic where AAA says nothing; 0: for ever")
      .meta({ unit: "seconds" }),
    "authentication-timeout": duration
      .prefault("30s")
      .describe("Time in which a subscriber must have authenticated")
      .meta({ unit: "seconds" }),
    profile: z.string().min(1).optional().describe("Rates where AAA says nothing: a name in profiles"),
    ...rateKeys,
    mru: z
      .int()
      .min(576)
      .max(16_384)
      .prefault(1460)
      .describe("Largest packet on the link: 40 less than what the path of the tunnel carries")
      .meta({ unit: "bytes" }),
    "mss-clamp": z.boolean().prefault(true).describe("Have TCP connections announce no larger segments than fit"),
    "source-check": z
      .boolean()
      .prefault(true)
      .describe("Drop what subscribers send from addresses that are not theirs"),
    multilink: z.boolean().prefault(false).describe("Let several sessions of a user form a bundle (RFC 1990)"),
    "max-links": z.int().min(1).max(64).prefault(8).describe("Links in a bundle where AAA says nothing"),
    routes: z
      .enum(["aggregate", "each"])
      .prefault("aggregate")
      .describe(
        "What the host is told: the pools' prefixes once, or a route for each subscriber (for routing daemons)",
      ),
    "echo-interval": duration
      .prefault("30s")
      .describe("Silence after which a subscriber is asked for a sign of life; 0: never")
      .meta({ unit: "seconds" }),
    "echo-failures": z.int().min(1).max(100).prefault(3).describe("Signs of life that may be missed"),
    "own-device": z
      .boolean()
      .prefault(false)
      .describe("Give each subscriber a network interface of its own, named ppp and a number, for tc and netfilter"),
    mpls: z.boolean().prefault(false).describe("Negotiate MPLSCP (RFC 3032)"),
  })
  .describe("End the call here: PPP, an IP address, and the way to the network");
