/** A program as text: instructions in the syntax of the kernel's verifier, each source line before what was made of it. */
import { listProgram } from "../../xdp/insn/disassembler.js";
import type { ProgramSpec } from "../../xdp/spec.js";

export interface Names {
  helper(id: number): string | undefined;
  kfunc(id: number): string | undefined;
}

export function listing(spec: ProgramSpec, { helper, kfunc }: Names): string {
  const lines = listProgram(spec.insns, {
    helperName: (id) => {
      const name = helper(id);
      return name === undefined ? undefined : `bpf_${name}`;
    },
    kfuncName: kfunc,
    mapName: (index) => spec.maps[index]?.name,
  });
  const sources = new Map(spec.lines.map((line) => [line.insn, line]));
  const functions = new Map(spec.functions.map(({ start, name }) => [start, name]));
  const text: string[] = [];
  for (const line of lines) {
    const slot = Number.parseInt(line, 10);
    const name = functions.get(slot);
    const source = sources.get(slot);
    if (name !== undefined) text.push(`${name}:`);
    if (source !== undefined) text.push(`; ${source.text.trim()} @ ${source.file}:${source.line}`);
    text.push(`   ${line}`);
  }
  return `${text.join("\n")}\n`;
}
