/**
 * One attribute set per object of the data-plane contract, declared once with description, unit, range and default; each
 * operation takes a subset of it. The engines, the HTTP API and the reference documents derive from these schemas.
 */
import { z } from "zod";

const handle = (object: string) =>
  z.int().min(1).max(0xffff_ffff).describe(`Handle of the ${object}, given by the engine`);

const socketAddress = z
  .string()
  .regex(
    /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]):\d{1,5}$/,
    "expected ADDRESS:PORT or [IPV6]:PORT",
  )
  .describe("Socket address, as 192.0.2.1:1701 or [2001:db8::1]:1701");

const id16 = z.int().min(1).max(0xffff);

// --- port ---

export const portKinds = ["udp", "dgram", "virtual", "tun"] as const;
export type PortKind = (typeof portKinds)[number];

export const portAttributes = z.object({
  port: handle("port"),
  kind: z
    .enum(portKinds)
    .describe(
      "udp: batched system calls in the data workers; dgram: node:dgram, without data workers; virtual: an in-memory link (inline mode). When not given: the one that the engine has. tun: IP packets of units, to and from the host",
    ),
  local: socketAddress.describe("Address and port that the socket is bound to; of a TUN port: its interface's name"),
  segmentation: z
    .boolean()
    .default(true)
    .describe("Use UDP_GRO on receipt and UDP_SEGMENT on transmission where it helps"),
  receiveBuffer: z
    .int()
    .min(4096)
    .max(1 << 30)
    .default(8 << 20)
    .describe("Socket receive buffer per worker")
    .meta({ unit: "bytes" }),
  sendBuffer: z
    .int()
    .min(4096)
    .max(1 << 30)
    .default(4 << 20)
    .describe("Socket send buffer per worker")
    .meta({ unit: "bytes" }),
  device: z.int().min(1).describe("Index of the port's device"),
});
export const portOpen = portAttributes
  .pick({ kind: true, local: true, segmentation: true, receiveBuffer: true, sendBuffer: true })
  .partial({ kind: true });
export const tunAttributes = z.object({
  kind: z.literal("tun"),
  name: z
    .string()
    .regex(/^[^\s/:]{1,15}$/, "expected an interface name of 1 to 15 characters")
    .describe("Name of the network interface"),
  mtu: z.int().min(1280).max(65_535).default(1500).describe("Largest packet that the host may route to it"),
  segmentation: z.boolean().default(true).describe("Exchange super-packets with the host (IFF_VNET_HDR, TSO and USO)"),
  queues: z
    .enum(["each", "one"])
    .default("each")
    .describe(
      "each: every data worker reads a queue of its own; one: a single worker reads, for a port of few packets",
    ),
  backing: z
    .enum(["kernel", "control"])
    .default("kernel")
    .describe(
      "kernel: a TUN interface of the host; control: packets are punted to the control thread, which injects its own",
    ),
});
export const tunOpen = tunAttributes;
export type TunOpen = z.input<typeof tunOpen>;
export const portKey = portAttributes.pick({ port: true });
export type PortOpen = z.input<typeof portOpen>;
export type PortKey = z.infer<typeof portKey>;

/** A port as the engine has it; `local` carries the real port number if 0 was asked for. */
export type PortState = Readonly<z.infer<typeof portAttributes>> & { readonly counters: CountersOf<"port"> };

// --- device ---

export const deviceAttributes = z.object({
  device: z.int().min(1).describe("Device index"),
  name: z.string().min(1).max(63).describe("Device name, as udp/192.0.2.1:1701"),
  mtu: z.int().min(68).max(65535).describe("Largest frame that leaves the device").meta({ unit: "bytes" }),
  up: z.boolean().describe("Administrative state; a device that is down drops what enters and leaves it"),
  addresses: z
    .array(z.string().min(1).max(63))
    .default([])
    .describe("Addresses of the host on a TUN device, as 192.0.2.1/32"),
});
export const deviceKey = deviceAttributes.pick({ device: true });
export const deviceSet = deviceAttributes
  .pick({ device: true })
  .extend({ mtu: deviceAttributes.shape.mtu.optional(), up: deviceAttributes.shape.up.optional() })
  .extend({ addresses: deviceAttributes.shape.addresses.unwrap().optional() });
export type DeviceKey = z.infer<typeof deviceKey>;
export type DeviceSet = z.input<typeof deviceSet>;
export type DeviceState = Readonly<z.infer<typeof deviceAttributes>> & { readonly counters: CountersOf<"device"> };

// --- tunnel ---

export const tunnelAttributes = z.object({
  tunnel: handle("tunnel"),
  version: z
    .union([z.literal(2), z.literal(3)])
    .default(2)
    .describe("L2TP version"),
  encap: z.enum(["udp", "ip"]).default("udp").describe("What carries L2TP messages"),
  port: handle("port").describe("Port that the tunnel's datagrams leave through"),
  local: socketAddress.optional().describe("Source address, when the port is bound to a wildcard address"),
  remote: socketAddress.describe("The peer's address and port; data from elsewhere is dropped"),
  tunnelId: id16.describe("Local tunnel id: what the peer puts into its headers; unique in the engine"),
  peerTunnelId: id16.describe("The peer's tunnel id: what we put into our headers"),
});
export const tunnelCreate = tunnelAttributes.omit({ tunnel: true });
export const tunnelModify = tunnelAttributes
  .pick({ tunnel: true })
  .extend(tunnelAttributes.pick({ remote: true, local: true, port: true }).partial().shape);
export const tunnelKey = tunnelAttributes.pick({ tunnel: true });
export type TunnelCreate = z.input<typeof tunnelCreate>;
export type TunnelModify = z.input<typeof tunnelModify>;
export type TunnelKey = z.infer<typeof tunnelKey>;
export type TunnelState = Readonly<z.infer<typeof tunnelAttributes>> & {
  readonly sessions: number;
  readonly counters: CountersOf<"tunnel">;
};

// --- session ---

export const pseudowires = ["ppp", "ethernet", "vlan", "ip", "hdlc", "frame-relay", "atm"] as const;
export type Pseudowire = (typeof pseudowires)[number];

export const sessionAttributes = z.object({
  session: handle("session"),
  tunnel: handle("tunnel"),
  sessionId: id16.describe("Local session id: what the peer puts into its headers; unique in the tunnel"),
  peerSessionId: id16.describe("The peer's session id: what we put into our headers"),
  pseudowire: z.enum(pseudowires).default("ppp").describe("Frame type that the session carries"),
  sendSequence: z.boolean().default(false).describe("Put sequence numbers into data that we send"),
  receiveSequence: z.boolean().default(false).describe("Drop data without sequence numbers, and old or repeated data"),
  lnsMode: z
    .boolean()
    .default(false)
    .describe("We are the LNS and decide on sequencing; a LAC follows what its peer does"),
  reorderTimeout: z
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe("How long data that overtook is held for what it overtook; 0: not at all")
    .meta({ unit: "milliseconds" }),
  lengthField: z.boolean().default(false).describe("Put the length field into data headers"),
  offset: z
    .int()
    .min(0)
    .max(255)
    .default(0)
    .describe("Offset padding put into data headers; 0: no offset field")
    .meta({ unit: "bytes" }),
  channel: handle("channel").optional().describe("The session's PPP channel (pseudowire ppp)"),
});
export const sessionCreate = sessionAttributes.omit({ session: true, channel: true });
export const sessionModify = sessionAttributes.pick({ session: true }).extend(
  z.object({
    sendSequence: z.boolean().optional(),
    receiveSequence: z.boolean().optional(),
    lnsMode: z.boolean().optional(),
    reorderTimeout: z.int().min(0).max(60_000).optional(),
  }).shape,
);
export const sessionKey = sessionAttributes.pick({ session: true });
export type SessionCreate = z.input<typeof sessionCreate>;
export type SessionModify = z.input<typeof sessionModify>;
export type SessionKey = z.infer<typeof sessionKey>;
export type SessionState = Readonly<z.infer<typeof sessionAttributes>> & { readonly counters: CountersOf<"session"> };

// --- channel and unit ---

export const channelAttributes = z.object({
  channel: handle("channel"),
  session: handle("session"),
  bridgedWith: handle("channel").optional().describe("The channel that this one is bridged with"),
  unit: handle("unit").optional().describe("The unit that this channel is connected to"),
});
export const channelKey = channelAttributes.pick({ channel: true });
export const channelBridge = channelKey.extend({ with: handle("channel").describe("The other channel") });
export const channelConnect = channelKey.extend({ unit: handle("unit") });
export type ChannelKey = z.infer<typeof channelKey>;
export type ChannelBridge = z.infer<typeof channelBridge>;
export type ChannelConnect = z.infer<typeof channelConnect>;
export type ChannelState = Readonly<z.infer<typeof channelAttributes>>;

export const channelTap = channelKey.extend({
  on: z.boolean().describe("Whether the control thread gets a copy of every frame, both ways"),
});
export type ChannelTap = z.infer<typeof channelTap>;

const rate = z
  .object({
    bitsPerSecond: z.number().min(1000).max(1e12).describe("Bits of IP packets a second").meta({ unit: "bits/s" }),
    burst: z
      .number()
      .min(1500)
      .max(1e9)
      .describe("Bytes that may follow each other without pause")
      .meta({ unit: "bytes" }),
  })
  .optional();

const multilink = z
  .object({
    mrru: z.int().min(64).max(65_535).describe("Largest packet that we reassemble").meta({ unit: "bytes" }),
    peerMrru: z.int().min(64).max(65_535).describe("Largest packet that the peer reassembles").meta({ unit: "bytes" }),
    shortSequence: z.boolean().default(false).describe("Fragments that we receive have 12-bit sequence numbers"),
    peerShortSequence: z.boolean().default(false).describe("Fragments that we send have 12-bit sequence numbers"),
    fragment: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe("Packets longer than this are cut for the links; 0: only what a link's MRU demands")
      .meta({ unit: "bytes" }),
    linkMru: z
      .int()
      .min(64)
      .max(65_535)
      .default(1500)
      .describe("Longest fragment, its header included, that the peer receives on each link")
      .meta({ unit: "bytes" }),
  })
  .optional();

export const unitAttributes = z.object({
  unit: handle("unit"),
  name: z.string().min(1).max(15).describe("Name of the PPP interface, as ppp0"),
  port: handle("port")
    .optional()
    .describe("TUN port that the unit's packets enter and leave by; none: they are dropped"),
  mtu: z
    .int()
    .min(68)
    .max(65_535)
    .default(1500)
    .describe("Largest packet that is sent to the peer")
    .meta({ unit: "bytes" }),
  ipv4: z.boolean().default(false).describe("IPv4 packets pass (IPCP is open)"),
  ipv6: z.boolean().default(false).describe("IPv6 packets pass (IPV6CP is open)"),
  local: z.string().optional().describe("Our IPv4 address towards the peer: the source of ICMP errors"),
  sourceCheck: z
    .boolean()
    .default(true)
    .describe("Drop packets of the peer whose source address is not routed to the unit"),
  mss: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("Most that a TCP SYN may announce, either way; IPv6 has 20 less; 0: as it is")
    .meta({ unit: "bytes" }),
  protocolFieldCompression: z.boolean().default(false).describe("The peer accepts a one-byte protocol field"),
  addressAndControlFieldCompression: z.boolean().default(false).describe("The peer accepts frames without FF 03"),
  up: rate.describe("Limit for what the peer sends; none: unlimited"),
  down: rate.describe("Limit for what the peer receives; none: unlimited"),
  multilink: multilink.describe("Several channels may be connected and share the load (RFC 1990)"),
});
export const unitCreate = unitAttributes.omit({ unit: true }).partial({ name: true });
/** What is left out stays as it is; null takes a limit away. */
export const unitSet = unitAttributes.pick({ unit: true }).extend({
  mtu: z.int().min(68).max(65_535).optional(),
  ipv4: z.boolean().optional(),
  ipv6: z.boolean().optional(),
  local: z.string().optional(),
  sourceCheck: z.boolean().optional(),
  mss: z.int().min(0).max(65_535).optional(),
  protocolFieldCompression: z.boolean().optional(),
  addressAndControlFieldCompression: z.boolean().optional(),
  up: rate.unwrap().nullish(),
  down: rate.unwrap().nullish(),
  multilink,
});
export const unitKey = unitAttributes.pick({ unit: true });
export type Rate = NonNullable<z.infer<typeof rate>>;
export type UnitCreate = z.input<typeof unitCreate>;
export type UnitSet = z.input<typeof unitSet>;
export type UnitKey = z.infer<typeof unitKey>;
export type UnitState = Readonly<z.infer<typeof unitAttributes>> & {
  readonly channels: readonly number[];
  /** Milliseconds since the last IP packet either way; undefined: there was none. */
  readonly idle: number | undefined;
  readonly counters: CountersOf<"unit">;
};

// --- route ---

export const routeAttributes = z.object({
  prefix: z
    .string()
    .regex(/^[0-9a-fA-F:.]{2,45}\/\d{1,3}$/, "expected a prefix, as 192.0.2.1/32 or 2001:db8::/56")
    .describe("Destinations that are the unit's; among prefixes that fit, the longest decides"),
  unit: handle("unit"),
  kernel: z
    .boolean()
    .default(false)
    .describe("Tell the host too: its routing table gets the prefix, towards the unit's TUN device"),
});
export const routeAdd = routeAttributes;
export const routeKey = routeAttributes.pick({ prefix: true });
export type RouteAdd = z.input<typeof routeAdd>;
export type RouteKey = z.infer<typeof routeKey>;
export type RouteState = Readonly<z.infer<typeof routeAttributes>>;

/** Prefixes that the host routes to a TUN device as a whole, whichever units have what in them. */
export const devicePrefix = z.object({
  device: z.int().min(1).describe("Index of the TUN device"),
  prefix: routeAttributes.shape.prefix,
});
export type DevicePrefix = z.infer<typeof devicePrefix>;

// --- program, map, attachment ---

export const hooks = ["ingress", "egress"] as const;
export type Hook = (typeof hooks)[number];
export const framings = ["native", "ethernet"] as const;
export type Framing = (typeof framings)[number];
export const verdicts = ["aborted", "drop", "pass", "tx", "redirect"] as const;
export type VerdictName = (typeof verdicts)[number];

const byteString = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes");

const pinName = z
  .string()
  .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, '_', '-' and '.'")
  .describe("Name under which it stays when nothing else holds it, and is found again");

export const programAttributes = z.object({
  program: handle("program"),
  name: z.string().min(1).max(127).describe("Name of the program's function"),
  section: z.string().describe("Section of the object file, as xdp or xdp/devmap"),
  attach: z.enum(["xdp", "xdp/devmap", "xdp/cpumap"]).describe("Where it may run: on devices, or in a map's entries"),
  tag: z.string().describe("Hash of its instructions, as 16 hexadecimal digits"),
  instructions: z.int().min(1).describe("Instructions, functions that it calls included"),
  license: z.string().describe("As the object says"),
  maps: z.array(handle("map")).describe("Maps that it uses"),
  pin: pinName.optional(),
});
export const programLoad = z.object({
  object: byteString.describe("Bytes of an ELF object file"),
  file: z.string().max(4096).default("object").describe("Its name, for messages"),
  programs: z
    .array(z.string().min(1))
    .optional()
    .describe("Names or sections of the programs to load; none given: all that the object marks for loading"),
  globals: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("Initial values of global variables, by name, shaped by BTF"),
  reuse: z.record(z.string(), handle("map")).default({}).describe("Maps that take the place of the object's, by name"),
  maxEntries: z
    .record(z.string(), z.int().min(1))
    .default({})
    .describe("Most entries of maps of the object, by name, in place of what it says"),
  pin: pinName.optional().describe("Pin the programs (as NAME, or NAME.program if there are several)"),
});
export const programKey = programAttributes.pick({ program: true });
export const programPin = programKey.extend({ pin: pinName.nullable().describe("null: take the name away") });
export type ProgramLoad = z.input<typeof programLoad>;
export type ProgramKey = z.infer<typeof programKey>;
export type ProgramPin = z.infer<typeof programPin>;
export type ProgramState = Readonly<z.infer<typeof programAttributes>> & { readonly counters: CountersOf<"program"> };

export const mapAttributes = z.object({
  map: handle("map"),
  name: z.string().max(127).describe("Name of the map in its object"),
  type: z.string().describe("Type, as hash or lpm_trie"),
  keySize: z.int().min(0).describe("Size of a key").meta({ unit: "bytes" }),
  valueSize: z.int().min(0).describe("Size of a value").meta({ unit: "bytes" }),
  maxEntries: z.int().min(0).describe("Most entries"),
  flags: z.int().min(0).describe("Flags of linux/bpf.h (map_flags)"),
  programs: z.array(handle("program")).describe("Programs that use it"),
  pin: pinName.optional(),
});
export const mapKey = mapAttributes.pick({ map: true });
export const mapCreate = mapAttributes
  .pick({ name: true, type: true, keySize: true, valueSize: true, maxEntries: true })
  .extend({ flags: mapAttributes.shape.flags.default(0), pin: pinName.optional() });
const bytes = byteString;
export const mapEntry = mapKey.extend({
  key: bytes.describe("Key, in the machine's byte order as the program sees it"),
  value: bytes.describe("Value; of a per-CPU map: one for each CPU, each rounded up to 8 bytes"),
  mode: z.enum(["any", "noexist", "exist"]).default("any").describe("Whether the entry may or must be there already"),
});
export const mapElement = mapEntry.pick({ map: true, key: true });
export const mapPin = mapKey.extend({ pin: pinName.nullable().describe("null: take the name away") });
export type MapKey = z.infer<typeof mapKey>;
export type MapCreate = z.input<typeof mapCreate>;
export type MapEntry = z.input<typeof mapEntry>;
export type MapElement = z.input<typeof mapElement>;
export type MapPin = z.infer<typeof mapPin>;
export type MapState = Readonly<z.infer<typeof mapAttributes>>;

export const attachmentAttributes = z.object({
  attachment: handle("attachment"),
  device: z
    .string()
    .min(1)
    .max(127)
    .describe("Device by name, or a pattern: unit/* means all units, those to come too"),
  hook: z.enum(hooks).describe("ingress: before anything else looks at the frame; egress: on all that leaves"),
  program: handle("program"),
  priority: z.int().min(0).max(65_535).default(50).describe("Programs of one hook run in this order, lowest first"),
  runOn: z
    .array(z.enum(verdicts))
    .default(["pass"])
    .describe("Verdicts of this program after which the next one runs; any other is final"),
  framing: z
    .enum(framings)
    .optional()
    .describe(
      "What the program sees: the frame as the device has it (a UDP port's payload, a channel's PPP frame, a unit's IP packet), or with an Ethernet header before it. Default: ethernet on units and TUN ports, else native",
    ),
  mode: z
    .enum(["user", "native", "generic"])
    .default("user")
    .describe("user: in this engine; native, generic: in the kernel, on an interface of the host"),
});
export const deviceAttach = attachmentAttributes.omit({ attachment: true });
export const attachmentKey = attachmentAttributes.pick({ attachment: true });
export const attachmentReplace = attachmentAttributes.pick({ attachment: true, program: true });
export const attachmentsChange = z.object({
  attach: z.array(deviceAttach),
  replace: z.array(attachmentReplace),
  detach: z.array(attachmentKey),
});
export type DeviceAttach = z.input<typeof deviceAttach>;
export type AttachmentsChange = z.input<typeof attachmentsChange>;
export type AttachmentKey = z.infer<typeof attachmentKey>;
export type AttachmentReplace = z.infer<typeof attachmentReplace>;
export type AttachmentState = Readonly<z.infer<typeof attachmentAttributes>> & {
  /** How many devices it is on now. */
  readonly devices: number;
};

/** Numbers that programs read with a frame (junctor_user, junctor_policy); 0: none. */
export const tags = z.object({
  user: z.int().min(0).max(0xffff_ffff).default(0).describe("Number of the subscriber"),
  policy: z.int().min(0).max(0xffff_ffff).default(0).describe("Number of the policy that decided on the session"),
});
export const deviceTag = z.object({
  device: attachmentAttributes.shape.device.describe("Name of a channel or unit"),
  ...tags.partial().shape,
});
export type DeviceTag = z.input<typeof deviceTag>;

// --- counters ---

/**
 * Counters by object, as the kernel's L2TP statistics name them. Packets and bytes are PPP frames at a session and a tunnel,
 * UDP datagrams and their payload at a port and its device, IP packets at a unit, a TUN port and its device. A program's count
 * runs, the time that those took which were measured (while statistics are on), and verdicts.
 */
export const counters = {
  port: ["rxPackets", "rxBytes", "txPackets", "txBytes", "txErrors", "rxDropped"],
  device: ["rxPackets", "rxBytes", "rxDropped", "txPackets", "txBytes", "txDropped"],
  tunnel: ["rxPackets", "rxBytes", "rxErrors", "txPackets", "txBytes", "txErrors"],
  session: ["rxPackets", "rxBytes", "rxErrors", "rxSeqDiscards", "rxOosPackets", "txPackets", "txBytes", "txErrors"],
  unit: ["rxPackets", "rxBytes", "rxDropped", "txPackets", "txBytes", "txDropped"],
  program: ["runs", "nanoseconds", "measured", "aborted", "drop", "pass", "tx", "redirect", "unknown"],
} as const;

export type CountersOf<O extends keyof typeof counters> = Readonly<Record<(typeof counters)[O][number], number>>;
