import { describe, expect, it } from "vitest";
import { allowedInstructions, operationOf, validateProgram } from "../../../src/xdp/insn/validate.js";
import { cases } from "./cases.js";
import { engines, programOf } from "./engines.js";

describe.each(engines)("RFC 9669 in the $name", (engine) => {
  const sections = [...new Set(cases.map(({ section }) => section))].sort();
  describe.each(sections)("section %s", (section) => {
    const groups = [...new Set(cases.filter((one) => one.section === section).map(({ group }) => group))];
    it.each(groups)("%s", (group) => {
      for (const one of cases.filter((each) => each.section === section && each.group === group)) {
        const { insns, input } = programOf(one);
        expect(validateProgram(insns), one.name).toBeUndefined();
        const r0 = engine.run(insns, input);
        expect(`0x${r0.toString(16)}`, `${one.name}\n${one.text}`).toBe(`0x${one.r0.toString(16)}`);
      }
    });
  });
});

describe("the cases", () => {
  it("have every operation that programs may use, but for calls and maps", () => {
    const seen = new Set(cases.flatMap((one) => programOf(one).insns.map((insn) => operationOf(insn)?.name)));
    const missing = allowedInstructions.map(({ name }) => name).filter((name) => !seen.has(name));
    expect(missing).toEqual(["call", "call_kfunc", "lddw_map", "lddw_map_value", "lddw_function"]);
    expect(cases.length).toBeGreaterThan(600);
  });

  it("have a name each", () => {
    const names = cases.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
