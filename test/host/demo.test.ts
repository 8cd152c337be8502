import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the built demo; `watch` sees its output grow and may send it a signal. */
async function demo(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  watch: (output: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  const main = new URL("../../dist/demo/main.js", import.meta.url).pathname;
  if (!existsSync(main)) throw new Error("dist/ is not built: npm run build");
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
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

const leftovers = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("junctor-demo-"));
const socketIn = (output: string): string => /-s (\S+)/.exec(output)![1]!;

describe("npm run demo", () => {
  test.each([
    ["with batched system calls", {}],
    ["with node:dgram", { JUNCTOR_NO_FFI: "1" }],
  ])("switches every frame and ends by itself (%s)", async (_, env) => {
    const { code, output } = await demo(["--seconds", "3"], env);
    expect(output).toContain("To look closer");
    expect(output).toMatch(/^2 s {2}500 sessions up/m);
    expect(output.trimEnd()).toMatch(/passed$/);
    expect(code, output).toBe(0);
    expect(existsSync(socketIn(output))).toBe(false);
  });

  test("Ctrl-C hangs up and leaves nothing behind", async () => {
    const before = leftovers();
    let told = false;
    const { code, output } = await demo([], {}, (text, kill) => {
      if (told || !/^1 s/m.test(text)) return;
      told = true;
      kill("SIGINT");
    });
    expect(output).toContain("interrupted");
    expect(output).toContain("0 without a code");
    expect(code, output).toBe(0);
    expect(leftovers()).toEqual(before);
  });

  test("what it cannot read it says", async () => {
    const { code, output } = await demo(["--seconds", "soon"]);
    expect(output).toContain("--seconds: expected a number");
    expect(code).toBe(1);
  });
});
