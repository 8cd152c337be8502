/** The LNSs that take turns: started once, checked, then measured in bursts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cpuSeconds } from "../harness/cpu.js";
import { startL2tpns } from "../harness/l2tpns.js";
import { root } from "../harness/paths.js";
import { output, ready, sleep } from "../harness/process.js";
import { password } from "../harness/radius.js";
import { fail } from "../harness/report.js";
import { addresses, type Child, type Spaces } from "../harness/spaces.js";
import { place, prefixOf, subscriberOf, tunnelIds } from "./layout.js";

export interface Bench {
  readonly spaces: Spaces;
  readonly programs: { readonly upload: string; readonly download: string };
  readonly cores: { readonly lns: number; readonly generator: number };
}

export interface Contender {
  readonly name: string;
  readonly process: Child;
  /** File with `TUNNEL SESSION ADDRESS` of its sessions. */
  readonly sessions: string;
  readonly address: string;
  /** Runs a program that sends in its tunnel: `command` is given the socket. Answers what it prints. */
  send(command: (socket: string) => readonly string[]): Promise<string>;
}

export const folder = mkdtempSync(join(tmpdir(), "bench-lns-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export const program = (name: string): readonly string[] => [
  process.execPath,
  join(root, `.build/bench/lns/${name}.js`),
];

/** Our data plane; `index` is its place. */
export async function enterPlane(
  { spaces, cores }: Bench,
  index: number,
  sessions: number,
  options: { readonly segmentation?: boolean; readonly kernelRoutes?: boolean } = {},
): Promise<Contender> {
  const name = `the switch with ${sessions} sessions`;
  const here = place(index);
  const child = spaces.spawn("lns", cores.lns, [
    ...program("plane"),
    String(index),
    String(sessions),
    JSON.stringify(options),
  ]);
  await ready(child, name);
  const file = join(folder, `sessions-${index}`);
  const line = (number: number) => `${tunnelIds.ours} ${number} ${subscriberOf(here, number)}\n`;
  writeFileSync(file, Array.from({ length: sessions }, (_, i) => line(i + 1)).join(""));
  return {
    name,
    process: child,
    sessions: file,
    address: here.local,
    send: (command) => output(spaces.spawn("lac", cores.generator, command(here.lac))),
  };
}

/** l2tpns, its subscribers dialled in by the load tool. */
export async function enterL2tpns({ spaces, cores }: Bench, sessions: number): Promise<Contender> {
  const child = await startL2tpns(spaces, cores.lns, prefixOf(place(0)));
  const address = `${addresses.lns}:1701`;
  const file = join(folder, "sessions-l2tpns");
  const options = { switch: address, lacBind: addresses.lac, user: "user-%d", password, sessions };
  const dialled = spaces.spawn("lac", cores.generator, [...program("subscribers"), JSON.stringify(options), file]);
  const lines = createInterface({ input: dialled.stdout! })[Symbol.asyncIterator]();
  if (!/^ready /.test((await lines.next()).value ?? "")) fail("the subscribers of l2tpns did not come up");
  return {
    name: "l2tpns",
    process: child,
    sessions: file,
    address,
    async send(command) {
      dialled.stdin!.write(`${JSON.stringify(command("3"))}\n`);
      const { value, done } = await lines.next();
      return done === true ? fail("the subscribers of l2tpns have gone") : value;
    },
  };
}

export type Direction = "to-tun" | "from-tun";

export interface Traffic {
  readonly direction: Direction;
  /** Of the IP packet. */
  readonly size: 64 | 1400;
  /** Packets in a super-packet of the sender. */
  readonly segments: number;
}

/** Ethernet, IPv4 and UDP header. */
const overhead = 14 + 20 + 8;
/** L2TP header and PPP header. */
const tunnelled = 6 + 4;

/** Packets that have come out of the LNS, super-packets counted by their segments. */
function delivered({ spaces }: Bench, { direction, size }: Traffic): number {
  const [device, payload] =
    direction === "to-tun" ? (["void", size - 28] as const) : (["west", size + tunnelled] as const);
  const { txBytes, txPackets } = spaces.counters("lns", device);
  return (txBytes - txPackets * overhead) / payload;
}

const generate = (bench: Bench, contender: Contender, { direction, size, segments }: Traffic, limit: string) => {
  const { spaces, programs, cores } = bench;
  const packets = [String(size), String(segments)];
  if (direction === "from-tun") {
    const command = [programs.download, contender.sessions, ...packets, limit];
    return output(spaces.spawn("internet", cores.generator, command));
  }
  return contender.send((socket) => [
    programs.upload,
    socket,
    contender.address,
    contender.sessions,
    ...packets,
    addresses.nowhere,
    limit,
  ]);
};

/** Waits until everything that was sent has been forwarded or dropped; answers the count of delivered packets. */
async function drained(bench: Bench, traffic: Traffic): Promise<number> {
  for (let before = Number.NaN; ; ) {
    await sleep(20);
    const packets = delivered(bench, traffic);
    if (bench.spaces.pending("lns") === 0 && Math.abs(packets - before) < 20) return packets;
    before = packets;
  }
}

/** Sends some packets slowly; an LNS that does not forward all of them, even when asked again, ends the benchmark. */
export async function check(bench: Bench, contender: Contender, traffic: Traffic): Promise<void> {
  let said = "";
  // What an LNS says of its own accord meanwhile, a keepalive of all sessions say, counts as packets too.
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = delivered(bench, traffic);
    const sent = Number(await generate(bench, contender, traffic, String(50 * traffic.segments)));
    const arrived = (await drained(bench, traffic)) - before;
    if (Math.abs(arrived - sent) <= 1 + sent / 20) return;
    said = `of ${sent} packets ${arrived.toFixed(1)} came out`;
  }
  fail(`${contender.name} does not forward (${traffic.direction}, ${traffic.size} bytes): ${said}`);
}

/** Thousand packets forwarded per second of CPU. */
export async function measure(bench: Bench, contender: Contender, traffic: Traffic, seconds: number): Promise<number> {
  const { pid } = contender.process;
  const packetsBefore = delivered(bench, traffic);
  const cpuBefore = cpuSeconds(pid);
  await generate(bench, contender, traffic, `${seconds}s`);
  const packets = (await drained(bench, traffic)) - packetsBefore;
  return packets / (cpuSeconds(pid) - cpuBefore) / 1000;
}
