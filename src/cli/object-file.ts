/** Object files of programs, as `program load` and `program attach` take them. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Loaded } from "../api/schemas-programs.js";
import type { Client } from "./client.js";
import { usage } from "./exit.js";
import type { Keyword, Operand } from "./grammar.js";
import { findMap, mapKinds, takeReference } from "./references.js";
import { jsonOrText, type Words, wholeNumber } from "./words.js";

export const fileOperand: Operand = { name: "FILE", description: "object file, as clang -target bpf makes it" };

export const loadUsage =
  "[program NAME]… [pin NAME] [global NAME VALUE]… [map name NAME MAP]… [max-entries NAME COUNT]…";
export const loadKeywords: readonly Keyword[] = [
  { name: "program", value: "NAME", description: "function or section to load; none given: all that are to be loaded" },
  { name: "pin", value: "NAME", description: "name under which it stays and is found: pinned NAME" },
  { name: "global", value: "NAME VALUE", description: "initial value of a global variable, as JSON shaped by BTF" },
  { name: "map", value: "name NAME MAP", description: "a map that is there takes the place of the object's" },
  { name: "max-entries", value: "NAME COUNT", description: "most entries of a map, in place of what the object says" },
];
export const loadWords = ["program", "pin", "global", "map", "max-entries"] as const;
export type LoadWord = (typeof loadWords)[number];

export interface LoadRequest {
  readonly file: string;
  /** Reads what follows one of the keywords. */
  read(keyword: LoadWord, words: Words, client: Client): Promise<void>;
  send(client: Client): Promise<Loaded>;
}

export const isLoadWord = (word: string): word is LoadWord => loadWords.some((each) => each === word);

export function loadRequest(file: string): LoadRequest {
  const programs: string[] = [];
  const globals: Record<string, unknown> = {};
  const reuse: Record<string, number> = {};
  const maxEntries: Record<string, number> = {};
  let pin: string | undefined;
  return {
    file,
    async read(keyword, words, client) {
      if (keyword === "program") programs.push(words.take("the program's NAME"));
      else if (keyword === "pin") pin = words.take("the NAME to pin it as");
      else if (keyword === "global") {
        const name = words.take("the variable's NAME");
        globals[name] = jsonOrText(words.take("the variable's VALUE"));
      } else if (keyword === "max-entries") {
        const name = words.take("the map's NAME in the object");
        maxEntries[name] = wholeNumber(`map ${name}:`, words.take("the COUNT of its entries"), 1);
      } else {
        words.keyword("name");
        const name = words.take("the map's NAME in the object");
        const { map } = await findMap(client, takeReference(words, mapKinds, "a map"));
        reuse[name] = map;
      }
    },
    send: (client) =>
      client.ask<Loaded>("POST", "/v1/programs", {
        object: readObject(file),
        file: basename(file),
        globals,
        reuse,
        maxEntries,
        ...(programs.length > 0 && { programs }),
        ...(pin !== undefined && { pin }),
      }),
  };
}

function readObject(file: string): string {
  try {
    return readFileSync(file).toString("base64");
  } catch (error) {
    throw usage(`cannot read ${file}: ${(error as Error).message}`);
  }
}
