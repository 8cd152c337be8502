/** The forwarders that take turns: started once, checked, then measured in bursts. */
import type { ChildProcess } from "node:child_process";
import { cpuSeconds } from "../harness/cpu.js";
import type { Network } from "../harness/network.js";
import { output, ready, sleep } from "../harness/process.js";
import { fail } from "../harness/report.js";
import { east, forwarderAddress, west } from "./layout.js";

export interface Traffic {
  /** UDP payload in bytes. */
  readonly size: 64 | 1400;
  /** Frames in a super-packet of the sender (UDP_SEGMENT); a socket without UDP_GRO receives them one by one. */
  readonly segments: number;
  readonly sessions: number;
}

export interface Contender {
  readonly name: string;
  readonly address: string;
  readonly process: ChildProcess & { pid: number };
}

export interface Programs {
  readonly generate: string;
  readonly sink: string;
}

export interface Bench {
  readonly network: Network;
  readonly programs: Programs;
  readonly cores: { readonly forwarder: number; readonly generator: number };
}

/** Starts a forwarder; `command` is given its address. It ends with the benchmark: its stdin closes. */
export async function enter(
  { network, cores }: Bench,
  index: number,
  name: string,
  command: (local: string) => readonly string[],
): Promise<Contender> {
  const address = `${forwarderAddress(index)}:1701`;
  const process = network.spawn("inside", cores.forwarder, command(address));
  await ready(process, name);
  return { name, address, process };
}

function generate({ network, programs, cores }: Bench, address: string, traffic: Traffic, limit: string) {
  const { sessions, size, segments } = traffic;
  const words = [west, address, sessions, size, segments, limit].map(String);
  return output(network.spawn("outside", cores.generator, [programs.generate, ...words]));
}

/** Sends some frames slowly and has each checked on its way out; a forwarder that loses or alters one ends the benchmark. */
export async function check(bench: Bench, { name, address }: Contender, traffic: Traffic): Promise<void> {
  const { network, programs, cores } = bench;
  const sink = network.spawn("outside", cores.generator, [programs.sink, east, String(traffic.size)]);
  const verdict = output(sink);
  await sleep(30);
  const sent = Number(await generate(bench, address, traffic, String(20 * traffic.segments)));
  const [right, wrong] = (await verdict).split("\n").at(-2)?.split(" ").map(Number) ?? [];
  if (right !== sent || wrong !== 0) {
    fail(
      `${name} does not forward: of ${sent} frames of ${traffic.size} bytes ${right} arrived right and ${wrong} wrong`,
    );
  }
}

/** Waits until everything that was sent has been forwarded or dropped; answers the count of delivered frames. */
async function drained(network: Network, pid: number, size: number): Promise<number> {
  for (let before = Number.NaN; ; ) {
    await sleep(10);
    const frames = network.delivered(size);
    if (network.pending(pid) === 0 && frames === before) return frames;
    before = frames;
  }
}

/** Thousand frames delivered per second of CPU while the generator sends as fast as it can for that many seconds. */
export async function measure(bench: Bench, contender: Contender, traffic: Traffic, seconds: number): Promise<number> {
  const { network } = bench;
  const { pid } = contender.process;
  const framesBefore = network.delivered(traffic.size);
  const cpuBefore = cpuSeconds(pid);
  await generate(bench, contender.address, traffic, `${seconds}s`);
  const frames = await drained(network, pid, traffic.size);
  return (frames - framesBefore) / (cpuSeconds(pid) - cpuBefore) / 1000;
}
