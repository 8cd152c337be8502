import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { assemble } from "../insn/assembler.js";
import { bindMap } from "../jit/bindings.js";
import { compileProgram } from "../jit/compile.js";
import { blindly, block, setFrame, specOf } from "../jit/machine.fixture.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory, wasm } from "../memory.js";
import type { MapSpec } from "../spec.js";
import { action } from "./state.js";
import { createThread } from "./thread.js";

const spec: MapSpec = { name: "programs", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 };
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

describe("programs that are gone", () => {
  it("are freed, though their thread stays, and they made tail calls", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const memory = createXdpMemory(1 << 20);
    const map = createMapStore({ memory, region: { start: 131072, bytes: 65536 }, cpus: 1 }).create(spec);
    map.update(word(0), word(0));
    const thread = createThread({ memory, state: block, cpu: 0, slots: 4 });
    setFrame(memory, 65536, 64);
    const bindings = [bindMap(memory, map.record, spec, 1)];
    let freed = 0;
    const registry = new FinalizationRegistry(() => freed++);
    const install = (text: string, slot: number) => {
      const insns = assemble(text);
      const { bytes } = compileProgram({
        spec: specOf(insns, { bindings }),
        verified: blindly(insns, { bindings }),
        bindings,
      });
      const module = new wasm!.Module(bytes);
      registry.register(module, undefined);
      return thread.install({ code: { kind: "module", module }, maps: [map.record] }, slot);
    };
    const count = 60;
    for (let each = 0; each < count; each++) {
      install("r0 = 3\nexit", 0);
      const caller = install("r2 = map[0] ll\nr3 = 0\ncall bpf_tail_call#12\nr0 = 1\nexit", 1);
      expect(caller.run()).toBe(action.tx);
    }
    for (let turn = 0; turn < 20 && freed < 2 * count - 10; turn++) {
      collect();
      await setImmediate();
    }
    expect(freed).toBeGreaterThan(2 * count - 10);
    // The last ones are at work still.
    expect(install("r2 = map[0] ll\nr3 = 0\ncall bpf_tail_call#12\nr0 = 1\nexit", 1).run()).toBe(action.tx);
  });
});
