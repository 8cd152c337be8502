/** Commands from a file, one a line; `#` begins a comment, quotes keep spaces together. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { CliError, usage } from "./exit.js";

export interface BatchLine {
  readonly line: number;
  readonly words: readonly string[];
}

export async function* readBatch(file: string): AsyncGenerator<BatchLine> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  let line = 0;
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      const words = splitWords(text);
      if (words === undefined) throw usage(`${file}:${line}: a quote is not closed`);
      if (words.length > 0) yield { line, words };
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw usage(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Undefined: a quote is not closed. */
export function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  const pattern = /\s+|#.*$|((?:"[^"]*"|'[^']*'|[^\s"'])+)|(["'])/gy;
  for (const match of text.matchAll(pattern)) {
    if (match[2] !== undefined) return undefined;
    if (match[1] !== undefined) words.push(match[1].replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  }
  return words;
}
