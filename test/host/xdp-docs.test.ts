/** What docs/xdp.md shows is right: its programs compile by the commands that are printed there, its test passes, its guests are kept apart. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadXdp } from "../../src/xdp/index.js";
import { cannotCompile } from "../xdp/compile.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/xdp.md"), "utf8");
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text!);
const programs = blocks("c").filter((text) => text.includes("SEC("));
const missing = cannotCompile();

describe.skipIf(missing !== undefined)(`docs/xdp.md${missing === undefined ? "" : ` (${missing})`}`, () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "xdp-docs-"));
    mkdirSync(join(home, "node_modules"));
    symlinkSync(root, join(home, "node_modules/junctor"));
    symlinkSync(join(root, "examples"), join(home, "examples"));
    const commands = [...page.matchAll(/^\$ (clang .* -c (\S+) -o \S+)$/gm)];
    expect(commands.length).toBe(programs.length);
    for (const [index, [, command, file]] of commands.entries()) {
      writeFileSync(join(home, file!), programs[index]!);
      execFileSync("sh", ["-ec", command!], { cwd: home, stdio: ["ignore", "ignore", "pipe"] });
    }
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test("the test of a program passes", () => {
    writeFileSync(join(home, "block.test.mjs"), blocks("js").find((text) => text.includes("node:test"))!);
    expect(execFileSync(process.execPath, ["--test", "block.test.mjs"], { cwd: home, encoding: "utf8" })).toMatch(
      /^# pass 1$/m,
    );
  });

  test("a guest reaches what its policy says, and nothing without one", () => {
    const [, command] = /^\$ (clang .* -c guests\.c) -o/m.exec(page)!;
    const source = `${programs.find((text) => text.includes("int guest("))}struct allowed alice SEC(".maps");\n`;
    writeFileSync(join(home, "guests.c"), source);
    execFileSync("sh", ["-ec", `${command} -o alice.o`], { cwd: home });
    const object = loadXdp(new Uint8Array(readFileSync(join(home, "alice.o"))));
    const action = (user: number, ...destination: number[]): string => {
      const frame = new Uint8Array(64);
      frame.set([0x08, 0x00, 0x45], 12);
      frame.set(destination, 30);
      return object.program("guest").run(frame, { tags: { user } }).action;
    };
    expect(action(7, 100, 64, 0, 1)).toBe("drop");
    object.map("alice").set(Uint8Array.of(32, 0, 0, 0, 100, 64, 0, 1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0));
    object.map("policies").set(7, object.map("alice"));
    expect(action(7, 100, 64, 0, 1)).toBe("pass");
    expect(action(7, 100, 64, 0, 2)).toBe("drop");
    expect(action(8, 100, 64, 0, 1)).toBe("drop");
    object.map("policies").delete(7);
    expect(action(7, 100, 64, 0, 1)).toBe("drop");
  });
});
