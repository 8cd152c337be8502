/**
 * The options of a load run, once: the command line, its help and the documents derive from this table, and the type of
 * the options as a library takes them stands beside it.
 */

import { type AuthMethod, authMethods } from "./ppp-board.js";

export type Role = "both" | "lac" | "lns";
export type TransportKind = "auto" | "ffi" | "dgram";

export interface BlastOptions {
  readonly role: Role;
  /** Where the LACs open their tunnels to; without it (role `both`) they go straight to the first LNS. */
  readonly switch: string | undefined;
  readonly lnsListen: readonly string[];
  readonly lacBind: string;
  readonly lacSockets: number;
  readonly tunnels: number;
  readonly sessions: number;
  readonly setupRate: number;
  readonly setupWindow: number;
  readonly setupTimeout: number;
  readonly secret: Uint8Array | undefined;
  readonly hidden: boolean;
  readonly hostName: string;
  readonly calledNumber: string | undefined;
  readonly userName: string | undefined;
  /** Whether the LACs demand sequence numbers in data (Sequencing Required AVP). */
  readonly sequencing: boolean;
  /** Whether each session has a PPP client in it, which the LNS terminates; with role `lac` alone. */
  readonly ppp: boolean;
  readonly user: string;
  readonly password: string;
  readonly auth: readonly AuthMethod[];
  readonly ipv6: boolean;
  /** Where subscribers send to, ADDRESS:PORT of IPv4; without: to each other. */
  readonly target: string | undefined;
  /** An IPv4 address that subscribers ping, instead. */
  readonly ping: string | undefined;
  readonly traffic: boolean;
  readonly size: number;
  readonly rate: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly hold: number;
  readonly hangup: "lac" | "lns" | "ppp" | "both";
  /** Share of the frames that may be lost. */
  readonly maxLoss: number;
  readonly seed: number | undefined;
  readonly transport: TransportKind;
}

/** How the text behind an option is read. */
type Reading =
  | { readonly read: "flag" }
  | { readonly read: "text" }
  | { readonly read: "address" }
  | { readonly read: "choice"; readonly choices: readonly string[] }
  | { readonly read: "number"; readonly min: number; readonly max: number; readonly whole?: boolean };

export type Option = Reading & {
  readonly name: string;
  /** What stands for the value in the help; undefined for a flag. */
  readonly value: string | undefined;
  /** In words, for the help; undefined: none, or off. */
  readonly default: string | undefined;
  readonly repeatable?: boolean;
  readonly help: string;
};

const whole = (min: number, max: number) => ({ read: "number", min, max, whole: true }) as const;
const number = (min: number, max: number) => ({ read: "number", min, max }) as const;
const oneOf = (...choices: string[]) => ({ read: "choice", value: choices.join("|"), choices }) as const;
const flag = { read: "flag", value: undefined, default: undefined } as const;
const address = { read: "address", value: "ADDR:PORT" } as const;
const text = { read: "text" } as const;

export const options: readonly Option[] = [
  { name: "role", ...oneOf("both", "lac", "lns"), default: "both", help: "Which ends to play" },
  {
    name: "switch",
    ...address,
    default: undefined,
    help: "Where the LACs open their tunnels to; without it they go straight to the first LNS",
  },
  {
    name: "lns-listen",
    ...address,
    default: "127.0.0.1:0",
    repeatable: true,
    help: "Where an LNS listens; may be repeated",
  },
  { name: "lac-bind", ...text, value: "ADDR", default: "127.0.0.1", help: "Source address of the LACs" },
  {
    name: "lac-sockets",
    ...whole(1, 1024),
    value: "N",
    default: "8",
    help: "UDP ports that the LACs' tunnels share; as many as --tunnels gives each tunnel its own",
  },
  { name: "tunnels", ...whole(1, 60_000), value: "N", default: "1", help: "Tunnels that the LACs open" },
  { name: "sessions", ...whole(1, 60_000), value: "M", default: "1", help: "Sessions in each tunnel" },
  { name: "setup-rate", ...number(0, 1e6), value: "N", default: "0", help: "Calls opened per second; 0: no limit" },
  {
    name: "setup-window",
    ...whole(1, 65_535),
    value: "N",
    default: "256",
    help: "Calls that are being set up at once",
  },
  {
    name: "setup-timeout",
    ...number(1, 3600),
    value: "SECONDS",
    default: "60",
    help: "Time without any progress after which the calls that are not up count as failed",
  },
  { name: "secret-file", ...text, value: "FILE", default: undefined, help: "Shared secret: authenticate every tunnel" },
  { name: "hidden", ...flag, help: "Hide the AVPs that may be hidden; needs --secret-file" },
  { name: "host-name", ...text, value: "NAME", default: "blast", help: "Host name of the LACs and LNSs" },
  { name: "called-number", ...text, value: "NUMBER", default: undefined, help: "Called number of every call" },
  {
    name: "user-name",
    ...text,
    value: "NAME",
    default: undefined,
    help: "Proxy authentication name of every call; %d becomes the session's number",
  },
  { name: "sequencing", ...flag, help: "Demand sequence numbers in data (Sequencing Required AVP)" },
  {
    name: "ppp",
    ...flag,
    help: "PPP subscribers in the sessions, for an LNS that terminates them; implies --role lac",
  },
  {
    name: "user",
    ...text,
    value: "NAME",
    default: "blast",
    help: "Subscribers' name; %d becomes the session's number",
  },
  { name: "password", ...text, value: "TEXT", default: "blast", help: "Subscribers' password; %d as in --user" },
  {
    name: "auth",
    ...oneOf(...authMethods, "any"),
    default: "any",
    help: "How subscribers authenticate; any: as the LNS demands",
  },
  { name: "ipv6", ...flag, help: "Subscribers want IPv6CP too" },
  {
    name: "target",
    ...address,
    default: undefined,
    help: "Where subscribers' packets go, to an IPv4 host that returns them; without it, to the next subscriber",
  },
  {
    name: "ping",
    ...text,
    value: "ADDR",
    default: undefined,
    help: "Subscribers ping this IPv4 address, as the LNS's own, and their frames are echo requests",
  },
  { name: "no-traffic", ...flag, help: "Set up and tear down alone" },
  { name: "size", ...whole(52, 9000), value: "BYTES", default: "512", help: "Size of a PPP frame, from ff 03 on" },
  {
    name: "rate",
    ...number(0, 1e8),
    value: "N",
    default: "1000",
    help: "Frames sent per second, in all; 0: as fast as they come back (--in-flight)",
  },
  {
    name: "in-flight",
    ...whole(1, 65_535),
    value: "N",
    default: "256",
    help: "With --rate 0: frames on their way at most",
  },
  { name: "seconds", ...number(0, 2e6), value: "N", default: "10", help: "How long to send" },
  {
    name: "hold",
    ...number(0, 1e7),
    value: "SECONDS",
    default: "0",
    help: "Keep the sessions idle before tearing down",
  },
  {
    name: "hangup",
    ...oneOf("lac", "lns", "ppp", "both"),
    default: "both",
    help: "Which end hangs up; both: they take turns. ppp: subscribers end their links first; with --ppp, they are one of both",
  },
  {
    name: "max-loss",
    ...number(0, 1),
    value: "SHARE",
    default: "0, or 1 with --rate 0",
    help: "Share of the frames that may be lost before the run counts as failed",
  },
  { name: "seed", ...whole(0, 0xffff_ffff), value: "N", default: undefined, help: "Repeat the ids of an earlier run" },
  {
    name: "transport",
    ...oneOf("auto", "ffi", "dgram"),
    default: "auto",
    help: "ffi: batched system calls in a thread of their own; dgram: node:dgram; auto: ffi where it works",
  },
  { name: "json", ...flag, help: "Print the report as JSON; so does an output that is no terminal" },
  { name: "help", ...flag, help: "Print this help" },
];
