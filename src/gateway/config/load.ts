import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { explain } from "./explain.js";
import { keepSpelling, lineAndColumn, offsetOf, pathText, unresolvedAliases } from "./positions.js";
import { ConfigError, type Problem } from "./problems.js";
import { resolveConfig } from "./resolve.js";
import { configSchema } from "./schema.js";
import type { Config } from "./types.js";

export interface LoadedConfig {
  readonly config: Config;
  /** What is allowed but probably not meant; same form as the mistakes. */
  readonly warnings: readonly Problem[];
  /** A problem found later, with the place of what `path` leads to. */
  problemAt(path: readonly PropertyKey[], message: string): Problem;
}

/** Reads a configuration file and the secret files that it names. Throws `ConfigError` with every mistake found. */
export function loadConfig(path: string): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError([{ file: path, line: 1, column: 1, path: "", message: reason(cause) }]);
  }
  return parseConfig(text, path);
}

/** The same for text at hand; `file` names it in messages, and secret files are looked for beside it. */
export function parseConfig(text: string, file = "junctor.yaml"): LoadedConfig {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, stringKeys: true });
  const problem = (path: readonly PropertyKey[], at: "key" | "value", message: string): Problem => ({
    file,
    ...lineAndColumn(counter, offsetOf(document, path, at)),
    path: pathText(path),
    message,
  });

  const syntax = (offset: number, message: string): Problem => ({
    file,
    ...lineAndColumn(counter, offset),
    path: "",
    message,
  });
  const errors = document.errors.map((error) => syntax(error.pos[0], error.message));
  for (const alias of unresolvedAliases(document)) {
    errors.push(
      syntax(alias.range?.[0] ?? 0, `found alias *${alias.source}, expected the anchor &${alias.source} before it`),
    );
  }
  if (errors.length > 0) throw new ConfigError(inOrder(errors));

  keepSpelling(document);
  let plain: unknown;
  try {
    plain = document.toJS() ?? {};
  } catch (cause) {
    throw new ConfigError([syntax(0, reason(cause))]); // aliases of aliases, without measure
  }
  const parsed = configSchema.safeParse(plain);
  if (!parsed.success) {
    const explained = parsed.error.issues.flatMap((issue) => explain(issue, plain));
    throw new ConfigError(inOrder(explained.map((each) => problem(each.path, each.at, each.message))));
  }

  const mistakes: Problem[] = [];
  const warnings: Problem[] = [];
  const config = resolveConfig(parsed.data, {
    file,
    directory: dirname(resolve(file)),
    mistake: (path, message) => mistakes.push(problem(path, "value", message)),
    warning: (path, message) => warnings.push(problem(path, "value", message)),
  });
  if (mistakes.length > 0) throw new ConfigError(inOrder(mistakes));
  return {
    config,
    warnings: inOrder(warnings),
    problemAt: (path, message) => problem(path, "value", message),
  };
}

/** As they are in the file. */
export const inOrder = (problems: readonly Problem[]): readonly Problem[] =>
  problems.toSorted((a, b) => a.line - b.line || a.column - b.column);

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
