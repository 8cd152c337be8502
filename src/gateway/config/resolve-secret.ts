/** Secrets that the configuration names by their files. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Path, ResolveContext } from "./resolve.js";
import { Secret } from "./secret.js";

const newline = 0x0a;

/** Others may read it: S_IROTH. */
const worldReadable = 0o004;

export function readSecret(file: string | undefined, path: Path, context: ResolveContext): Secret | undefined {
  if (file === undefined) return undefined;
  const where = resolve(context.directory, file);
  try {
    const bytes = readFileSync(where);
    if ((statSync(where).mode & worldReadable) !== 0) {
      context.warning(path, `${where} can be read by every user: chmod o-r ${where}`);
    }
    const secret = bytes.at(-1) === newline ? bytes.subarray(0, -1) : bytes;
    if (secret.length > 0) return new Secret(Uint8Array.from(secret));
    context.mistake(path, `found ${where} empty, expected a secret in it`);
  } catch (cause) {
    context.mistake(path, `found no readable secret: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return undefined;
}
