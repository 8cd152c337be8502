/** What `junctor check` finds. */
import { ConfigError, inOrder, loadConfig, type Problem } from "../gateway/config.js";

/** `text` is the whole of it in one line, as FILE:LINE:COLUMN: … */
export interface Finding extends Problem {
  readonly text: string;
}

export interface Findings {
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** Reads what a start would read, and verifies the programs. Nothing is opened, loaded or changed. */
export async function check(file: string): Promise<Findings> {
  try {
    const loaded = loadConfig(file);
    if (loaded.config.programs.length === 0) return { mistakes: [], warnings: loaded.warnings.map(finding) };
    const { checkPrograms } = await import("./check-programs.js");
    const { mistakes, warnings } = checkPrograms(loaded);
    return {
      mistakes: inOrder(mistakes).map(finding),
      warnings: inOrder([...loaded.warnings, ...warnings]).map(finding),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { mistakes: error.problems.map(finding), warnings: [] };
  }
}

const finding = (problem: Problem): Finding => ({ ...problem, text: new ConfigError([problem]).message });
