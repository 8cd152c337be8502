import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Import, importsOf } from "./imports.js";
import { cycles, type Files, layers, loadedWith, misplacedImports, resolveImport } from "./layers.js";

const source = join(import.meta.dirname, "../../src");

/** Tests may reach for whatever they compare with. */
const files: Files = new Map(
  readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => [file, importsOf(readFileSync(join(source, file), "utf8"))]),
);

describe("the source", () => {
  test("imports downward only, and never sideways", () => expect(misplacedImports(files)).toEqual([]));

  test("has no cycle of imports", () => expect(cycles(files)).toEqual([]));

  test("imports files that are there, by names that Node finds", () => {
    const lost = [...files].flatMap(([file, imports]) =>
      imports.flatMap(({ specifier }) => {
        const target = resolveImport(file, specifier);
        return target === undefined || (specifier.endsWith(".js") && existsSync(join(source, target)))
          ? []
          : [`${file}: ${specifier}`];
      }),
    );
    expect(lost).toEqual([]);
  });

  test("has every layer but those that are to come in some folder or file", () => {
    const toCome = ["xdp", "dataplane/linux", "ppp", "pppoe", "openvpn"];
    const missing = layers.filter(
      ({ path }) => !existsSync(join(source, path)) && !existsSync(join(source, `${path}.ts`)),
    );
    expect(missing.map(({ path }) => path).filter((path) => !toCome.includes(path))).toEqual([]);
  });
});

/** What a command that asks the daemon loads: the entry, and the client, which is loaded when a command first asks. */
describe("the way of a command", () => {
  const heavy = /^(?:zod|hono|yaml|pino|prom-client|koffi|@hono\/)/;

  test.each(["cli/main.ts", "cli/client.ts"])("%s loads no package at all", (entry) => {
    const loaded = [...loadedWith(files, entry)].filter(([name]) => !name.startsWith("node:"));
    expect(loaded.map(([, way]) => way)).toEqual([]);
  });

  test("whereas the daemon does load them, so that the test above can fail", () => {
    const loaded = [...loadedWith(files, "cli/main.ts", ["static", "lazy"]).keys()].filter((name) => heavy.test(name));
    expect(loaded).toEqual(expect.arrayContaining(["zod", "hono", "yaml", "pino", "prom-client"]));
  });
});

describe("the checker", () => {
  const statics = (...specifiers: string[]): readonly Import[] =>
    specifiers.map((specifier) => ({ specifier, kind: "static" }));

  test("reads every form of import, and not what is in comments", () => {
    const code = `
import "./effect.js";
import { a, type B } from "./a.js";
import * as c from './c.js';
import type { D } from "./d.js";
export { e } from "./e.js";
export * from "./f.js";
export type * from "./g.js";
import {
  h, // import { x } from "./no1.js";
} from "./h.js";
/* import "./no2.js"; */
// import "./no3.js";
const url = "https://example.net"; const i = await import("./i.js");
const text = "not from './no4.js'";
`;
    expect(importsOf(code).map(({ specifier, kind }) => `${kind} ${specifier}`)).toEqual([
      "static ./effect.js",
      "static ./a.js",
      "static ./c.js",
      "type ./d.js",
      "static ./e.js",
      "static ./f.js",
      "type ./g.js",
      "static ./h.js",
      "lazy ./i.js",
    ]);
  });

  test.each([
    ["wire/a.ts", "../system/b.js", "may not import system/b.ts (system)"],
    ["l2tp/a.ts", "../ppp/b.js", "may not import ppp/b.ts (ppp)"],
    ["l2tp/a.ts", "../dataplane/contract.js", "may not import dataplane/contract.ts (dataplane)"],
    ["dataplane/contract.ts", "./user/b.js", "may not import dataplane/user/b.ts (dataplane/user)"],
    ["dataplane/user/a.ts", "../linux/b.js", "may not import dataplane/linux/b.ts (dataplane/linux)"],
    ["dataplane/user/a.ts", "../index.js", "may not import dataplane/index.ts (dataplane/index)"],
    ["gateway/a.ts", "../api/b.js", "may not import api/b.ts (api)"],
    ["api/a.ts", "../system/b.js", "may not import system/b.ts (system)"],
    ["cli/a.ts", "../nowhere/b.js", "nowhere/b.ts is in no layer"],
    ["nowhere/a.ts", "./b.js", "in no layer"],
  ])("finds that %s imports %s", (file, specifier, says) => {
    const [problem, ...more] = misplacedImports(new Map([[file, statics(specifier)]]));
    expect(problem).toContain(says);
    expect(more).toEqual([]);
  });

  test.each([
    ["gateway/config/schema.ts", "./address.js"],
    ["dataplane/index.ts", "./user/engine.js"],
    ["dataplane/user/a.ts", "../contract.js"],
    ["l2tp/a.ts", "../wire/avp.js"],
    ["cli/a.ts", "../errors.js"],
    ["cli/a.ts", "node:fs"],
  ])("allows that %s imports %s", (file, specifier) => {
    expect(misplacedImports(new Map([[file, statics(specifier)]]))).toEqual([]);
  });

  test("finds cycles, of any length, but none that the compiler erases", () => {
    const one: Files = new Map([["wire/a.ts", statics("./a.js")]]);
    const three: Files = new Map([
      ["wire/a.ts", statics("./b.js")],
      ["wire/b.ts", statics("./c.js")],
      ["wire/c.ts", statics("./a.js")],
    ]);
    const erased: Files = new Map([
      ["wire/a.ts", statics("./b.js")],
      ["wire/b.ts", [{ specifier: "./a.js", kind: "type" }]],
    ]);
    expect(cycles(one)).toEqual(["wire/a.ts → wire/a.ts"]);
    expect(cycles(three)).toEqual(["wire/a.ts → wire/b.ts → wire/c.ts → wire/a.ts"]);
    expect(cycles(erased)).toEqual([]);
  });

  test("follows what is loaded", () => {
    const graph: Files = new Map([
      [
        "cli/main.ts",
        [...statics("./a.js"), { specifier: "./b.js", kind: "lazy" }, { specifier: "./c.js", kind: "type" }],
      ],
      ["cli/a.ts", statics("zod")],
      ["cli/b.ts", statics("yaml")],
      ["cli/c.ts", statics("hono")],
    ]);
    expect([...loadedWith(graph, "cli/main.ts")]).toEqual([["zod", "cli/main.ts → cli/a.ts → zod"]]);
    expect([...loadedWith(graph, "cli/main.ts", ["static", "lazy"]).keys()]).toEqual(["zod", "yaml"]);
  });
});
