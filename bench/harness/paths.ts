import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout; benchmarks run from `.build/bench`. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
