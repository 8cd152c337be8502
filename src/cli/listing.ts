/** What show and get have in common for tunnels, sessions and channels. */

import type { Filter } from "../api/filters.js";
import { type Context, printJson } from "./context.js";
import type { Keyword } from "./grammar.js";

/** As many as the API gives in one answer: each answer costs the daemon a look at every session. */
const partSize = 50_000;

/** Every object that the keywords select. `path` is the collection's, its last segment the name of the list. */
export async function fetchAll<T>(
  context: Context,
  path: string,
  keywords: Readonly<Record<string, string>>,
): Promise<T[]> {
  const client = await context.client();
  const list = path.slice(path.lastIndexOf("/") + 1);
  const all: T[] = [];
  let after: string | null = "";
  while (after !== null) {
    const query = new URLSearchParams({ ...keywords, limit: String(partSize), ...(after !== "" && { after }) });
    const answer: Readonly<Record<string, unknown>> = await client.ask("GET", `${path}?${query}`);
    all.push(...(answer[list] as T[]));
    after = answer.next as string | null;
  }
  return all;
}

/** The API's filters as keywords. */
export const keywordsOf = (filters: readonly Filter[]): readonly Keyword[] =>
  filters.map(({ name, value, description }) => ({ name, value, description }));

/** Prints one object: JSON as it is, or what `shown` makes of it. */
export function printOne<T>(context: Context, object: T, shown: (object: T) => string): void {
  if (context.json) printJson(context, object);
  else context.print(shown(object));
}
