import { isIPv4 } from "node:net";
import { JunctorError } from "../errors.js";
import { type BlastOptions, type Option, options, type Role, type TransportKind } from "./options.js";
import { type AuthMethod, authMethods } from "./ppp-board.js";

/** The words of a command line by option name; flags are `true`. */
type Given = ReadonlyMap<string, readonly string[]>;

/** What a command line asks for. The secret is still a file's name: reading it is the caller's. */
export interface Parsed {
  readonly options: BlastOptions;
  readonly secretFile: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

const usage = (problem: string, hint: string): JunctorError => new JunctorError("usage", problem, hint);

const socketAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/;

/** What is wrong with a word, or undefined. */
function wrong(option: Option, word: string): string | undefined {
  switch (option.read) {
    case "number": {
      const value = word.trim() === "" ? Number.NaN : Number(word);
      const kind = option.whole === true ? "a whole number" : "a number";
      const fits = value >= option.min && value <= option.max && (option.whole !== true || Number.isInteger(value));
      return fits ? undefined : `expected ${kind} from ${option.min} to ${option.max}`;
    }
    case "choice":
      return option.choices.includes(word) ? undefined : `expected ${option.choices.join(", ")}`;
    case "address": {
      const port = socketAddress.exec(word)?.[1];
      return port !== undefined && Number(port) <= 65_535 ? undefined : "expected ADDRESS:PORT or [IPV6]:PORT";
    }
    default:
      return undefined;
  }
}

function collect(args: readonly string[]): Given {
  const given = new Map<string, string[]>();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const option = options.find((candidate) => candidate.name === name);
    if (option === undefined) throw usage(`unknown argument ${arg}`, "see junctor blast --help");
    const word = option.read === "flag" ? (inline ?? "true") : (inline ?? args[++at]);
    if (word === undefined) throw usage(`--${option.name} lacks its value`, `--${option.name} ${option.value}`);
    const problem = wrong(option, word);
    if (problem !== undefined) throw usage(`--${option.name} ${word}`, problem);
    const earlier = given.get(option.name);
    if (earlier === undefined) given.set(option.name, [word]);
    else if (option.repeatable === true) earlier.push(word);
    else throw usage(`--${option.name} is given twice`, "give it once");
  }
  return given;
}

/** Reads a command line. Throws JunctorError `usage` for what it does not understand. */
export function parseOptions(args: readonly string[]): Parsed {
  const given = collect(args);
  const text = (name: string): string | undefined =>
    given.get(name)?.[0] ?? options.find((option) => option.name === name)?.default;
  const number = (name: string): number => Number(text(name));
  const has = (name: string): boolean => given.has(name);
  const optional = (name: string): number | undefined => (has(name) ? number(name) : undefined);

  const rate = number("rate");
  const parsed: BlastOptions = {
    role: has("ppp") ? "lac" : (text("role") as Role),
    switch: text("switch"),
    lnsListen: given.get("lns-listen") ?? [text("lns-listen")!],
    lacBind: text("lac-bind")!,
    lacSockets: number("lac-sockets"),
    tunnels: number("tunnels"),
    sessions: number("sessions"),
    setupRate: number("setup-rate"),
    setupWindow: number("setup-window"),
    setupTimeout: number("setup-timeout"),
    secret: undefined,
    hidden: has("hidden"),
    hostName: text("host-name")!,
    calledNumber: text("called-number"),
    userName: text("user-name"),
    sequencing: has("sequencing"),
    ppp: has("ppp"),
    user: text("user")!,
    password: text("password")!,
    auth: text("auth") === "any" ? authMethods : [text("auth") as AuthMethod],
    ipv6: has("ipv6"),
    target: text("target"),
    ping: text("ping"),
    traffic: !has("no-traffic"),
    size: number("size"),
    rate,
    inFlight: number("in-flight"),
    seconds: number("seconds"),
    hold: number("hold"),
    hangup: text("hangup") as BlastOptions["hangup"],
    maxLoss: optional("max-loss") ?? (rate === 0 ? 1 : 0),
    seed: optional("seed"),
    transport: text("transport") as TransportKind,
  };
  if (parsed.role === "lac" && parsed.switch === undefined) {
    throw usage("--role lac has nowhere to call", "give --switch ADDR:PORT");
  }
  if (parsed.ppp && parsed.hangup === "lns") throw usage("--hangup lns: the LNS is not ours", "lac, ppp or both");
  if (!parsed.ppp && parsed.hangup === "ppp") throw usage("--hangup ppp: there is no PPP", "give --ppp");
  if (parsed.target?.startsWith("[")) throw usage(`--target ${parsed.target}`, "expected an IPv4 address");
  if (parsed.ping !== undefined && !isIPv4(parsed.ping))
    throw usage(`--ping ${parsed.ping}`, "expected an IPv4 address");
  if (parsed.ping !== undefined && parsed.target !== undefined) throw usage("--ping and --target", "give one of them");
  if (parsed.hidden && !has("secret-file")) throw usage("--hidden has no key to hide with", "give --secret-file FILE");
  return { options: parsed, secretFile: text("secret-file"), json: has("json"), help: has("help") };
}

/** The options that a run has when nothing is said. */
export const defaultOptions: BlastOptions = parseOptions([]).options;

/** The help text, from the table. */
export function help(): string {
  const left = options.map(({ name, value }) => `  --${name}${value === undefined ? "" : ` ${value}`}`);
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const lines = options.map(({ help: says, default: standard, repeatable }, at) => {
    const notes = [
      standard === undefined ? [] : [`default ${standard}`],
      repeatable === true ? ["repeatable"] : [],
    ].flat();
    return `${left[at]!.padEnd(width)}${says}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`;
  });
  return [
    "usage: junctor blast [OPTIONS]",
    "",
    "Plays many LACs and LNSs: sets up tunnels and sessions through a switch, sends PPP frames both ways, checks each one,",
    "tears down, and reports. With --ppp it plays LACs and their subscribers instead, which dial in at an LNS. Exit status 0",
    "if every session came up and every frame arrived as it was sent.",
    "",
    ...lines,
    "",
  ].join("\n");
}
