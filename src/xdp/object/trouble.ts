/** Errors of loading and linking: what, where (object and section), what would mend it. */
import { JunctorError } from "../../errors.js";

export const trouble = (what: string, mend?: string): JunctorError =>
  new JunctorError("EINVAL", `object: ${what}`, mend);
