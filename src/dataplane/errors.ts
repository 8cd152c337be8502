/** Refusals of the data plane, in one voice. */
import type { z } from "zod";
import { DataplaneError, type ErrnoName } from "../errors.js";

export function refuse(code: ErrnoName, object: string, problem: string, hint?: string): never {
  throw new DataplaneError(code, object, problem, hint);
}

/** Checks the attributes of an operation. @throws DataplaneError EINVAL naming the first attribute at fault. */
export function parse<S extends z.ZodType>(schema: S, object: string, attributes: unknown): z.output<S> {
  const result = schema.safeParse(attributes);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return refuse("EINVAL", object, `${issue?.path.join(".") || "attributes"}: ${issue?.message ?? "not as expected"}`);
}
