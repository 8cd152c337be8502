import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const searchPath = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/local/sbin"];

function installed(program: string): boolean {
  return searchPath.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Says why tests that need root and these programs cannot run here; undefined when they can. */
export function missing(programs: readonly string[]): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  const absent = programs.filter((program) => !installed(program));
  return absent.length === 0 ? undefined : `needs ${absent.join(", ")} (npm run setup -- --debian)`;
}

/**
 * For `describe.skipIf(skip.reason !== undefined)`: prints the reason once, so that a run which skipped something says so.
 */
export function requires(title: string, programs: readonly string[]): { readonly reason: string | undefined } {
  const reason = missing(["ip", "setpriv", ...programs]);
  if (reason !== undefined) console.warn(`skipped: ${title}: ${reason}`);
  return { reason };
}
