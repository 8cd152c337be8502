import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

const main = new URL("../../dist/demo/main.js", import.meta.url).pathname;
const here = [process.execPath, main];
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...here];

/** Runs the built demo by a command; `watch` sees its output grow and may send it a signal. */
async function demo(
  args: readonly string[],
  { env = {}, command = here }: { env?: NodeJS.ProcessEnv; command?: readonly string[] } = {},
  watch: (output: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  if (!existsSync(main)) throw new Error("dist/ is not built: npm run build");
  const [program = "", ...words] = [...command, ...args];
  const child = spawn(program, words, { env: { ...process.env, ...env } });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      chunks.push(chunk);
      watch(chunks.join(""), (signal) => child.kill(signal));
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output: chunks.join("") };
}

const root = process.getuid?.() === 0;
const { reason: noInterface } = requires("the demo with a network interface", ["unshare"]);
// A checkout below root's home is out of reach for others.
const nobodyCan = root && spawnSync(asNobody[0]!, [...asNobody.slice(1), "--help"], { encoding: "utf8" }).status === 0;
if (root && !nobodyCan) console.warn("skipped: the demo without root: nobody cannot read the checkout");

/** The directory that everything of a demo is in. */
const homeIn = (output: string): string => dirname(/-s (\S+)/.exec(output)![1]!);

/** Both halves were up, nothing was lost, and everything is undone. */
function expectPassed({ code, output }: Ended): void {
  expect(output).toContain("To look closer");
  expect(output).toMatch(/^2 s {2}250 sessions switched, 250 terminated {2}.*pings \d/m);
  expect(output).toMatch(/pings {8}sent ([\d ]{3,}), answered \1, lost 0, altered 0;/);
  expect(output).toContain("500 sessions, 0 without a code; addresses still in use: 0");
  expect(output.trimEnd()).toMatch(/passed$/);
  expect(code, output).toBe(0);
  expect(existsSync(homeIn(output))).toBe(false);
}

describe("npm run demo", () => {
  test.skipIf(noInterface !== undefined)(
    "switches and terminates by a network interface that is not the machine's",
    async () => {
      const before = readdirSync("/sys/class/net");
      let during: readonly string[] = [];
      const ended = await demo(["--seconds", "3"], {}, (text) => {
        if (/^1 s/m.test(text)) during = readdirSync("/sys/class/net");
      });
      expect(ended.output).toContain("junctor0, is in a network namespace of its own");
      expectPassed(ended);
      expect(during).toContain("lo");
      expect(during).not.toContain("junctor0");
      expect(before).not.toContain("junctor0");
    },
  );

  test.skipIf(root && !nobodyCan)("without root it has a virtual device, and says so", async () => {
    const ended = await demo(["--seconds", "3"], { command: root ? asNobody : here });
    expect(ended.output).toContain("A virtual device stands for the gateway's network interface (without root)");
    expectPassed(ended);
  });

  test("with node:dgram it has a virtual device, too", async () => {
    const ended = await demo(["--seconds", "3"], { env: { JUNCTOR_NO_FFI: "1" } });
    expect(ended.output).toContain("A virtual device");
    expectPassed(ended);
  });

  test("Ctrl-C hangs up and leaves nothing behind", async () => {
    let told = false;
    const { code, output } = await demo([], {}, (text, kill) => {
      if (told || !/^1 s/m.test(text)) return;
      told = true;
      kill("SIGINT");
    });
    expect(output).toContain("interrupted");
    expect(output).toContain("0 without a code; addresses still in use: 0");
    expect(code, output).toBe(0);
    expect(existsSync(homeIn(output))).toBe(false);
  });

  test.skipIf(noInterface !== undefined)("killed, it leaves nothing behind either", async () => {
    const { output } = await demo([], {}, (text, kill) => {
      if (/^1 s/m.test(text)) kill("SIGKILL");
    });
    expect(output).toContain("0 without a code; addresses still in use: 0");
    await eventually("its directory is gone", async () => (existsSync(homeIn(output)) ? undefined : true));
  });

  test("what it cannot read it says", async () => {
    const { code, output } = await demo(["--seconds", "soon"]);
    expect(output).toContain("--seconds: expected a number");
    expect(code).toBe(1);
  });
});
