/** The verifier's log: instructions as they are walked, with what the registers hold. */
import type { ProgramSpec } from "../spec.js";
import type { Register } from "./register.js";
import { formatBounds, formatScalar } from "./scalar/format.js";
import { type State, topFrame } from "./state.js";

export interface Logger {
  line(text: string): void;
}

const kindNames: Record<Register["kind"], string> = {
  none: "?",
  scalar: "",
  context: "ctx",
  packet: "pkt",
  meta: "pkt_meta",
  end: "pkt_end",
  stack: "fp",
  map: "map_ptr",
  value: "map_value",
  key: "map_key",
  memory: "mem",
  function: "func",
};

export function formatRegister(register: Register): string {
  if (register.kind === "scalar") return `${register.precise ? "P" : ""}${formatScalar(register.value)}`;
  const facts: string[] = [];
  if (register.id !== 0) facts.push(`id=${register.id}`);
  if (register.map !== undefined) facts.push(`map=${register.map.name}`);
  if (register.fixed !== 0) facts.push(`off=${register.fixed}`);
  if (register.range !== 0) facts.push(register.kind === "memory" ? `sz=${register.range}` : `r=${register.range}`);
  if (register.value.tnum.mask !== 0n) facts.push(formatBounds(register.value));
  return `${kindNames[register.kind]}${register.nullable ? "_or_null" : ""}(${facts.join(",")})`;
}

export function formatState(state: State): string {
  const frame = topFrame(state);
  const parts = frame.registers.flatMap((register, index) =>
    register.kind === "none" || index === 10 ? [] : [`R${index}=${formatRegister(register)}`],
  );
  frame.stack.forEach((slot, index) => {
    if (slot === undefined) return;
    parts.push(`fp-${8 * (index + 1)}=${slot.spill === undefined ? slot.bytes : formatRegister(slot.spill)}`);
  });
  return `${state.frames.length > 1 ? `frame${state.frames.length - 1}: ` : ""}${parts.join(" ")}`;
}

/** The line of source that a slot is of. */
export function lineOf(program: ProgramSpec, slot: number) {
  let found: (typeof program.lines)[number] | undefined;
  for (const line of program.lines)
    if (line.insn <= slot && (found === undefined || line.insn >= found.insn)) found = line;
  return found;
}
