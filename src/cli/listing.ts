/** What show and get have in common for tunnels, sessions and channels. */

import type { Filter } from "../api/filters.js";
import { type Context, printJson } from "./context.js";
import { type Column, jsonWriter, tableWriter } from "./format.js";
import type { Keyword } from "./grammar.js";

/** Few enough that the daemon has an answer ready in a moment; many enough that the answers are few. */
const partSize = 250;

/** The objects that the keywords select, part by part. `path` is the collection's, its last segment the name of the list. */
async function* fetchParts<T>(
  context: Context,
  path: string,
  keywords: Readonly<Record<string, string>>,
): AsyncGenerator<readonly T[]> {
  const client = await context.client();
  const list = path.slice(path.lastIndexOf("/") + 1);
  let after: string | null = "";
  while (after !== null) {
    const query = new URLSearchParams({ ...keywords, limit: String(partSize), ...(after !== "" && { after }) });
    const answer: Readonly<Record<string, unknown>> = await client.ask("GET", `${path}?${query}`);
    yield answer[list] as T[];
    after = answer.next as string | null;
  }
}

/** Every object that the keywords select. */
export async function fetchAll<T>(
  context: Context,
  path: string,
  keywords: Readonly<Record<string, string>>,
): Promise<T[]> {
  const all: T[] = [];
  for await (const part of fetchParts<T>(context, path, keywords)) all.push(...part);
  return all;
}

/** Prints the objects that the keywords select as they come: one JSON list, or a table. */
export async function printAll<T>(
  context: Context,
  path: string,
  keywords: Readonly<Record<string, string>>,
  columns: readonly Column<T>[],
): Promise<void> {
  const { print, pretty } = context;
  const write = context.json ? jsonWriter<T>(pretty) : tableWriter(columns);
  for await (const part of fetchParts<T>(context, path, keywords)) print(write.rows(part));
  print(write.end());
}

/** The API's filters as keywords. */
export const keywordsOf = (filters: readonly Filter[]): readonly Keyword[] =>
  filters.map(({ name, value, description }) => ({ name, value, description }));

/** Prints one object: JSON as it is, or what `shown` makes of it. */
export function printOne<T>(context: Context, object: T, shown: (object: T) => string): void {
  if (context.json) printJson(context, object);
  else context.print(shown(object));
}
