/**
 * The subscribers of an LNS with a control plane: subscribers OPTIONS FILE. Dials in with the load tool, writes `TUNNEL SESSION
 * ADDRESS` of each session to FILE, prints `ready` and the address of its first socket, and keeps them up. Each line on stdin, a JSON array, is then a command to
 * run with the tunnel's socket as descriptor 3, whose output is printed as a line. Ends in order when its stdin does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type BlastOptions, runBlast, type SessionUp } from "../../src/blast/index.js";

const [options = "{}", file = ""] = process.argv.slice(2);
const controller = new AbortController();

async function obey(socket: number): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [program = "", ...words] = JSON.parse(line) as string[];
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit", socket] });
    let text = "";
    child.stdout!.on("data", (chunk) => {
      text += chunk;
    });
    await once(child, "close");
    console.log(text.trim());
  }
  controller.abort();
}

function begin(sessions: readonly SessionUp[]): void {
  const lines = sessions.map(
    ({ peerTunnelId, peerSessionId, address }) => `${peerTunnelId} ${peerSessionId} ${address}\n`,
  );
  writeFileSync(file, lines.join(""));
  console.log(`ready ${sessions[0]!.local}`);
  void obey(sessions[0]!.fd!);
}

const given = JSON.parse(options) as Partial<BlastOptions>;
const report = await runBlast(
  { ...given, ppp: true, traffic: false, hold: 1e6, hangup: "lac" },
  {
    signal: controller.signal,
    sessions(up) {
      if (up.length === (given.tunnels ?? 1) * (given.sessions ?? 1)) begin(up);
      else controller.abort();
    },
  },
);
if (report.problems.length > 0) console.error(report.problems.join("; "), report.setup.failures);
process.exit(report.problems.length > 0 ? 1 : 0);
