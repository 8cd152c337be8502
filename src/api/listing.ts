/** Listings come in parts, so that an answer is bounded whatever the number of sessions. */
import { z } from "zod";
import type { Page } from "../gateway/types.js";
import { accepts, type Filter } from "./filters.js";

/** Few enough that an answer takes the control plane no more than a few milliseconds. */
const limit = z.coerce.number().int().min(1).max(1000).default(1000).describe("Objects in one answer");
const after = z.string().max(16).optional().describe("Goes on after this object: `next` of the answer before");

/** The query parameters of a listing that can be narrowed by these filters. */
export function listingQuery(list: readonly Filter[]): z.ZodObject {
  const parameters = list.map(({ name, value, description }) => [
    name,
    (typeof value === "string" ? z.string().min(1).max(256) : z.enum(value)).optional().describe(description),
  ]);
  return z.object({ ...Object.fromEntries(parameters), limit, after });
}

/** Views as the gateway gives them, and what is shown of each. */
export interface Listing<Facts, View, Shown> {
  readonly filters: readonly Filter[];
  /** As they are shown, the attributes by which is filtered. */
  readonly attributes: (facts: Facts) => object;
  readonly show: (view: View) => Shown;
  readonly name: (shown: Shown) => string;
  /** Reads a name's place in the order, whether or not the object is still there. */
  readonly place: (name: string) => number | undefined;
}

/** The part that the query asks for, and the name to go on after. No more is made than is shown. */
export async function part<Facts, View, Shown>(
  list: (page: Page<Facts>) => Promise<readonly View[]>,
  { filters, attributes, show, name, place }: Listing<Facts, View, Shown>,
  query: Readonly<Record<string, unknown>>,
): Promise<{ readonly items: Shown[]; readonly next: string | null }> {
  const limit = Number(query.limit);
  const narrowed = filters.some((filter) => query[filter.name] !== undefined);
  const views = await list({
    after: typeof query.after === "string" ? place(query.after) : undefined,
    limit: limit + 1,
    accept: narrowed ? (facts) => accepts(filters, query, attributes(facts)) : undefined,
  });
  const items = views.slice(0, limit).map(show);
  return { items, next: views.length > limit ? name(items.at(-1)!) : null };
}
