import { describe, expect, test } from "vitest";
import { jsonWriter, tableWriter } from "./format.js";

describe("a listing that comes in parts", () => {
  const parts = [
    [
      { a: 1, b: ["x", "y\n"] },
      { a: 2, b: [] },
    ],
    [],
    [{ a: 3, b: ["z"] }],
  ];

  test.each([true, false])("is one JSON list, pretty: %s", (pretty) => {
    const writer = jsonWriter(pretty);
    const text = parts.map(writer.rows).join("") + writer.end();
    expect(text).toBe(`${JSON.stringify(parts.flat(), null, pretty ? 2 : undefined)}\n`);
  });

  test("is an empty JSON list if nothing comes", () => {
    const writer = jsonWriter(true);
    expect(writer.rows([]) + writer.end()).toBe("[]\n");
  });

  test("is a table with one head, whose columns grow when they must", () => {
    const writer = tableWriter<string>([
      { title: "NAME", cell: (row) => row },
      { title: "N", align: "right", cell: (row) => String(row.length) },
    ]);
    expect(writer.rows(["a"])).toBe("NAME  N\na     1\n");
    expect(writer.rows(["a long one"])).toBe("a long one  10\n");
    expect(writer.rows(["b"])).toBe("b            1\n");
  });
});
