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
      expect({ action, fault }).toEqual({ action: "tx", fault: "none" });
      expect(left.slice(0, 12)).toEqual(Uint8Array.of(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5));
    });

    it(`verifies and runs every test object (${engine})`, () => {
      for (const name of ["counters", "csum", "devmap", "firewall", "globals", "tail_call", "vlan"]) {
        for (const program of loadXdp(compileProgram(name)).programs) {
          expect(program.run(frame, { engine }).fault, `${name}: ${program.name}`).toBe("none");
        }
      }
    });

    it(`follows redirects through a devmap's programs (${engine})`, () => {
      const object = loadXdp(compileProgram("devmap"));
      const program = object.program("rewrite_source");
      object.map("ports").set(2, { ifindex: 9, program });
      object.map("by_ifindex").set(4, { ifindex: 4, program });
      object.map("by_ifindex").set(5, { ifindex: 5 });
      object.map("by_ifindex").set(6, { ifindex: 6, program });
      object.map("sources").set(9, { address: [2, 0, 0, 0, 0, 9] });
      object.map("sources").set(6, { address: [2, 0, 0, 0, 0, 6] });
      const run = (name: string, ingressIfindex: number) =>
        object.program(name).run(frame, { engine, follow: true, ingressIfindex });

      const one = run("redirect_port", 2);
      expect(one.to).toEqual({
        kind: "devmap",
        map: "ports",
        key: 2,
        flags: 0,
        value: 9,
        entries: [{ key: 2, value: 9, program: program.id }],
      });
      expect(one.followed?.map(({ action }) => action)).toEqual(["pass"]);
      expect(one.followed?.[0]?.frame.slice(6, 12)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 9));
      expect(one.frame).toEqual(frame);
      expect(run("redirect_port", 3).action).toBe("pass");

      const all = run("bridge", 4);
      expect(all.to).toMatchObject({ kind: "devmap", map: "by_ifindex", flags: 24, value: undefined });
      expect(all.followed?.map(({ value }) => value)).toEqual([6]);
      expect(all.followed?.[0]?.frame.slice(6, 12)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 6));
    });
  }

  it("has objects share maps", () => {
    const first = loadXdp(compileProgram("counters"));
    const name = first.maps[0]!.name;
    const second = loadXdp(compileProgram("counters"), { maps: { [name]: first.map(name) } });
    expect(second.memory).toBe(first.memory);
    expect(second.map(name).map).toBe(first.map(name).map);
    expect(second.maps[1]?.map).not.toBe(first.maps[1]?.map);
    expect(() => loadXdp(compileProgram("devmap"), { maps: { ports: first.map(name) } })).toThrow(/map ports: its /);
    expect(() => loadXdp(compileProgram("devmap"), { maps: { port: first.map(name) } })).toThrow(
      /there is no map port/,
    );
    expect(() => loadXdp(compileProgram("counters"), { maps: { [name]: first.map(name) }, mapBytes: 1 << 20 })).toThrow(
      /leave them out/,
    );
  });

  it("refuses a program at a place that it is not for", () => {
    const object = loadXdp(compileProgram("devmap"));
    const program = object.program("bridge");
    expect(() => object.map("ports").set(1, { ifindex: 9, program })).toThrow("its section is to be xdp/devmap");
    expect(() => object.map("ports").set(1, { ifindex: 9, program: 77 })).toThrow("there is no program 77");
  });

  it("reads and writes global variables", () => {
    const object = loadXdp(compileProgram("globals"), { globals: { blocked_port: 53 } });
    const { globals } = object;
    expect(globals.get("blocked_port")).toBe(53);
    expect(globals.get("filter")).toEqual({ network: 0x0a000000, mask: 0xff000000, enabled: true });
    expect(() => globals.set("blocked_port", 80)).toThrow("blocked_port is a constant");
    expect(() => globals.get("sene")).toThrow("there is no global variable sene: there are ");
    globals.set("next_id", 5);
    expect(globals.get("next_id")).toBe(5);
    object.programs[0]!.run(frame);
    object.programs[0]!.run(frame);
    expect(globals.get("seen")).toBe(2n);
  });

  it("runs a program set into a prog_array later, and falls through when it is taken out", () => {
    for (const engine of ["interpreter", "jit"] as const) {
      const object = loadXdp(compileProgram("tail_call"));
      const jumps = object.maps.find(({ spec }) => spec.type === "prog_array")!;
      for (const key of Array.from({ length: jumps.spec.maxEntries }, (_, index) => index)) jumps.delete(key);
      expect(jumps.entries().next().done).toBe(true);
      for (const program of object.programs) expect(program.run(frame, { engine }).fault).toBe("none");
    }
  });
});
