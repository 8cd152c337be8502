/** An object file, as clang or GCC make it, to programs and maps. */
import type { ObjectSpec } from "../spec.js";
import { type LoadOptions, linkObjects } from "./link.js";

export type { LoadOptions } from "./link.js";

/**
 * Loads one ELF object: XDP programs of all its sections, each with the functions it calls, and its maps. What is for others (programs of
 * other types) is listed in `skipped`. Throws JunctorError (EINVAL) that says what is wrong, where, and what would mend it.
 */
export const loadObject = (bytes: Uint8Array, options: LoadOptions = {}): ObjectSpec => linkObjects([bytes], options);
