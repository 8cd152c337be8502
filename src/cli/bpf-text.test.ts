import { describe, expect, test } from "vitest";
import type { MapEntryJson, MapJson } from "../api/schemas-programs.js";
import { btfText, dumpWriter, entryJson, entryText } from "./bpf-text.js";
import { CliError } from "./exit.js";
import { takeKey, takeMode, takeValue, together } from "./map-data.js";
import { takeReference } from "./references.js";
import { readWords } from "./words.js";

const plain: MapEntryJson = { key: "0a000001", value: "05000000" };
const shaped: MapEntryJson = { ...plain, formatted: { key: { address: [10, 0, 0, 1] }, value: 5 } };
const perCpu: MapEntryJson = { key: "00000000", values: ["01", "02"], formatted: { key: 0, values: [1, 2] } };

describe("entries", () => {
  test("without types are bytes", () => {
    expect(entryText(plain)).toBe("key: 0a 00 00 01  value: 05 00 00 00\n");
    expect(entryText({ value: "0500" })).toBe("value: 05 00\n");
    expect(entryText({ key: "00000000", values: ["01", "02"] })).toBe(
      "key:\n00 00 00 00\nvalue (CPU 00): 01\nvalue (CPU 01): 02\n",
    );
    const long = entryText({ key: "01", value: "ab".repeat(40) }).split("\n");
    expect(long.map((line) => line.length)).toEqual([4, 2, 6, 47, 47, 23, 0]);
  });

  test("with types are laid out as bpftool does", () => {
    expect(btfText({ a: 1, b: [1, 2], c: {}, d: [], e: [{ f: "x" }, { f: true }] })).toBe(
      `{\n    "a": 1,\n    "b": [1,2\n    ],\n    "c": {},\n    "d": [],\n    "e": [{\n            "f": "x"\n        },{\n            "f": true\n        }\n    ]\n}`,
    );
    expect(entryText(shaped)).toBe(
      `{\n    "key": {\n        "address": [10,0,0,1\n        ]\n    },\n    "value": 5\n}\n`,
    );
  });

  test("as JSON have both", () => {
    expect(entryJson(plain)).toEqual({
      key: ["0x0a", "0x00", "0x00", "0x01"],
      value: ["0x05", "0x00", "0x00", "0x00"],
    });
    expect(entryJson(perCpu)).toEqual({
      key: ["0x00", "0x00", "0x00", "0x00"],
      values: [
        { cpu: 0, value: ["0x01"] },
        { cpu: 1, value: ["0x02"] },
      ],
      formatted: {
        key: 0,
        values: [
          { cpu: 0, value: 1 },
          { cpu: 1, value: 2 },
        ],
      },
    });
  });

  test("that come in parts make one list", () => {
    const writer = dumpWriter({ btf: true });
    const text = writer.rows([shaped, shaped]) + writer.rows([]) + writer.rows([plain]) + writer.end();
    expect(JSON.parse(text)).toEqual([
      { key: { address: [10, 0, 0, 1] }, value: 5 },
      { key: { address: [10, 0, 0, 1] }, value: 5 },
      { key: ["0x0a", "0x00", "0x00", "0x01"], value: ["0x05", "0x00", "0x00", "0x00"] },
    ]);
    expect(text.startsWith('[{\n        "key": {\n')).toBe(true);
    expect(dumpWriter({ btf: true }).end()).toBe("[]\n");
    const bytes = dumpWriter({ btf: false });
    expect(bytes.rows([plain]) + bytes.end()).toBe("key: 0a 00 00 01  value: 05 00 00 00\nFound 1 element\n");
  });
});

describe("words", () => {
  const map = { keySize: 4, valueSize: 8, type: "hash" } as MapJson;
  const read = async (line: string, more: Partial<MapJson> = {}) => {
    const words = readWords(line.split(" "), "map update");
    const own = { ...map, ...more };
    const key = takeKey(words, own);
    words.keyword("value");
    const value = await takeValue(words, own, undefined as never);
    const mode = takeMode(words);
    words.end();
    return { ...together(key, value), ...(mode && { mode }) };
  };

  test.each<readonly [string, object]>([
    ["key 1 2 3 0x4 value hex 0a 00 any", { key: "01020304", value: "0a00", mode: "any" }],
    ["key hex 0a000001 value 5", { key: "0a000001", formatted: { value: 5 } }],
    ["key 17 value 1 2", { value: "0102", formatted: { key: 17 } }],
    ['key {"a":[1]} value "x" noexist', { formatted: { key: { a: [1] }, value: "x" }, mode: "noexist" }],
    ["key tcp value hex 1 2 exist", { value: "0102", formatted: { key: "tcp" }, mode: "exist" }],
    ["k 1 2 value 3 4", { key: "0102", value: "0304" }],
  ])("%s", async (line, wanted) => {
    expect(await read(line)).toEqual(wanted);
  });

  test("one number is a byte where a byte is wanted", async () => {
    expect(await read("key 7 value 8", { keySize: 1, valueSize: 1 })).toEqual({ key: "07", value: "08" });
  });

  test.each([
    ["key 1 256 value 1", "256: expected a byte"],
    ["key hex value 1", "key hex lacks its bytes"],
    ["key hex 100 value 1", "100: expected a byte"],
    ["key 1 2", "map update lacks value"],
    ["key 1 2 value", "map update lacks the value's DATA"],
    ["key 1 value 1 noexist any", "any: not understood after map update"],
    ["kay 1 value 1", "kay: not understood after map update"],
  ])("%s is refused", async (line, message) => {
    await expect(read(line)).rejects.toThrow(message);
  });

  test("name programs and maps as bpftool's do", () => {
    const kinds = ["id", "pinned", "name"] as const;
    const take = (line: string) => takeReference(readWords(line.split(" "), "map show"), kinds, "a map");
    expect(take("id 7")).toEqual({ by: "id", value: "7" });
    expect(take("7")).toEqual({ by: "id", value: "7" });
    expect(take("pinned 7")).toEqual({ by: "pinned", value: "7" });
    for (const line of ["id x", "tag 1", "0", "id 0", "name"]) expect(() => take(line), line).toThrow(CliError);
  });
});
