/** The examples of docs/xdp-library.md are files, and print what it says. Runs from dist/. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cannotCompile, compile } from "../xdp/compile.js";

const root = join(import.meta.dirname, "../..");
const document = readFileSync(join(root, "docs/xdp-library.md"), "utf8");
const folder = "examples/xdp/library";

/** Path of a file, what the document shows of it, and what it prints. */
const blocks = [
  ...document.matchAll(
    /\[([^\]]+)\]\(\.\.\/\1\):\n\n```\w+\n([\s\S]*?)```\n(?:\nprints\n\n```text\n([\s\S]*?)```\n)?/g,
  ),
].map(([, path = "", text, printed]) => ({ path, text, printed }));

describe("the library's document", () => {
  let scratch = "";
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "junctor-library-"));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("shows every example, as it is", () => {
    expect(blocks.map(({ path }) => path).sort()).toEqual(
      readdirSync(join(root, folder))
        .map((name) => `${folder}/${name}`)
        .sort(),
    );
    for (const { path, text } of blocks) expect(text, path).toBe(readFileSync(join(root, path), "utf8"));
  });

  const programs = blocks.filter(({ path }) => path.endsWith(".mjs"));
  it.each(programs)("$path prints what it says", ({ path, printed }) => {
    expect(existsSync(join(root, "dist/xdp/index.js")), "npm run build").toBe(true);
    const source = join(root, path.replace(/\.mjs$/, ".c"));
    const object = join(scratch, "object.o");
    if (existsSync(source)) {
      if (cannotCompile() !== undefined) return;
      writeFileSync(object, compile(readFileSync(source, "utf8")));
    }
    const { stdout, stderr } = spawnSync(process.execPath, [join(root, path), object], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe(printed);
  });
});
