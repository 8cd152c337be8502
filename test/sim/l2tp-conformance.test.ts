/** The conformance table names files: they must be there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/l2tp-conformance.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| [\dA-Z]/.test(line));

test.each(rows)("%s", (row) => {
  const [, , mark, , where, tests] = row.split("|").map((cell) => cell.trim());
  const paths = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path!);
  const missing = [...paths(where!), ...paths(tests!)].filter(
    (path) => !existsSync(join(root, path.startsWith("test/") ? path : `src/${path}`)),
  );
  expect(missing).toEqual([]);
  expect(paths(where!).length > 0 && paths(tests!).length > 0).toBe(mark !== "-");
});
