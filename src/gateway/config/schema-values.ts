/** Kinds of value that many keys of the configuration have. */
import { isIP } from "node:net";
import { z } from "zod";
import { isPrefix, splitAddress } from "./address.js";

const unitFactor: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const milliseconds = (value: number | string): number => {
  if (typeof value === "number") return Math.round(value * 1000);
  const unit = /[a-z]+$/.exec(value)?.[0] ?? "s";
  return Math.round(Number.parseFloat(value) * (unitFactor[unit] ?? 1000));
};

/** A span of time: a number of seconds, or a number with a unit. Becomes milliseconds. */
export const duration = z
  .union([
    z.number().min(0).max(86_400),
    z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)?$/, "expected a duration, as 500ms, 60s, 2m, or a number of seconds"),
  ])
  .transform(milliseconds);

export const addressMessage = "expected an IP address, as 192.0.2.1, 192.0.2.1:1701 or [2001:db8::1]:1701";
export const socketAddress = z.string().refine((text) => splitAddress(text) !== undefined, addressMessage);
export const prefix = z.string().refine(isPrefix, "expected a prefix, as 192.0.2.0/24 or 2001:db8::/32");
export const file = z.string().min(1);

export const ipAddress = z
  .string()
  .refine((text) => isIP(text) !== 0, "expected an IP address, as 192.0.2.1 or 2001:db8::1");

/** A prefix, or a range of addresses. */
export const addressRange = z.string().refine((text) => {
  const [first = "", last, ...rest] = text.split("-");
  if (last === undefined) return isPrefix(text);
  return rest.length === 0 && isIP(first) !== 0 && isIP(first) === isIP(last);
}, "expected a prefix or a range, as 100.64.0.0/16 or 192.0.2.10-192.0.2.99");

const rateFactor: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** Bits a second: a number, or one with k, M or G. */
export const bitRate = z
  .union([
    z.number().min(1000).max(1e12),
    z.string().regex(/^\d+(?:\.\d+)?[kMG]?$/, "expected bits a second, as 512k, 10M or 1G"),
  ])
  .transform((value) =>
    typeof value === "number" ? value : Number.parseFloat(value) * (rateFactor[/[kMG]?$/.exec(value)?.[0] ?? ""] ?? 1),
  )
  .refine((value) => value >= 1000 && value <= 1e12, "expected 1k to 1000G");

/** A thing or a list of them. Becomes a list. */
export const oneOrMore = <T extends z.ZodType>(thing: T) =>
  z.union([thing, z.array(thing).min(1)]).transform((value) => [value].flat() as readonly z.output<T>[]);
