import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a test has made and must take back, newest first; one step that fails does not keep the others from running. */
export interface Undo {
  defer(step: () => void | Promise<void>): void;
  /** Runs and forgets every step. Rejects with the first error once all have run. */
  run(): Promise<void>;
}

export function undoStack(): Undo {
  const steps: (() => void | Promise<void>)[] = [];
  return {
    defer: (step) => void steps.push(step),
    async run() {
      const errors: unknown[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** A directory of the test's own, removed with `undo`. JUNCTOR_TEST_KEEP=1 keeps it and prints where it is. */
export function temporaryDirectory(undo: Undo, name: string): string {
  const path = mkdtempSync(join(tmpdir(), `junctor-${name}-`));
  if (process.env.JUNCTOR_TEST_KEEP === "1") console.log(`kept: ${path}`);
  else undo.defer(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
