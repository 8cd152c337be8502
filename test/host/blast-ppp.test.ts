/** Subscribers of `junctor blast --ppp` dial in at the daemon as their LNS, send to each other, and hang up. Runs from dist/. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../src/blast/index.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { long } from "../seed.js";

const title = "subscribers dial in at the daemon";
const { reason } = requires(title, ["sysctl"]);

const many = long ? 20_000 : 200;
const perTunnel = 100;
/** KiB of memory that a terminated session may take, once things have settled. */
const memoryGoal = 24;

const program = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));

const config = (users: string): string => `
log: { level: warn }
access: [{ l2tp: { listen: "10.1.0.1:1701" } }]
policy:
  - { match: { called-number: pap }, terminate: { pool: main, authentication: [pap] } }
  - { match: { called-number: chap }, terminate: { pool: main, authentication: [chap] } }
  - { match: { called-number: mschapv2 }, terminate: { pool: main, authentication: [mschapv2] } }
tun: { name: jct0, address: 100.127.255.254 }
pools: { main: { ranges: [100.64.0.0/16] } }
aaa: { local: ${JSON.stringify(users)} }
`;

interface PoolRow {
  readonly used: number;
  readonly size: number;
}

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let lac: Namespace;
  let junctor: Junctor;

  beforeAll(async () => {
    lac = await createNamespace(undo, "lac");
    const lns = await createNamespace(undo, "lns");
    await link(
      { space: lac, name: "eth0", addresses: ["10.1.0.2/24"] },
      { space: lns, name: "eth0", addresses: ["10.1.0.1/24"] },
    );
    // Subscribers that send to each other come in and leave by the same device.
    const redirects = ["all", "default"].map((of) => `net.ipv4.conf.${of}.send_redirects=0`);
    await lns.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", ...redirects]);
    const users = `${temporaryDirectory(undo, "users")}/users`;
    const lines = Array.from({ length: many }, (_, i) => `subscriber-${i} * password-${i} *\n`);
    writeFileSync(users, lines.join(""), { mode: 0o600 });
    junctor = await startJunctor(undo, lns, { config: config(users), secrets: {} });
  }, 60_000);
  afterAll(() => undo.run());

  /** Runs the load tool. */
  async function dial(words: readonly string[], password = "password-%d"): Promise<Report> {
    const command = [
      process.execPath,
      program,
      "blast",
      "--ppp",
      "--switch",
      "10.1.0.1:1701",
      "--lac-bind",
      "10.1.0.2",
    ];
    const text = await lac
      .run([...command, "--user", "subscriber-%d", "--password", password, "--json", ...words], {
        timeout: 200_000,
      })
      .catch((error: { stdout?: string }) => {
        if (!error.stdout) throw error;
        return error.stdout;
      });
    return JSON.parse(text) as Report;
  }
  const used = async (): Promise<number> =>
    (await junctor.get<{ pools: PoolRow[] }>("/v1/pools")).pools.reduce((sum, pool) => sum + pool.used, 0);
  const nothingLeft = () =>
    eventually("no address is in use, no session is left", async () =>
      (await used()) === 0 && (await junctor.sessions()).length === 0 ? true : undefined,
    );
  const resident = (): number =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${junctor.process.pid}/status`, "utf8"))?.[1]);

  it.each(["pap", "chap", "mschapv2"])(
    "authenticates by %s, and packets between subscribers arrive",
    async (method) => {
      const report = await dial(["--called-number", method, "--sessions", "10", "--rate", "500", "--seconds", "0.5"]);
      expect(report.problems).toEqual([]);
      expect(report.ppp).toEqual({ up: 10, duplicateAddresses: 0, lost: 0, failures: {} });
      expect(report.traffic?.up.received).toBeGreaterThan(100);
      expect(report.traffic?.up).toMatchObject({ lost: 0, altered: 0, misdelivered: 0, duplicated: 0 });
      await nothingLeft();
    },
  );

  it("dials in with sequence numbers in data, over the slow transport, and hangs up in PPP", async () => {
    const odd = ["--sequencing", "--transport", "dgram", "--hangup", "ppp"];
    const report = await dial([
      "--called-number",
      "pap",
      "--sessions",
      "5",
      "--rate",
      "200",
      "--seconds",
      "0.5",
      ...odd,
    ]);
    expect(report.problems).toEqual([]);
    expect(report.ppp).toMatchObject({ up: 5, lost: 0 });
    await nothingLeft();
  });

  it("a wrong password is a failure with its reason, and leaves nothing behind", async () => {
    const report = await dial(["--called-number", "pap", "--sessions", "5"], "wrong");
    expect(report).toMatchObject({ passed: false, ppp: { up: 0, failures: { "authentication refused": 5 } } });
    await nothingLeft();
  });

  it(`${many} dial in, get addresses, pass traffic, and hang up`, async () => {
    const before = resident();
    const sizes = ["--tunnels", String(many / perTunnel), "--sessions", String(perTunnel)];
    const settling = long ? 15 : 0.5;
    const traffic = ["--size", "200", "--rate", long ? "6000" : "2000", "--seconds", long ? "5" : "1"];
    const dialled = dial(["--called-number", "chap", ...sizes, ...traffic, "--hold", String(settling)]);
    let most = 0;
    await eventually(
      "all are up",
      async () => {
        most = Math.max(most, await used());
        return most === many ? true : undefined;
      },
      120_000,
    );
    if (long) {
      // Traffic, and most of the silence after it, in which an idle daemon collects its garbage.
      await new Promise((resolve) => setTimeout(resolve, 16_000));
      expect((resident() - before) / many).toBeLessThan(memoryGoal);
    }
    const report = await dialled;
    expect(report.problems).toEqual([]);
    expect(report.ppp).toEqual({ up: many, duplicateAddresses: 0, lost: 0, failures: {} });
    expect(report.traffic?.up.sent).toBeGreaterThan(many);
    expect(report.traffic?.up).toMatchObject({ lost: 0, altered: 0, misdelivered: 0, duplicated: 0 });
    expect(report.teardown).toMatchObject({ sessions: many, withoutCode: 0 });
    await nothingLeft();
  }, 240_000);
});
