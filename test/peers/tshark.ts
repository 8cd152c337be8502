import { join } from "node:path";
import type { Namespace } from "./netns.js";
import { run } from "./process.js";
import { temporaryDirectory, type Undo } from "./undo.js";

/** A capture that is running on one interface. */
export interface Capture {
  readonly file: string;
  /** Ends it; the file is whole afterwards. */
  stop(): Promise<void>;
}

export async function capture(
  undo: Undo,
  space: Namespace,
  device: string,
  filter = "udp port 1701",
): Promise<Capture> {
  const file = join(temporaryDirectory(undo, "capture"), `${device}.pcap`);
  // Without immediate mode the kernel hands packets over by the block, up to a second later.
  const options = ["--immediate-mode", "-Z", "root", "-U", "-s", "0"];
  const tcpdump = space.start(["tcpdump", "-i", device, ...options, "-w", file, filter]);
  undo.defer(async () => void (await tcpdump.stop()));
  await tcpdump.waitFor(/listening on/);
  return {
    file,
    async stop() {
      // What has been sent is in the kernel's ring; tcpdump reads it before it looks at the signal, after a moment.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await tcpdump.stop("SIGINT");
    },
  };
}

/** An L2TP control message as tshark decodes it. */
export interface Decoded {
  /** Number of the frame in the capture, from 1. */
  readonly frame: number;
  readonly source: string;
  readonly destination: string;
  /** Value of the Message Type AVP (RFC 2661 §4.4.1); undefined on a ZLB. */
  readonly messageType: number | undefined;
  readonly tunnel: number;
  readonly session: number;
  readonly ns: number;
  readonly nr: number;
  /** How many of its AVPs are hidden. */
  readonly hidden: number;
  /** Whatever tshark holds against it: malformed parts, expert information of any severity above "chat". */
  readonly complaints: readonly string[];
}

const fields = [
  "frame.number",
  "ip.src",
  "ipv6.src",
  "ip.dst",
  "ipv6.dst",
  "l2tp.avp.message_type",
  "l2tp.tunnel",
  "l2tp.session",
  "l2tp.Ns",
  "l2tp.Nr",
  "l2tp.avp.hidden",
  "_ws.expert.severity",
  "_ws.expert.message",
  "_ws.malformed",
] as const;

/** Expert information of this severity and above is a complaint (epan/proto.h: PI_NOTE). */
const note = 0x400000;

/** Decodes every L2TP control message in `file`. `port` is the UDP port that L2TP was spoken on, if not 1701. */
export async function controlMessages(file: string, port = 1701): Promise<readonly Decoded[]> {
  const text = await run([
    "tshark",
    ...["-r", file, "-d", `udp.port==${port},l2tp`, "-Y", "l2tp.type == 1 || (udp && !l2tp)"],
    ...["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|"],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(decode);
}

function decode(line: string): Decoded {
  const values = line.split("\t");
  const all = (field: (typeof fields)[number]) =>
    (values[fields.indexOf(field)] ?? "").split("|").filter((v) => v !== "");
  const number = (field: (typeof fields)[number]) => Number(all(field)[0] ?? Number.NaN);
  const messages = all("_ws.expert.message");
  const complaints = all("_ws.expert.severity").flatMap((severity, index) =>
    Number(severity) >= note ? [messages[index] ?? `expert severity ${severity}`] : [],
  );
  const type = all("l2tp.avp.message_type")[0];
  if (all("l2tp.tunnel").length === 0) complaints.push("not decoded as L2TP");
  return {
    frame: number("frame.number"),
    source: all("ip.src")[0] ?? all("ipv6.src")[0] ?? "",
    destination: all("ip.dst")[0] ?? all("ipv6.dst")[0] ?? "",
    messageType: type === undefined ? undefined : Number(type),
    tunnel: number("l2tp.tunnel"),
    session: number("l2tp.session"),
    ns: number("l2tp.Ns"),
    nr: number("l2tp.Nr"),
    hidden: all("l2tp.avp.hidden").filter((bit) => bit === "1" || bit === "True").length,
    complaints: [...complaints, ...all("_ws.malformed")],
  };
}

/** tshark's account of one frame, for a failure's message. */
export const explain = (file: string, frame: number): Promise<string> =>
  run(["tshark", "-r", file, "-d", "udp.port==1701,l2tp", "-Y", `frame.number == ${frame}`, "-V", "-O", "l2tp", "-x"]);
