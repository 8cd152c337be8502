/** Listings come in parts, so that an answer is bounded whatever the number of sessions. */
import { z } from "zod";
import { accepts, type Filter } from "./filters.js";

const limit = z.coerce.number().int().min(1).max(50_000).default(1000).describe("Objects in one answer");
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
export interface Listing<View, Shown> {
  readonly filters: readonly Filter[];
  /** The object's place in the order, which does not change while it lives. */
  readonly order: (view: View) => number;
  readonly show: (view: View) => Shown;
  readonly name: (shown: Shown) => string;
  /** Reads a name's place in the order, whether or not the object is still there. */
  readonly place: (name: string) => number | undefined;
}

/** The part that the query asks for, and the name to go on after. No more is made than is shown. */
export function part<View, Shown extends object>(
  views: readonly View[],
  { filters, order, show, name, place }: Listing<View, Shown>,
  query: Readonly<Record<string, unknown>>,
): { readonly items: Shown[]; readonly next: string | null } {
  const start = typeof query.after === "string" ? (place(query.after) ?? 0) : 0;
  const limit = Number(query.limit);
  const items: Shown[] = [];
  for (const view of views.filter((each) => order(each) > start).sort((a, b) => order(a) - order(b))) {
    const shown = show(view);
    if (!accepts(filters, query, shown)) continue;
    if (items.length === limit) return { items, next: name(items.at(-1)!) };
    items.push(shown);
  }
  return { items, next: null };
}
