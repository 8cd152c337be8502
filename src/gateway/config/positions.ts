/** Finds the places of keys and values in a YAML document. */
import { type Alias, type Document, isMap, isNode, isPair, isScalar, isSeq, type LineCounter, visit } from "yaml";
import { matchKeys } from "./schema.js";

export type Path = readonly PropertyKey[];

/** Offset of the value at `path`, or of the nearest thing above it that is there. */
export function offsetOf(document: Document, path: Path, at: "key" | "value"): number {
  if (at === "key" && path.length > 0) {
    const parent = document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === last);
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0];
    }
  }
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
    if (length > 0 && node === null) return offsetOf(document, path.slice(0, length), "key");
  }
  return 0;
}

export function lineAndColumn(counter: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** A path as people write it: policy[0].forward. */
export const pathText = (path: Path): string =>
  path.map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`)).join("");

export function unresolvedAliases(document: Document): readonly Alias[] {
  const found: Alias[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined) found.push(alias);
    },
  });
  return found;
}

/** Telephone numbers and names that YAML takes for numbers keep their spelling: 0123 is not 83 and not 123. */
export function keepSpelling(document: Document): void {
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || !Object.hasOwn(matchKeys, String(pair.key.value))) return undefined;
      const nodes = isSeq(pair.value) ? pair.value.items : [pair.value];
      for (const node of nodes) {
        if (isPair(node) || !isScalar(node) || node.source === undefined) continue;
        if (typeof node.value === "number" || typeof node.value === "boolean") node.value = node.source;
      }
      return undefined;
    },
  });
}
