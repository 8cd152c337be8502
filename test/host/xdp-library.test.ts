import { describe, expect, it } from "vitest";
import { loadXdp } from "../../src/xdp/index.js";
import { cannotCompile, compileProgram } from "../xdp/compile.js";

const frame = Uint8Array.from({ length: 64 }, (_, index) => index);

describe.skipIf(cannotCompile() !== undefined)("junctor/xdp on objects made by clang", () => {
  for (const engine of ["interpreter", "jit"] as const) {
    it(`runs programs (${engine})`, () => {
      const object = loadXdp(compileProgram("drop"));
      const verdict = (name: string): string => object.program(name).run(frame, { engine }).action;
      expect(["drop", "aborted", "pass", "length"].map(verdict)).toEqual(["drop", "aborted", "pass", "pass"]);
      expect(object.program("length").run(new Uint8Array(1001), { engine }).action).toBe("drop");
    });

    it(`rewrites frames (${engine})`, () => {
      const object = loadXdp(compileProgram("l2_swap"));
      const { action, frame: left, fault } = object.programs[0]!.run(frame, { engine });
      expect({ action, fault }).toEqual({ action: "tx", fault: 0 });
      expect(left.slice(0, 12)).toEqual(Uint8Array.of(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5));
    });

    it(`verifies and runs every test object (${engine})`, () => {
      for (const name of ["counters", "csum", "devmap", "firewall", "globals", "tail_call", "vlan"]) {
        for (const program of loadXdp(compileProgram(name)).programs) {
          expect(program.run(frame, { engine }).fault, `${name}: ${program.name}`).toBe(0);
        }
      }
    });
  }
});
