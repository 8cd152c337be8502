import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/radius.md"), "utf8")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, , mark]) => mark === "+" || mark === "~");

test("docs/radius.md has rows for every RFC, and what they name is there", () => {
  expect(rows.length).toBeGreaterThan(30);
  const paths = rows.flatMap(([, , , , where = "", by = ""]) => [...`${where} ${by}`.matchAll(/`([^`]+)`/g)]);
  const missing = paths
    .map(([, path = ""]) => (path.startsWith("test/") ? path : join("src", path)))
    .filter((path) => !existsSync(join(root, path)));
  expect(missing).toEqual([]);
});
