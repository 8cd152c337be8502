/** What `junctor check` finds. */
import { ConfigError, loadConfig, type Problem } from "../gateway/config.js";

/** `text` is the whole of it in one line, as FILE:LINE:COLUMN: … */
export interface Finding extends Problem {
  readonly text: string;
}

export interface Findings {
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
}

export function check(file: string): Findings {
  try {
    return { mistakes: [], warnings: loadConfig(file).warnings.map(finding) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { mistakes: error.problems.map(finding), warnings: [] };
  }
}

const finding = (problem: Problem): Finding => ({ ...problem, text: new ConfigError([problem]).message });
