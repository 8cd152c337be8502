/** What identifies an object in a path, and what is said when there is none. */
import { z } from "zod";
import { JunctorError } from "../../errors.js";

export const id16 = z.coerce.number().int().min(1).max(0xffff);

export const missing = (kind: "tunnel" | "session", name: string | number): JunctorError =>
  new JunctorError("not-found", `${kind} ${name}: no such object`, `list the ${kind}s to see which there are`);
