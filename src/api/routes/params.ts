/** What identifies an object in a path, and what is said when there is none. */
import { z } from "zod";
import { JunctorError } from "../../errors.js";
import { parseSessionName } from "../names.js";

export const id16 = z.coerce.number().int().min(1).max(0xffff);

export const callParams = z.object({
  session: z
    .string()
    .transform((name) => parseSessionName(name) ?? 0)
    .pipe(z.number().min(1, "expected TUNNEL/SESSION (%2F for the slash) or a call number"))
    .describe("TUNNEL/SESSION with %2F for the slash, or the call number (tunnel id << 16 | session id)"),
});

export const missing = (kind: "tunnel" | "session" | "unit", name: string | number): JunctorError =>
  new JunctorError("not-found", `${kind} ${name}: no such object`, `list the ${kind}s to see which there are`);
