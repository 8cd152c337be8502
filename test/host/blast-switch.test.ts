import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { type BlastOptions, type Report, runBlast } from "../../src/blast/index.js";
import { called, type Gateway, startGateway } from "../../src/demo/gateway.js";

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));

let junctor: Gateway | undefined;
afterEach(async () => {
  await junctor?.stop();
  junctor = undefined;
});

/** A run through the daemon, in front of two LNSs. */
const through = (options: Partial<BlastOptions>): Promise<Report> =>
  runBlast(
    { lnsListen: ["127.0.0.1:0", "127.0.0.1:0"], calledNumber: called.switched, seconds: 1, rate: 2000, ...options },
    {
      async listening({ lns }) {
        junctor = await startGateway({ lns, tunnels: options.tunnels ?? 1, subscribers: 0, virtual: true });
        return junctor.address;
      },
    },
  );

const sessionsLeft = (): number => {
  const output = execFileSync(process.execPath, [program, "-j", "-s", junctor!.socket, "session", "show"]);
  return (JSON.parse(output.toString()) as unknown[]).length;
};

test("many tunnels and sessions: all come up, every frame arrives, all end with a code, nothing is left", async () => {
  const report = await through({ tunnels: 40, sessions: 50, hangup: "lac" });
  expect(report.problems).toEqual([]);
  expect(report.setup.sessions.up).toBe(2000);
  expect(report.traffic!.up.received).toBeGreaterThan(500);
  expect(report.teardown).toMatchObject({ lac: { "local: result 1": 2000 }, lns: { "peer: result 1": 2000 } });
  expect(sessionsLeft()).toBe(0);
});

test("with sequence numbers on both legs, frames of odd size, by node:dgram", async () => {
  const report = await through({ tunnels: 4, sessions: 5, sequencing: true, size: 1397, transport: "dgram" });
  expect(report.problems).toEqual([]);
});

test("as fast as frames come back, nothing is altered or misdelivered", async () => {
  const report = await through({ tunnels: 4, sessions: 25, rate: 0, inFlight: 64, size: 300 });
  expect(report.problems).toEqual([]);
  expect(report.traffic!.up.received).toBeGreaterThan(1000);
});
