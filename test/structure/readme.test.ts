import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text!);
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });

describe("README", () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "readme-"));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it("shows a configuration without mistakes", () => {
    const file = join(home, "junctor.yaml");
    for (const secret of ["lac.secret", "lns.secret"]) writeFileSync(join(home, secret), "secret\n", { mode: 0o600 });
    writeFileSync(file, blocks("yaml")[0]!);
    expect(node("bin/junctor.js", "check", file)).toContain("no mistakes");
  });

  it("shows library code that is part of an example, and the example runs", () => {
    const example = readFileSync(join(root, "examples", "bridge.mjs"), "utf8");
    expect(example).toContain(blocks("js")[0]!);
    expect(node("examples/bridge.mjs")).toContain("tunnel 80, session 20");
  });

  it("names only commands that the command line has", () => {
    const commands = blocks("console").flatMap((text) => [...text.matchAll(/^\$ junctor (\w+)(?: (\w+))?/gm)]);
    expect(commands.length).toBeGreaterThan(4);
    for (const [, object] of commands) expect(node("bin/junctor.js", "help", object!)).toContain(`junctor ${object}`);
  });

  it("refers to files that are there", () => {
    for (const [, path] of readme.matchAll(/\]\((docs\/[^)]+)\)/g))
      expect(() => readFileSync(join(root, path!))).not.toThrow(/ENOENT/);
  });
});
