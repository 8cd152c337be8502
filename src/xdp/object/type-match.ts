/**
 * Whether a program's type matches one that is here (BPF_CORE_TYPE_MATCHES), as libbpf documents it for bpf_core_type_matches: names are the
 * same but for flavours, kinds are the same, members and values of the program's type are found by name here, and match in turn. Numbers
 * match by size and sign. Members of anonymous structs and unions count as those of what they are in.
 */
import type { Btf, BtfMember, BtfType } from "../btf/btf.js";
import { resolve } from "../btf/resolve.js";

/** `name___flavour` without its flavour. */
export const essential = (name: string): string => name.replace(/___.*$/s, "");

const maximumDepth = 32;
/** Members and pairs of types that are looked at: types come from outside, and may branch at every level. */
const maximumPairs = 20_000;

const isNumber = ({ kind }: BtfType): boolean => kind === "int" || kind === "float";
const nameOf = (type: BtfType): string => ("name" in type && !isNumber(type) ? essential(type.name) : "");

/** Behind a pointer a struct or union is known by its kind and name alone; one that is only declared will do. */
function sameKind(local: BtfType, target: BtfType): boolean {
  const kindOf = (type: BtfType): string =>
    type.kind === "forward" ? (type.union ? "union" : "struct") : type.kind === "void" ? "" : type.kind;
  return kindOf(local) === kindOf(target);
}

/** Type `localId` of `local` and type `targetId` of `target`, whose names are taken for the same. What is too deep to tell does not match. */
export function typesMatch(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  let pairs = 0;

  function fields(btf: Btf, type: BtfType, depth: number): readonly BtfMember[] {
    if (type.kind !== "struct" && type.kind !== "union") return [];
    pairs += type.members.length;
    if (depth > maximumDepth || pairs > maximumPairs) return [];
    return type.members.flatMap((member) => {
      const inner = member.name === "" ? resolve(btf, member.type) : undefined;
      return inner?.kind === "struct" || inner?.kind === "union" ? fields(btf, inner, depth + 1) : [member];
    });
  }

  function match(a: number, b: number, behindPointer: boolean, depth: number): boolean {
    pairs += 1;
    if (depth > maximumDepth || pairs > maximumPairs) return false;
    const [own, other] = [resolve(local, a), resolve(target, b)];
    if (depth > 0 && nameOf(own) !== nameOf(other)) return false;
    const inner = (c: number, d: number, pointed = behindPointer): boolean => match(c, d, pointed, depth + 1);
    if (own.kind === "forward" || other.kind === "forward") {
      return sameKind(own, other) && (behindPointer || own.kind === other.kind);
    }
    switch (own.kind) {
      case "void":
        return other.kind === "void";
      case "int":
        return other.kind === "int" && own.size === other.size && own.signed === other.signed;
      case "float":
        return other.kind === "float" && own.size === other.size;
      case "pointer":
        return other.kind === "pointer" && inner(own.type, other.type, true);
      case "array":
        return other.kind === "array" && own.count === other.count && inner(own.type, other.type);
      case "enum": {
        if (other.kind !== "enum" || own.size !== other.size) return false;
        const names = new Set(other.values.map(({ name }) => essential(name)));
        return own.values.every(({ name }) => names.has(essential(name)));
      }
      case "prototype":
        return (
          other.kind === "prototype" &&
          own.parameters.length === other.parameters.length &&
          own.parameters.every(({ type }, index) => inner(type, other.parameters[index]!.type)) &&
          inner(own.returns, other.returns)
        );
      case "struct":
      case "union": {
        if (other.kind !== own.kind) return false;
        if (behindPointer) return true;
        const there = new Map(fields(target, other, depth).map(({ name, type }) => [name, type]));
        const wanted = fields(local, own, depth);
        if (pairs > maximumPairs) return false;
        return wanted.every(({ name, type }) => {
          const found = there.get(name);
          return found !== undefined && inner(type, found);
        });
      }
      default:
        return false;
    }
  }

  return match(localId, targetId, false, 0);
}
