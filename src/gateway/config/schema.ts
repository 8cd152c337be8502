/**
 * Every key of the configuration file, once: description, unit, range, default. The loader validates with it and the
 * reference document is generated from it (`z.toJSONSchema(configSchema, { io: "input" })`).
 */
import { z } from "zod";
import { splitAddress } from "./address.js";
import { aaa } from "./schema-aaa.js";
import { programs } from "./schema-programs.js";
import { pools, profiles, terminate, tun } from "./schema-terminate.js";
import { addressMessage, duration, file, prefix, socketAddress } from "./schema-values.js";

const hostName = z.string().min(1).max(255);

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** How we behave on a control connection; the same keys towards callers and towards LNSs. */
const tunnelKeys = {
  "secret-file": file
    .optional()
    .describe(
      "File with the secret shared with the peer, relative to this file. With it, tunnels are authenticated (RFC 2661 §5.1.1)",
    ),
  challenge: z
    .boolean()
    .optional()
    .describe("Challenge the peer to prove that it knows the secret; by default yes where there is a secret"),
  hidden: z.boolean().prefault(false).describe("Hide the AVPs that may be hidden (RFC 2661 §4.3); needs secret-file"),
  "host-name": hostName.optional().describe("Host name that the peer is told; by default the global host-name"),
  "hello-interval": duration
    .prefault("60s")
    .describe("Silence after which the peer is asked for a sign of life; 0: never")
    .meta({ unit: "seconds" }),
  "receive-window": z
    .int()
    .min(1)
    .max(2048)
    .prefault(16)
    .describe("Control messages that the peer may send unacknowledged")
    .meta({ unit: "messages" }),
  "max-retries": z
    .int()
    .min(1)
    .max(30)
    .prefault(5)
    .describe("Retransmissions of a control message before the tunnel is given up"),
  "retransmit-timeout": duration
    .prefault("1s")
    .describe("Time before the first retransmission; doubles each time")
    .meta({ unit: "seconds" }),
  "retransmit-cap": duration.prefault("8s").describe("Longest time between retransmissions").meta({ unit: "seconds" }),
};

const sessionKeys = {
  sequencing: z
    .enum(["off", "follow", "on"])
    .prefault("follow")
    .describe(
      "Sequence numbers in data. off: send none. follow: as the peer does and asks. on: demand them (Sequencing Required)",
    ),
  "reorder-timeout": duration
    .prefault(0)
    .describe(
      "How long data that overtook is held for what it overtook, where there are sequence numbers; 0: not at all",
    )
    .meta({ unit: "seconds" }),
};

export const l2tpAccess = z
  .strictObject({
    listen: socketAddress.describe("Address and port to receive on; the port is 1701 when it is left out"),
    peers: z
      .array(prefix)
      .min(1)
      .optional()
      .describe("Addresses that may open tunnels; by default any. Others are dropped before any state is made"),
    ...tunnelKeys,
    ...sessionKeys,
    float: z
      .enum(["follow", "ignore"])
      .prefault("follow")
      .describe("When a known peer's messages come from another port of its address (NAT): follow it, or drop them"),
  })
  .describe("Accept L2TPv2 tunnels (RFC 2661)");

const access = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,63}$/, "expected a name of letters, digits, dot, dash and underscore")
      .optional()
      .describe("Name for policies and logs; by default access and its position, as access1"),
    l2tp: l2tpAccess,
  })
  .describe("Where calls come in");

const glob = (what: string) =>
  z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe(`${what}: a shell pattern (* ? [a-z]), or a list of which one must match`);

/** What a policy rule may ask of a call; all that are given must hold, and a thing that is unknown matches no pattern. */
export const matchKeys = {
  "calling-number": glob("Calling Number AVP"),
  "called-number": glob("Called Number AVP"),
  "sub-address": glob("Sub-Address AVP"),
  "user-name": glob("Name that the caller gave in authentication (Proxy Authen Name AVP)"),
  realm: glob("What follows the last @ in that name, letter case ignored"),
  "peer-host-name": glob("Host name of the tunnel's peer, letter case ignored"),
  access: glob("Name of the access entry that the call came in by"),
};

const match = z.strictObject({
  ...matchKeys,
  peer: z.array(prefix).min(1).optional().describe("Addresses of the tunnel's peer"),
});

const lnsKeys = {
  address: socketAddress.describe("The LNS; the port is 1701 when it is left out"),
  weight: z
    .int()
    .min(1)
    .max(1000)
    .prefault(1)
    .describe("Share of the calls, relative to the other LNSs of the same priority"),
  priority: z
    .int()
    .min(0)
    .max(1000)
    .prefault(0)
    .describe("LNSs of the lowest number are used; the next number when none of them can be had"),
  "secret-file": file.optional().describe("As in forward, for this LNS"),
};

const lns = z.union([
  z.string().refine((text) => splitAddress(text) !== undefined, addressMessage),
  z.strictObject(lnsKeys),
]);

export const forward = z
  .strictObject({
    lns: z
      .array(lns)
      .min(1)
      .describe("Where the calls go: addresses, or mappings with address, weight, priority, secret-file"),
    balance: z
      .enum(["least-sessions", "round-robin"])
      .prefault("least-sessions")
      .describe("How an LNS is chosen among those of the best priority; both respect the weights"),
    source: socketAddress
      .optional()
      .describe("Address and port to open tunnels from; by default the first access entry of the same address family"),
    "max-sessions-per-tunnel": z
      .int()
      .min(1)
      .max(65_535)
      .prefault(65_535)
      .describe("When a tunnel carries so many, another is opened to the same LNS")
      .meta({ unit: "sessions" }),
    timeout: duration
      .prefault("20s")
      .describe("Time in which some LNS must have taken the call")
      .meta({ unit: "seconds" }),
    "attempt-timeout": duration
      .prefault("6s")
      .describe("Time in which one LNS must have taken the call, before the next is tried")
      .meta({ unit: "seconds" }),
    "hold-down": duration
      .prefault("30s")
      .describe("Time in which an LNS that could not be reached is tried last")
      .meta({ unit: "seconds" }),
    "idle-timeout": duration
      .prefault("60s")
      .describe("Time after which a tunnel without sessions is closed; 0: at once")
      .meta({ unit: "seconds" }),
    ...tunnelKeys,
    ...sessionKeys,
  })
  .describe("Hand the call to an LNS and bridge the two sessions");

const reject = z
  .strictObject({
    result: z
      .int()
      .min(1)
      .max(65_535)
      .prefault(3)
      .describe("Result code of the Call-Disconnect-Notify (RFC 2661 §4.4.2)"),
    error: z.int().min(0).max(65_535).optional().describe("Error code that goes with it"),
    message: z.string().max(512).optional().describe("Text that goes with it"),
  })
  .describe("Refuse the call");

const accept = z.strictObject({}).describe("Bring the call up and leave its channel to be bridged by hand");

export const actionKeys = ["forward", "terminate", "accept", "reject"] as const;

const rule = z
  .strictObject({
    name: z.string().min(1).max(63).optional().describe("Name for logs; by default rule and its position, as rule1"),
    match: match.prefault({}).describe("Which calls; without it, all"),
    forward: forward.optional(),
    accept: accept.optional(),
    reject: reject.optional(),
    terminate: terminate.optional(),
  })
  .superRefine((value, context) => {
    if (actionKeys.filter((key) => value[key] !== undefined).length === 1) return;
    context.addIssue({ code: "custom", message: "expected one action: forward, terminate, accept or reject" });
  })
  .describe("What becomes of a call; the first rule that matches decides");

export const configSchema = z
  .strictObject({
    listen: z
      .strictObject({
        api: z
          .string()
          .refine(
            (text) =>
              /^unix:./.test(text) ||
              (splitAddress(text, -1)?.port !== undefined && splitAddress(text, -1)?.port !== -1),
            "expected unix:PATH or ADDRESS:PORT",
          )
          .prefault("unix:/run/junctor/api.sock")
          .describe("Where the API is served: unix:PATH, or ADDRESS:PORT, which needs token-file"),
        "token-file": file.optional().describe("File with the token that API clients on TCP must present"),
        metrics: z
          .string()
          .refine((text) => (splitAddress(text, -1)?.port ?? -1) !== -1, "expected ADDRESS:PORT")
          .optional()
          .describe("Address and port where Prometheus metrics are served; by default not at all"),
      })
      .prefault({})
      .describe("Where the daemon is spoken to"),
    log: z
      .strictObject({ level: z.enum(logLevels).prefault("info").describe("Least severity that is logged") })
      .prefault({})
      .describe("Logging"),
    "host-name": hostName.optional().describe("Host name that peers are told; by default the machine's"),
    workers: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe("Data workers; by default one less than there are CPUs, at least 1"),
    limits: z
      .strictObject({
        tunnels: z.int().min(1).max(65_535).prefault(4096).describe("Tunnels in all").meta({ unit: "tunnels" }),
        "tunnels-per-peer": z
          .int()
          .min(1)
          .max(65_535)
          .prefault(1024)
          .describe("Tunnels with one peer address")
          .meta({ unit: "tunnels" }),
        "half-open": z
          .int()
          .min(1)
          .max(65_535)
          .prefault(512)
          .describe("Tunnels whose peer has proven nothing yet")
          .meta({ unit: "tunnels" }),
        "half-open-per-peer": z
          .int()
          .min(1)
          .max(65_535)
          .prefault(64)
          .describe("The same, of one peer address")
          .meta({ unit: "tunnels" }),
        "calls-per-tunnel": z
          .int()
          .min(1)
          .max(65_535)
          .prefault(65_535)
          .describe("Calls in one tunnel")
          .meta({ unit: "calls" }),
        "setup-timeout": duration
          .prefault("30s")
          .describe("Time in which a tunnel or call must be established")
          .meta({ unit: "seconds" }),
        "held-frames": z
          .int()
          .min(0)
          .max(65_535)
          .prefault(4096)
          .describe("Frames of callers that wait for their bridge, in all; 4 for each caller")
          .meta({ unit: "frames" }),
      })
      .prefault({})
      .describe("Bounds on state"),
    drain: z
      .strictObject({
        grace: duration
          .prefault("5s")
          .describe("How long a stop waits for the peers to acknowledge it")
          .meta({ unit: "seconds" }),
      })
      .prefault({})
      .describe("Going out of service"),
    access: z.array(access).prefault([]).describe("Where calls come in"),
    policy: z
      .array(rule)
      .prefault([])
      .describe("What becomes of calls: the first rule that matches decides; none: refused"),
    tun,
    pools,
    profiles,
    aaa,
    programs,
  })
  .describe("Junctor configuration");

/** A file's contents, validated and with defaults; not yet resolved against the machine and the secret files. */
export type ConfigDocument = z.output<typeof configSchema>;
