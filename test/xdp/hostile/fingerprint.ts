import type { MapSpec, ProgramSpec } from "../../../src/xdp/spec.js";

const mapWords = ({ name: _, btf: __, initial, inner, initialSlots, ...rest }: MapSpec): unknown => [
  rest,
  initial === undefined ? "" : Buffer.from(initial).toString("latin1"),
  inner === undefined ? "" : mapWords(inner),
  initialSlots === undefined ? "" : [...initialSlots],
];

/** All that verifying, compiling and running a program depends on, but for its BTF. */
export const fingerprint = ({ attach, frags, license, insns, functions, maps }: ProgramSpec): string =>
  JSON.stringify([attach, frags, license, insns, functions, maps.map(mapWords)]);
