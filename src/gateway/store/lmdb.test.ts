import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "./lmdb.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "junctor-store-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("what is written is there in order, after it has been opened again too", async () => {
  const first = await openStore(join(directory, "new"));
  await first.write(
    new Map([
      ["w2", "two"],
      ["w1", "one"],
      ["x", "beyond"],
      ["o1", "open"],
    ]),
  );
  await first.write(
    new Map([
      ["w3", "three"],
      ["o1", undefined],
    ]),
  );
  await first.close();
  const second = await openStore(join(directory, "new"));
  expect(second.read("w", "x", 10)).toEqual([
    ["w1", "one"],
    ["w2", "two"],
    ["w3", "three"],
  ]);
  expect(second.read("w2", "x", 1)).toEqual([["w2", "two"]]);
  expect(second.last("w", "x")).toEqual(["w3", "three"]);
  expect(second.last("o", "p")).toBeUndefined();
  await second.close();
});
