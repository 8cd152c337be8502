import { expect, it } from "vitest";
import { bpfMissing, closeDescriptor, loadBpfProgram, runBpfProgram } from "../../src/system/bpf.js";
import { encodeProgram } from "../../src/xdp/insn/decode.js";
import { disassembleInstruction } from "../../src/xdp/insn/disassembler.js";
import { cases } from "../conformance/rfc9669/cases.js";
import { programOf } from "../conformance/rfc9669/engines.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: RFC 9669 in the kernel: ${reason}`);

/** Lines `12: (b7) r0 = 1` of the verifier's log, which may be followed by the state of the registers after a semicolon. */
const logged = /^(?:from \d+ to \d+: )?(\d+): \([0-9a-f]{2}\) ([^;\n]*)/gm;

it.skipIf(reason !== undefined)(
  "the kernel gives what the cases expect, and writes instructions as we do",
  () => {
    const wrong: string[] = [];
    const refused: string[] = [];
    let texts = 0;
    for (const one of cases) {
      const { insns, input } = programOf(one);
      let loaded: { readonly fd: number; readonly log: string };
      try {
        loaded = loadBpfProgram({ insns: encodeProgram(insns), log: 2 });
      } catch {
        refused.push(one.name);
        continue;
      }
      for (const [, slot, text] of loaded.log.matchAll(logged)) {
        const ours = disassembleInstruction(insns, Number(slot), { kernelStyle: true }).text;
        texts += 1;
        if ((text as string).trim() !== ours) wrong.push(`${one.name}: "${(text as string).trim()}", ours "${ours}"`);
      }
      const data = new Uint8Array(64);
      data.set(input.packet);
      const after = runBpfProgram(loaded.fd, { data }).data;
      closeDescriptor(loaded.fd);
      const r0 = new DataView(after.buffer, after.byteOffset).getBigUint64(0, true);
      if (r0 !== one.r0) wrong.push(`${one.name}: 0x${r0.toString(16)}, expected 0x${one.r0.toString(16)}`);
    }
    console.log(
      `${cases.length} cases, ${refused.length} refused by the kernel, ${texts} instructions compared as text`,
    );
    expect(wrong.slice(0, 20)).toEqual([]);
    // Division by a constant zero, and instructions that nothing reaches.
    expect(refused.filter((name) => !/[/%]= 0 of|^gotol?$/.test(name))).toEqual([]);
  },
  120_000,
);
