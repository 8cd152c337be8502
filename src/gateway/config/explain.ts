/** Says what a zod issue means to somebody who wrote YAML: what was found, what was expected, what was probably meant. */
import { z } from "zod";
import { nearest } from "./problems.js";
import { configSchema } from "./schema.js";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** A mistake and where it is: at a value, or at the key that leads to it. */
export interface Explained {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly message: string;
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
  array: "a list",
  undefined: "nothing",
};

const typeName = (name: string): string => typeNames[name] ?? name;

/** A value as it stood in the file, short enough for a line. */
export function found(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

/** The mistakes behind one issue of zod's; `document` is the whole plain value that was validated. */
export function explain(issue: Issue, document: unknown): readonly Explained[] {
  const value = valueAt(document, issue.path);
  const here = (expected: string): Explained[] => [
    { path: issue.path, at: "value", message: `found ${found(value)}, ${expected}` },
  ];
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(issue.path);
      return issue.keys.map((key) => ({ path: [...issue.path, key], at: "key", message: unknownKey(key, known) }));
    }
    case "invalid_type":
      if (value === undefined) {
        return [{ path: issue.path, at: "value", message: `missing, expected ${typeName(issue.expected)}` }];
      }
      return here(`expected ${typeName(issue.expected)}`);
    case "invalid_value": {
      const values = issue.values.map(String);
      const meant = nearest(String(value), values);
      return here(`expected one of ${values.join(", ")}${meant === undefined ? "" : `; did you mean ${meant}?`}`);
    }
    case "too_small":
      return here(
        `expected ${issue.origin === "array" ? "a list of at least" : sizeWords(issue.origin, "at least")} ${issue.minimum}`,
      );
    case "too_big":
      return here(
        `expected ${issue.origin === "array" ? "a list of at most" : sizeWords(issue.origin, "at most")} ${issue.maximum}`,
      );
    case "invalid_union":
      return explainUnion(issue, document, value);
    case "custom":
      return issue.message.startsWith("expected")
        ? here(issue.message)
        : [{ path: issue.path, at: "key", message: issue.message }];
    default:
      return here(issue.message);
  }
}

const sizeWords = (origin: string, bound: string): string =>
  origin === "string" ? `text of length ${bound}` : `a number of ${bound}`;

/** What is wrong with the alternative that has the value's type; if none has, what the alternatives are. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, document: unknown, value: unknown): readonly Explained[] {
  const typed = issue.errors.find(
    (errors) => !errors.some((each) => each.path.length === 0 && each.code === "invalid_type"),
  );
  if (typed) {
    return typed.flatMap((inner) => explain({ ...inner, path: [...issue.path, ...inner.path] } as Issue, document));
  }
  const expected = issue.errors
    .flat()
    .flatMap((each) => (each.code === "invalid_type" ? [typeName(each.expected)] : []));
  const message = `found ${found(value)}, expected ${[...new Set(expected)].join(" or ")}`;
  return [{ path: issue.path, at: "value", message }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `unknown key, ${meant === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`}`;
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The keys that the schema knows at a place. */
function keysAt(path: Path): readonly string[] {
  let nodes: readonly SchemaNode[] = [z.toJSONSchema(configSchema, { io: "input" }) as SchemaNode];
  for (const key of path) nodes = nodes.flatMap((node) => child(node, key));
  return nodes.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {}));
}

const alternatives = (node: SchemaNode): readonly SchemaNode[] => [node, ...(node.anyOf ?? [])];

const child = (node: SchemaNode, key: PropertyKey): readonly SchemaNode[] =>
  alternatives(node).flatMap((each) => {
    const next = typeof key === "number" ? each.items : each.properties?.[String(key)];
    return next === undefined ? [] : [next];
  });
