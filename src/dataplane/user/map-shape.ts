/** What code that was verified and compiled for one map takes for granted of another that it runs on. */
import { createHash } from "node:crypto";
import { type MapSpec, mapFlag } from "../../xdp/spec.js";

/**
 * A text that two maps of one store share when they are of the same shape: what the verifier looks at, the contents of those that nobody
 * writes included, and all that their layout follows from. Names do not count.
 */
export function mapShape(spec: MapSpec): string {
  const { type, keySize, valueSize, maxEntries, flags, extra = 0, spinLockOffset = -1, inner } = spec;
  const { keyType = 0, valueType = 0 } = spec;
  const constants = constantsOf(spec);
  return JSON.stringify([
    type,
    keySize,
    valueSize,
    maxEntries,
    flags,
    extra,
    spinLockOffset,
    keyType,
    valueType,
    inner === undefined ? "" : mapShape(inner),
    constants === undefined ? "" : createHash("sha256").update(constants).digest("hex"),
  ]);
}

/** What the verifier takes for known: the values of a map that programs only read, and that the object fills. */
export const constantsOf = ({ flags, initial }: MapSpec): Uint8Array | undefined =>
  (flags & mapFlag.readOnlyProgram) !== 0 ? initial : undefined;

const attributes = ["type", "keySize", "valueSize", "maxEntries", "flags", "extra", "spinLockOffset"] as const;

/** Why a map cannot take the place of one that an object declares, as "type is hash, not array"; undefined: it can. */
export function shapeMismatch(declared: MapSpec, real: MapSpec): string | undefined {
  for (const attribute of attributes) {
    const [wanted, has] = [declared[attribute] ?? 0, real[attribute] ?? 0];
    // None given: as many as there are CPUs.
    if (wanted === has || (attribute === "maxEntries" && wanted === 0)) continue;
    return `${attribute} is ${has}, not ${wanted}`;
  }
  const { inner } = declared;
  if (inner !== undefined) {
    const mismatch = real.inner === undefined ? "nothing" : shapeMismatch(inner, real.inner);
    if (mismatch !== undefined) return `of the maps that it holds, ${mismatch}`;
  }
  const constants = constantsOf(declared);
  if (constants === undefined || Buffer.compare(constants, real.initial ?? new Uint8Array()) === 0) return undefined;
  return "its values are others, and the program takes them for constants";
}
