/** What the daemon tells a service manager, heard on a socket of the manager's kind. Runs from dist/. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ffiMissing, libc, structs } from "../../src/system/index.js";
import { scratchBytes } from "../../src/system/scratch.js";
import { eventually } from "../peers/process.js";

const program = join(import.meta.dirname, "../../bin/junctor.js");
const { c, sockaddrUn } = structs;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "junctor-notify-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A manager's socket: `heard` grows with each message. */
function listen(path: string) {
  const fd = libc().socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0);
  const { bytes, view, address } = scratchBytes();
  const name = new TextEncoder().encode(path);
  view.setUint16(sockaddrUn.family, c.AF_UNIX, true);
  bytes.set(name, sockaddrUn.path);
  if (path.startsWith("@")) bytes[sockaddrUn.path] = 0;
  expect(libc().bind(fd, address, sockaddrUn.path + name.length)).toBe(0);
  const heard: string[] = [];
  return {
    heard() {
      for (;;) {
        const length = libc().recv(fd, address, 1024, 0);
        if (length < 0) return heard;
        heard.push(new TextDecoder().decode(bytes.slice(0, length)));
      }
    },
    close: () => void libc().close(fd),
  };
}

test.skipIf(ffiMissing() !== undefined).each(["a path", "an abstract name"])(
  "readiness, reloads, life and the end are told, at %s",
  async (kind) => {
    const path = kind === "a path" ? join(home, "notify") : `@${home}/notify`;
    const manager = listen(path);
    const file = join(home, "junctor.yaml");
    writeFileSync(file, `listen: { api: "unix:${join(home, "api.sock")}" }\nworkers: 1\n`);
    const child = spawn(process.execPath, [program, "run", "-c", file], {
      stdio: "ignore",
      env: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: "200000" },
    });
    const exited = new Promise((resolve) => child.on("close", resolve));
    try {
      const count = (text: RegExp) => manager.heard().filter((each) => text.test(each)).length;
      await eventually("it is ready", () => count(/^READY=1$/) === 1 || undefined, 30_000);
      await eventually("it is alive", () => count(/^WATCHDOG=1$/) > 2 || undefined, 30_000);
      writeFileSync(file, "polcy: []\n");
      child.kill("SIGHUP");
      await eventually("it is ready again, with what it had", () => count(/^READY=1$/) === 2 || undefined, 30_000);
      expect(count(/^RELOADING=1\nMONOTONIC_USEC=\d+$/)).toBe(1);
      expect(count(/^STOPPING=1$/)).toBe(0);
      child.kill("SIGTERM");
      expect(await exited).toBe(0);
      expect(count(/^STOPPING=1$/)).toBe(1);
    } finally {
      child.kill("SIGKILL");
      await exited;
      manager.close();
    }
  },
  120_000,
);
