import { describe, expect, it } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { disassemble } from "../insn/disassembler.js";
import { createInterpreter } from "../interpreter.js";
import { createXdpMemory, wasm } from "../memory.js";
import { state } from "../run/state.js";
import { compileProgram } from "./compile.js";
import { blindly, block, setFrame, specOf } from "./machine.fixture.js";
import { packetBytes, type RandomProgram, randomProgram } from "./random.fixture.js";

const frame = 65536;
const memory = createXdpMemory(1 << 17);
const top = block + state.stackTop;

interface Outcome {
  /** All of r0; undefined: the run was ended. */
  readonly r0: bigint | undefined;
  readonly packet: string;
  readonly stack: string;
}

function outcome(random: number, run: () => bigint): Outcome {
  const words = seededWords(random);
  for (let at = 0; at < packetBytes; at += 4) memory.u32[(frame + at) >>> 2] = words();
  memory.u8.fill(0, block + state.stack, top);
  setFrame(memory, frame, packetBytes);
  memory.u32[(block + state.fuel) >>> 2] = 1 << 27;
  let r0: bigint | undefined;
  try {
    r0 = BigInt.asUintN(64, run());
  } catch {
    return { r0, packet: "", stack: "" };
  }
  const text = (from: number, to: number): string => Buffer.from(memory.u8.slice(from, to)).toString("hex");
  return { r0, packet: text(frame, frame + packetBytes), stack: text(top - 512, top) };
}

function compiled({ insns, accesses, functions }: RandomProgram): () => bigint {
  const setting = { functions };
  const verified = { ...blindly(insns, setting), accesses };
  const { bytes } = compileProgram({ spec: specOf(insns, setting), verified, bindings: [] });
  const { exports } = new wasm!.Instance(new wasm!.Module(bytes), {
    env: { memory: memory.shared, check_access: () => 0 },
  });
  return () => (exports.tail as (block: number, frame: number) => bigint)(block, top);
}

function interpreted({ insns, accesses }: RandomProgram): () => bigint {
  const program = createInterpreter({ memory, insns, accesses, maps: [], calls: {}, signature: () => undefined });
  return () => program.runAt(block, 0);
}

describe("random programs", () => {
  it("do the same compiled as interpreted", { timeout: long ? 3_600_000 : 60_000 }, () => {
    const until = Date.now() + (long ? 600_000 : 4000);
    let [programs, ended] = [0, 0];
    for (let each = seed; Date.now() < until; each++) {
      const program = randomProgram(seededWords(each));
      const runs = [compiled(program), interpreted(program)];
      for (let round = 0; round < 2; round++) {
        const [ours, expected] = runs.map((run) => outcome(each * 2 + round, run));
        expect(ours, `seed ${each}\n${disassemble(program.insns)}`).toEqual(expected);
        if (ours?.r0 === undefined) ended++;
      }
      programs++;
    }
    expect(programs).toBeGreaterThan(20);
    expect(ended / programs).toBeLessThan(0.5);
  });
});
