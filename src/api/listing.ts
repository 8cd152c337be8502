/** Listings come in parts, so that an answer is bounded whatever the number of sessions. */
import { z } from "zod";
import { accepts, type Filter } from "./filters.js";

const limit = z.coerce.number().int().min(1).max(10_000).default(1000).describe("Objects in one answer");
const after = z.string().max(16).optional().describe("Goes on after this object: `next` of the answer before");

/** The query parameters of a listing that can be narrowed by these filters. */
export function listingQuery(list: readonly Filter[]): z.ZodObject {
  const parameters = list.map(({ name, value, description }) => [
    name,
    (typeof value === "string" ? z.string().min(1).max(256) : z.enum(value)).optional().describe(description),
  ]);
  return z.object({ ...Object.fromEntries(parameters), limit, after });
}

export interface Listing<T> {
  readonly filters: readonly Filter[];
  /** The object's place in the order, which does not change while it lives. */
  readonly order: (item: T) => number;
  readonly name: (item: T) => string;
  /** Reads a name's place in the order, whether or not the object is still there. */
  readonly place: (name: string) => number | undefined;
}

/** The part that the query asks for, and the name to go on after. */
export function part<T extends object>(
  items: readonly T[],
  { filters, order, name, place }: Listing<T>,
  query: Readonly<Record<string, unknown>>,
): { readonly items: T[]; readonly next: string | null } {
  const start = typeof query.after === "string" ? (place(query.after) ?? 0) : 0;
  const wanted = items
    .filter((item) => order(item) > start && accepts(filters, query, item))
    .sort((a, b) => order(a) - order(b));
  const shown = wanted.slice(0, Number(query.limit));
  const last = shown.at(-1);
  return { items: shown, next: last === undefined || shown.length === wanted.length ? null : name(last) };
}
