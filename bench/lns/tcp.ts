/** Bulk transfer by TCP between a subscriber and the internet, through an LNS that routes it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cpuSeconds } from "../harness/cpu.js";
import { output, ready, sleep } from "../harness/process.js";
import { password } from "../harness/radius.js";
import { fail } from "../harness/report.js";
import { addresses, type Child } from "../harness/spaces.js";
import { type Bench, type Contender, folder, program } from "./contender.js";
import { place, subscriberOf, tunnelIds } from "./layout.js";

/** A session whose subscriber's end is ours to be. */
export interface Line {
  readonly local: string;
  readonly lns: string;
  readonly tunnel: number;
  readonly session: number;
  readonly address: string;
}

/** Of the tunnel: IPv4, UDP, L2TP and PPP header fit with it into 1500 bytes. */
const mtu = 1400;
const port = 5001;

/** The first session of our data plane at a place. */
export const lineOf = (index: number): Line => ({
  local: place(index).lac,
  lns: place(index).local,
  tunnel: tunnelIds.ours,
  session: 1,
  address: subscriberOf(place(index), 1),
});

/** Dials in at l2tpns and has the load tool go away without a word, so that its end of the tunnel can be taken over. */
export async function dialLine({ spaces, cores }: Bench, l2tpns: Contender): Promise<Line> {
  const file = join(folder, "line");
  const options = { switch: l2tpns.address, lacBind: addresses.lac, user: "line", password };
  const dialled = spaces.spawn("lac", cores.generator, [...program("subscribers"), JSON.stringify(options), file]);
  const lines = createInterface({ input: dialled.stdout! })[Symbol.asyncIterator]();
  const local = /^ready (.*)/.exec((await lines.next()).value)?.[1];
  if (local === undefined) fail("the subscriber of l2tpns did not come up");
  const gone = new Promise((resolve) => dialled.once("exit", resolve));
  dialled.kill("SIGKILL");
  await gone;
  const [tunnel, session, address = ""] = readFileSync(file, "utf8").trim().split(" ");
  return { local, lns: l2tpns.address, tunnel: Number(tunnel), session: Number(session), address };
}

export interface Subscriber {
  readonly contender: Contender;
  /** The internet's address that it reaches through its line. */
  readonly server: string;
}

export const serve = async ({ spaces, cores }: Bench, bulk: string): Promise<void> =>
  ready(spaces.spawn("internet", cores.generator, [bulk, "serve", String(port)]), "the TCP server");

/** Connects a line; `index` tells subscribers apart. */
export async function connect(
  { spaces, cores }: Bench,
  relay: string,
  contender: Contender,
  line: Line,
  index: number,
): Promise<Subscriber> {
  const device = `line${index}`;
  const { local, lns, tunnel, session, address } = line;
  const child = spaces.spawn("lac", cores.generator, [relay, device, local, lns, String(tunnel), String(session)]);
  await ready(child, "the subscriber's relay");
  const server = `10.2.0.${10 + index}`;
  spaces.ip("lac", "address", "add", `${address}/32`, "dev", device);
  spaces.ip("lac", "link", "set", device, "mtu", String(mtu), "up");
  spaces.ip("lac", "route", "add", `${server}/32`, "dev", device, "src", address);
  spaces.ip("internet", "address", "add", `${server}/24`, "dev", "eth0");
  return { contender, server };
}

/** Megabytes that arrive per second of the LNS's CPU. */
export async function transfer(
  { spaces, cores }: Bench,
  bulk: string,
  { contender, server }: Subscriber,
  direction: "get" | "put",
  seconds: number,
): Promise<number> {
  const { pid } = contender.process;
  const before = cpuSeconds(pid);
  const child: Child = spaces.spawn("lac", cores.generator, [bulk, direction, `${server}:${port}`, String(seconds)]);
  const megabytes = Number(await output(child)) / 1e6;
  await sleep(20);
  return megabytes / (cpuSeconds(pid) - before);
}
