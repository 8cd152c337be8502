/** `junctor blast`: reads the command line, runs, prints the report. */
import { readFileSync } from "node:fs";
import { JunctorError } from "../errors.js";
import { help, parseOptions } from "./parse-options.js";
import { progressLine } from "./progress.js";
import type { Report } from "./report.js";
import { reportText } from "./report-text.js";
import { runBlast } from "./run.js";

/** Exit codes, as the whole command line has them. */
const exit = { ok: 0, usage: 1, failed: 2, interrupted: 130 } as const;

function readSecret(file: string): Uint8Array {
  try {
    return Buffer.from(readFileSync(file, "utf8").replace(/\r?\n$/, ""));
  } catch (error) {
    throw new JunctorError(
      "usage",
      `--secret-file ${file}: ${(error as Error).message}`,
      "give a file that can be read",
    );
  }
}

/** Ctrl-C: the first ends the run in order, the second at once. */
function interruptible(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(exit.interrupted);
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    },
  };
}

function print(report: Report, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : reportText(report));
}

/** Runs with the arguments after `junctor blast`; answers the exit code. */
export async function blast(args: readonly string[]): Promise<number> {
  try {
    const { options, secretFile, json, help: wanted } = parseOptions(args);
    if (wanted) {
      process.stdout.write(help());
      return exit.ok;
    }
    const secret = secretFile === undefined ? undefined : readSecret(secretFile);
    const line = process.stderr.isTTY ? progressLine(process.stderr) : undefined;
    const { signal, release } = interruptible();
    try {
      const report = await runBlast({ ...options, secret }, { signal, ...(line && { progress: line.show }) });
      line?.end();
      print(report, json || !process.stdout.isTTY);
      return report.passed ? exit.ok : signal.aborted ? exit.interrupted : exit.failed;
    } finally {
      release();
    }
  } catch (error) {
    if (!(error instanceof JunctorError)) throw error;
    process.stderr.write(`junctor blast: ${error.message}\n`);
    return exit.usage;
  }
}
