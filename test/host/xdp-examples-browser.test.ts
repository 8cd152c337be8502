/** The browser example in a real browser: the page is served, opened headless, and its document looked at. */
import { execFile } from "node:child_process";
import { accessSync, constants, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../../examples/xdp/browser/serve.mjs";
import { loadXdp } from "../../src/xdp/index.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { udp } from "./packets.js";
import { buildExamples, cannotRun } from "./xdp-examples-rig.js";

const chromium = "/usr/bin/chromium";
function cannotBrowse(): string | undefined {
  try {
    accessSync(chromium, constants.X_OK);
  } catch {
    return "needs chromium (npm run setup -- --debian)";
  }
  return cannotRun();
}
const reason = cannotBrowse();
if (reason !== undefined) console.warn(`skipped: XDP in a browser: ${reason}`);

describe.skipIf(reason !== undefined)("XDP in a browser", { timeout: 60_000 }, () => {
  const undo = undoStack();
  let origin: string;
  let dscp: Uint8Array;
  let profile: string;

  beforeAll(async () => {
    profile = temporaryDirectory(undo, "chromium");
    const objects = temporaryDirectory(undo, "objects");
    dscp = buildExamples(undo)("dscp");
    writeFileSync(join(objects, "dscp.o"), dscp);
    writeFileSync(join(objects, "broken.o"), dscp.slice(0, 1000));
    const server = await serve({ objects });
    undo.defer(() => void server.close());
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => undo.run());

  /** Text of the page's elements by id, when it is done. */
  async function page(query: Readonly<Record<string, string>>): Promise<(id: string) => string> {
    const url = `${origin}/examples/xdp/browser/?${new URLSearchParams(query)}`;
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
    ];
    const { stdout } = await promisify(execFile)(chromium, [...args, "--virtual-time-budget=8000", "--dump-dom", url], {
      timeout: 50_000,
      maxBuffer: 1 << 24,
    });
    return (id) => {
      const inner = new RegExp(`id="${id}"[^>]*>([\\s\\S]*?)</(?:pre|output)>`).exec(stdout)?.[1] ?? "";
      return inner
        .replaceAll(/<[^>]+>/g, "")
        .replaceAll("&gt;", ">")
        .replaceAll("&lt;", "<")
        .replaceAll("&amp;", "&");
    };
  }

  const packet = udp({ from: "10.1.0.7", to: "198.51.100.9" }, [1, 2], new Uint8Array(20));
  const frame = Buffer.concat([Buffer.from("0200000000010200000000020800", "hex"), packet]);

  it.each(["jit", "interpreter"] as const)("runs an object on a frame, as Node does: %s", async (engine) => {
    const text = await page({
      object: "/objects/dscp.o",
      maps: JSON.stringify({ classes: [[{ by: 0, number: 0 }, 46]] }),
      frame: frame.toString("hex"),
      engine,
    });
    expect(text("problem")).toBe("");
    expect(text("verdict")).toBe("XDP_PASS");
    const object = loadXdp(dscp);
    object.map("classes").set({ by: 0, number: 0 }, 46);
    const program = object.program("mark");
    const here = program.run(frame);
    expect(here.frame[15]).toBe(46 << 2);
    expect(text("result").replaceAll(/\s/g, "")).toBe(Buffer.from(here.frame).toString("hex"));
    expect(text("listing").trim()).toBe(program.disassemble().trim());
    expect(text("listing")).toContain("call kfunc junctor_policy#4");
  });

  it("begins with a program in assembly", async () => {
    const text = await page({ frame: frame.toString("hex") });
    expect(text("problem")).toBe("");
    expect(text("verdict")).toBe("XDP_TX");
    expect(text("result").replaceAll(/\s/g, "").slice(0, 28)).toBe("0200000000020200000000010800");
  });

  it("says what is wrong with an object", async () => {
    const text = await page({ object: "/objects/broken.o" });
    expect(text("verdict")).toBe("");
    expect(text("problem")).toMatch(/section|ELF|bytes/);
  });
});
