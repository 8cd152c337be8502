import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type BlastOptions, type Report, runBlast } from "../../src/blast/index.js";
import { blast } from "../../src/blast/main.js";
import { ffiMissing } from "../../src/system/index.js";
import { type Mischief, type Relay, startRelay } from "./blast-relay.js";

const transports = ffiMissing() === undefined ? (["ffi", "dgram"] as const) : (["dgram"] as const);
const small = { tunnels: 3, sessions: 4, rate: 800, seconds: 0.5, size: 200, seed: 7 } as const;

let relay: Relay | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await relay?.close();
  relay = undefined;
});

/** A run through a relay that does this to data messages. */
const through = (mischief: Mischief, options: Partial<BlastOptions> = {}) =>
  runBlast(
    { ...small, ...options },
    {
      async listening({ lns }) {
        relay = await startRelay(lns[0]!, mischief);
        return relay.address;
      },
    },
  );

const every = (n: number, alter: (message: Buffer) => readonly Buffer[]): Mischief => {
  return (message, way, count) => (way === "up" && count % n === n - 1 ? alter(message) : [message]);
};

describe.each(transports)("blast against itself (%s)", (transport) => {
  test("every session comes up, every frame arrives, every call ends with the code that the other side gave", async () => {
    const report = await runBlast({ ...small, transport });
    expect(report.problems).toEqual([]);
    expect(report.run.transport).toBe(transport);
    expect(report.setup.tunnels).toMatchObject({ up: 3, failed: 0 });
    expect(report.setup.sessions).toMatchObject({ up: 12, failed: 0 });
    expect(report.setup.sessions.latency.count).toBe(12);
    for (const flow of [report.traffic!.up, report.traffic!.down]) {
      expect(flow.sent).toBeGreaterThan(150);
      expect(flow).toMatchObject({ received: flow.sent, lost: 0, altered: 0, misdelivered: 0, duplicated: 0 });
      expect(flow.delay?.count).toBe(flow.sent);
    }
    expect(report.teardown).toMatchObject({
      sessions: 12,
      withoutCode: 0,
      lac: { "local: result 1": 6, "peer: result 3": 6 },
      lns: { "local: result 3": 6, "peer: result 1": 6 },
    });
  });

  test("with authentication and hidden AVPs", async () => {
    const report = await runBlast({ ...small, transport, secret: Buffer.from("s3cret"), hidden: true, seconds: 0.2 });
    expect(report.problems).toEqual([]);
  });

  test("with sequence numbers, which the LAC demands and both ends put in", async () => {
    const sequences: number[] = [];
    const look: Mischief = (message) => {
      sequences.push((message.readUInt16BE(0) & 0x0800) !== 0 ? message.readUInt16BE(6) : -1);
      return [message];
    };
    const report = await through(look, { transport, sequencing: true, tunnels: 1, sessions: 1, size: 1400 });
    expect(report.problems).toEqual([]);
    const { up, down } = report.traffic!;
    expect(sequences.toSorted((a, b) => a - b).slice(0, 4)).toEqual([0, 0, 1, 1]);
    expect(sequences).toHaveLength(up.sent + down.sent);
  });

  test("as fast as frames come back", async () => {
    const report = await runBlast({ ...small, transport, rate: 0, inFlight: 32, maxLoss: 0 });
    expect(report.problems).toEqual([]);
    expect(report.traffic!.up.received).toBeGreaterThan(1000);
  });

  test("frames larger than the MTU, and of odd sizes", async () => {
    for (const size of [52, 53, 1403, 5001]) {
      const report = await runBlast({ ...small, transport, size, seconds: 0.2 });
      expect(report.problems, `size ${size}`).toEqual([]);
      expect(report.traffic!.up.receivedBytes).toBe(report.traffic!.up.received * size);
    }
  });

  test("over IPv6, several LNS sockets, each tunnel its own port, the LNS hanging up", async () => {
    const report = await runBlast({
      ...small,
      transport,
      lnsListen: ["[::1]:0", "[::1]:0"],
      lacBind: "::1",
      lacSockets: 3,
      hangup: "lns",
      seconds: 0.2,
    });
    expect(report.problems).toEqual([]);
    expect(report.teardown.lac).toEqual({ "peer: result 3": 12 });
  });

  test("frames that a relay alters are found", async () => {
    let altered = 0;
    const report = await through(
      every(10, (message) => {
        altered++;
        message[6 + ((altered * 7) % (message.length - 6))]! ^= 0x20;
        return [message];
      }),
      { transport },
    );
    expect(altered).toBeGreaterThan(10);
    expect(report.traffic!.up).toMatchObject({ altered, lost: 0, misdelivered: 0 });
    expect(report.traffic!.down).toMatchObject({ altered: 0, lost: 0 });
    expect(report.passed).toBe(false);
    expect(report.problems).toEqual([`up: ${altered} frames altered`]);
  });

  test("frames that a relay drops, repeats and swaps are counted", async () => {
    const lossy = await through(
      every(10, () => []),
      { transport },
    );
    const { sent, lost, received } = lossy.traffic!.up;
    expect(lost).toBe(Math.floor(sent / 10));
    expect(received).toBe(sent - lost);
    expect(lossy.passed).toBe(false);
    await relay?.close();
    const tolerated = await through(
      every(10, () => []),
      { transport, maxLoss: 0.11 },
    );
    expect(tolerated.problems).toEqual([]);
    await relay?.close();

    const doubled = await through(
      every(10, (message) => [message, message]),
      { transport },
    );
    expect(doubled.traffic!.up).toMatchObject({ lost: 0, duplicated: Math.floor(doubled.traffic!.up.sent / 10) });
    expect(doubled.passed).toBe(false);
    await relay?.close();

    let held: Buffer | undefined;
    const swap: Mischief = (message, way, count) => {
      if (way === "down") return [message];
      if (count % 20 !== 0) {
        const out = count % 20 === 13 && held ? [message, held] : [message];
        if (out.length === 2) held = undefined;
        return out;
      }
      const late = held ? [held] : [];
      held = message;
      return late;
    };
    const swapped = await through(swap, { transport, tunnels: 1, sessions: 1, maxLoss: 0.01 });
    expect(swapped.problems).toEqual([]);
    expect(swapped.traffic!.up.reordered).toBeGreaterThan(5);
  });

  test("frames that a relay delivers to another session are found", async () => {
    // Two sessions of one tunnel: each time a frame of the one comes, it goes where the last of the other went.
    const last = new Map<number, Buffer>();
    let crossed = 0;
    const cross: Mischief = (message, way, count) => {
      if (way === "down") return [message];
      const session = message.readUInt16BE(4);
      const other = [...last].find(([id]) => id !== session);
      last.set(session, Buffer.from(message.subarray(2, 6)));
      if (other === undefined || count % 8 !== 0) return [message];
      crossed++;
      other[1].copy(message, 2);
      return [message];
    };
    const report = await through(cross, { transport, tunnels: 1, sessions: 2 });
    expect(crossed).toBeGreaterThan(5);
    expect(report.traffic!.up).toMatchObject({ misdelivered: crossed, altered: 0, lost: 0 });
    expect(report.passed).toBe(false);
  });

  test("frames with ids that nobody has are stray", async () => {
    const report = await through(
      every(50, (message) => {
        message.writeUInt32BE(0xffff_ffff, 2);
        return [message];
      }),
      { transport },
    );
    expect(report.traffic!.up.stray).toBeGreaterThan(0);
    expect(report.problems.join()).toContain("ids that no session has");
  });

  test("an abort ends it early, in order", async () => {
    const controller = new AbortController();
    const from = performance.now();
    const report = await runBlast(
      { ...small, transport, seconds: 60 },
      { signal: controller.signal, progress: ({ phase }) => phase === "traffic" && controller.abort() },
    );
    expect(performance.now() - from).toBeLessThan(30_000);
    expect(report).toMatchObject({ interrupted: true, passed: false, problems: [] });
    expect(report.teardown).toMatchObject({ sessions: 12, withoutCode: 0 });
  });
});

describe("blast", () => {
  test("one end each, in two runs", async () => {
    let other: Promise<Report> | undefined;
    const address = await new Promise<string>((resolve, reject) => {
      other = runBlast(
        { ...small, role: "lns" },
        {
          listening({ lns }) {
            resolve(lns[0]!);
            return undefined;
          },
        },
      );
      other.catch(reject);
    });
    const lac = await runBlast({ ...small, role: "lac", switch: address, hold: 0.5 });
    const lns = await other!;
    expect(lac.problems).toEqual([]);
    expect(lns.problems).toEqual([]);
    expect(lns.traffic!.up.received).toBe(lac.traffic!.up.sent);
    expect(lac.traffic!.down).toMatchObject({ received: lns.traffic!.down.sent, lost: 0 });
    expect(lns.teardown).toMatchObject({ sessions: 12, withoutCode: 0 });
  });

  test("a switch that does not answer is a failed run, not a hang", async () => {
    const silent = await startRelay("127.0.0.1:9", () => []);
    try {
      const report = await runBlast({ ...small, switch: silent.address, setupTimeout: 1 });
      expect(report.setup.tunnels).toMatchObject({ up: 0, failed: 3 });
      expect(report.setup.sessions).toMatchObject({ up: 0, failed: 12 });
      expect(report.traffic).toBeNull();
      expect(report.passed).toBe(false);
    } finally {
      await silent.close();
    }
  });

  test("the command prints its report as JSON, and answers how it went", async () => {
    const home = mkdtempSync(join(tmpdir(), "junctor-blast-"));
    const file = join(home, "secret");
    writeFileSync(file, "s3cret\n");
    const written: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
    vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
    try {
      const args = ["--tunnels", "2", "--seconds", "0.2", "--secret-file", file, "--json"];
      expect(await blast(args)).toBe(0);
      expect(JSON.parse(written.splice(0).join(""))).toMatchObject({ version: 1, passed: true });

      expect(await blast(["--help"])).toBe(0);
      expect(written.splice(0).join("")).toContain("--lns-listen");
      expect(await blast(["--tunnels", "many"])).toBe(1);
      expect(written.splice(0).join("")).toContain("--tunnels many: expected a whole number");
      for (const transport of transports) {
        expect(await blast(["--lns-listen", "192.0.2.1:1701", "--transport", transport])).toBe(1);
        expect(written.splice(0).join("")).toContain("192.0.2.1");
      }
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
