/** Global functions are verified on their own, by their prototype in BTF; callers by it too. */
import type { Btf, BtfType } from "../btf/btf.js";
import { type Analysis, newId } from "./analysis.js";
import { refuseAt } from "./refusal.js";
import { pointer, type Register, unknownScalar } from "./register.js";
import type { Routine } from "./structure.js";

export type Parameter =
  | { readonly kind: "scalar" }
  | { readonly kind: "context" }
  | { readonly kind: "memory"; readonly bytes: number };
export interface Prototype {
  readonly parameters: readonly Parameter[];
  readonly returnsVoid: boolean;
}

function resolve(btf: Btf, id: number): BtfType | undefined {
  let type = btf.types[id];
  for (let hops = 0; hops < 32 && type !== undefined; hops += 1) {
    switch (type.kind) {
      case "typedef":
      case "typeTag":
      case "const":
      case "volatile":
      case "restrict":
        type = btf.types[type.type];
        break;
      default:
        return type;
    }
  }
  return undefined;
}

function sizeOf(btf: Btf, id: number, depth = 0): number | undefined {
  const type = resolve(btf, id);
  if (type === undefined || depth > 16) return undefined;
  switch (type.kind) {
    case "int":
    case "struct":
    case "union":
    case "enum":
    case "float":
      return type.size;
    case "pointer":
      return 8;
    case "array": {
      const one = sizeOf(btf, type.type, depth + 1);
      return one === undefined ? undefined : one * type.count;
    }
    default:
      return undefined;
  }
}

function parameterOf(btf: Btf, id: number): Parameter | undefined {
  const type = resolve(btf, id);
  if (type?.kind === "int" || type?.kind === "enum") return { kind: "scalar" };
  if (type?.kind !== "pointer") return undefined;
  const target = resolve(btf, type.type);
  if (target?.kind === "struct" && target.name === "xdp_md") return { kind: "context" };
  const bytes = sizeOf(btf, type.type);
  return bytes === undefined || bytes === 0 ? undefined : { kind: "memory", bytes };
}

/** Throws a Refusal where the prototype is none that can be verified by. */
export function prototypeOf(analysis: Analysis, routine: Routine): Prototype {
  const { btf } = analysis.program;
  const type = btf?.types[routine.btfId];
  const prototype = type?.kind === "function" ? btf?.types[type.type] : undefined;
  if (btf === undefined || prototype?.kind !== "prototype") {
    return refuseAt(
      routine.start,
      `global function ${routine.name} has no prototype in BTF; make it static, or compile with -g`,
    );
  }
  if (prototype.parameters.length > 5)
    return refuseAt(routine.start, `global function ${routine.name} has more than five arguments`);
  const returns = prototype.returns === 0 ? undefined : resolve(btf, prototype.returns);
  const returnsVoid = prototype.returns === 0 || returns?.kind === "void";
  if (!returnsVoid && returns?.kind !== "int" && returns?.kind !== "enum") {
    return refuseAt(routine.start, `global function ${routine.name} returns no number`);
  }
  const parameters = prototype.parameters.map((parameter) => {
    const found = parameterOf(btf, parameter.type);
    if (found === undefined) {
      return refuseAt(
        routine.start,
        `argument ${parameter.name} of global function ${routine.name} is neither a number, nor the context, nor a pointer to something of known size; make the function static`,
      );
    }
    return found;
  });
  return { parameters, returnsVoid };
}

/** What a global function finds in R1 to R5. */
export const argumentRegisters = (analysis: Analysis, prototype: Prototype): Register[] =>
  prototype.parameters.map((parameter) => {
    if (parameter.kind === "scalar") return unknownScalar();
    if (parameter.kind === "context") return pointer("context");
    return pointer("memory", { range: parameter.bytes, nullable: true, id: newId(analysis) });
  });
