// What a JSON Schema says of a value, in words.
import { code } from "./text.mjs";

const range = ({ minimum, maximum }) => {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (least !== undefined && most !== undefined) return ` ${least}–${most}`;
  return least === undefined ? (most === undefined ? "" : ` up to ${most}`) : ` from ${least}`;
};

const isDuration = ({ anyOf }) => anyOf?.some(({ pattern }) => pattern?.includes("ms|s|m|h")) === true;

export function typeOf(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1);
  if (isDuration(schema)) return "duration";
  if (schema.enum !== undefined) return schema.enum.map((word) => code(word)).join(", ");
  if (schema.const !== undefined) return code(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.type === "integer" || schema.type === "number") return `${schema.type}${range(schema)}`;
  if (schema.type === "object")
    return schema.properties === undefined && schema.additionalProperties ? "mapping of names to numbers" : "mapping";
  return schema.type ?? "anything";
}

export const defaultOf = (schema, required) => {
  if (required) return "**required**";
  if (schema.default === undefined || typeof schema.default === "object") return "";
  return code(schema.default);
};

export const unitOf = ({ unit }) => unit ?? "";
