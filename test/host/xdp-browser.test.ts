/** The library in headless Chromium, from modules as they are built: with shared memory, and without. Runs from dist/. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
if (browser === undefined)
  console.warn("skipped: the library in a browser: needs chromium (npm run setup -- --debian)");

const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".html": "text/html" };
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

describe.skipIf(browser === undefined)("junctor/xdp in a browser", () => {
  let server: Server;
  let profile = "";
  const asked: string[] = [];

  beforeAll(async () => {
    profile = mkdtempSync(join(tmpdir(), "junctor-browser-"));
    // Nothing but the page and dist/xdp with the errors, in pages below /isolated with shared memory.
    server = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
      asked.push(path);
      const file = path.endsWith("browser.html")
        ? join(root, "examples/xdp/library/browser.html")
        : /^\/dist\/(?:xdp\/.*|errors)\.js$/.test(path)
          ? join(root, path)
          : undefined;
      try {
        if (file === undefined) throw new Error("not served");
        const body = readFileSync(file);
        response.writeHead(200, {
          "content-type": types[extname(file)] ?? "application/octet-stream",
          ...(path.startsWith("/plain/") ? {} : isolation),
        });
        response.end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    rmSync(profile, { recursive: true, force: true });
    await new Promise((resolve) => server.close(resolve));
  });

  /** What the page at `path` shows when it is done. */
  async function show(path: string): Promise<string> {
    const { port } = server.address() as AddressInfo;
    const child = spawn(
      browser!,
      [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        `--user-data-dir=${profile}`,
        "--virtual-time-budget=10000",
        "--dump-dom",
        `http://127.0.0.1:${port}${path}`,
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    let page = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      page += text;
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), 50_000);
    await new Promise((resolve) => child.on("close", resolve));
    clearTimeout(limit);
    return /<pre id="output">([^<]*)<\/pre>/.exec(page)?.[1] ?? page;
  }

  it.each([
    ["/isolated/browser.html", "shared memory"],
    ["/plain/browser.html", "memory of its own"],
  ])("%s has %s", { timeout: 60_000 }, async (path, memory) => {
    expect(await show(path)).toBe(`jit tx\ninterpreter tx\nframes 2\n${memory}\n`);
    expect(asked).toContain("/dist/xdp/index.js");
  });
});
