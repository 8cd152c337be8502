// What a JSON Schema says of a value, in words.
import { code } from "./text.mjs";

const range = ({ minimum, maximum }) => {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (least !== undefined && most !== undefined) return ` ${least}–${most}`;
  return least === undefined ? (most === undefined ? "" : ` up to ${most}`) : ` from ${least}`;
};

const hasPattern =
  (part) =>
  ({ anyOf }) =>
    anyOf?.some(({ pattern }) => pattern?.includes(part)) === true;
const isDuration = hasPattern("ms|s|m|h");
const isRate = hasPattern("[kMG]");

export function typeOf(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1);
  if (isDuration(schema)) return "duration";
  if (isRate(schema)) return "rate";
  if (schema.enum !== undefined) return schema.enum.map((word) => code(word)).join(", ");
  if (schema.const !== undefined) return code(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.type === "integer" || schema.type === "number") return `${schema.type}${range(schema)}`;
  if (schema.type === "object" && schema.properties === undefined && schema.additionalProperties)
    return `mapping by name: ${typeOf(schema.additionalProperties)}`;
  if (schema.type === "object") return "mapping";
  return schema.type ?? "anything";
}

export const defaultOf = (schema, required) => {
  if (required) return "**required**";
  if (Array.isArray(schema.default) && schema.default.length > 0) return code(`[${schema.default.join(", ")}]`);
  if (schema.default === undefined || typeof schema.default === "object") return "";
  return code(schema.default);
};

export const unitOf = ({ unit }) => unit ?? "";
