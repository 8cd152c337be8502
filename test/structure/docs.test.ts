/** What is generated from the source is what is committed. Runs from dist/. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check } from "../../src/daemon/check.js";

const root = join(import.meta.dirname, "../..");

test("the reference documents are what the source says", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/docs.mjs", "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
});

const hasMan = spawnSync("man", ["--version"]).status === 0;

describe.skipIf(!hasMan)("the manual", () => {
  const pages = readdirSync(join(root, "docs/man"));
  test.each(pages)("%s is set without a warning", (page) => {
    const { status, stderr } = spawnSync("man", ["--warnings=all", "-E", "UTF-8", "-l", join(root, "docs/man", page)], {
      encoding: "utf8",
      env: { ...process.env, MANWIDTH: "100", LC_ALL: "C.UTF-8", MAN_KEEP_FORMATTING: "1" },
    });
    expect([status, stderr]).toEqual([0, ""]);
  });
});

describe("the examples", () => {
  const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".yaml"));
  test.each(examples)("%s has no mistake", async (name) => {
    expect(await check(join(root, "examples", name))).toEqual({ mistakes: [], warnings: [] });
  });
});
