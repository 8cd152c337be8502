/** Loads and stores: what each kind of pointer allows. */
import { type MapSpec, mapFlag } from "../spec.js";
import { type Analysis, boundsText, noteAccess } from "./analysis.js";
import { refuse } from "./refusal.js";
import { constantScalar, describe, pointer, type Register, scalar, unknownScalar } from "./register.js";
import { alu64, zeroExtend } from "./scalar/alu.js";
import { constant, constantOf, isConstant, ofSize, s64min } from "./scalar/scalar.js";
import { isAligned, tnumAdd, tnumConst } from "./scalar/tnum.js";
import { loadStack, stackRange, storeStack } from "./stack.js";

const variableLimit = 1n << 29n;

const contextFields = new Map<number, string>([
  [0, "data"],
  [4, "data_end"],
  [8, "data_meta"],
  [12, "ingress_ifindex"],
  [16, "rx_queue_index"],
  [20, "egress_ifindex"],
]);

/** Offsets that may be negative or without bounds are refused; `bytes` is the size of what is pointed into. */
export function checkRegion(
  register: Register,
  index: number,
  offset: number,
  size: number,
  bytes: number,
  what: string,
  zero = false,
): void {
  const { smin, umax } = register.value;
  const at = BigInt(register.fixed + offset);
  if (smin < 0n && (smin === s64min || smin + at < 0n)) {
    refuse(
      `the offset of R${index} into ${what} may be negative (${smin + at})`,
      "use an unsigned index, or compare it with 0 first",
    );
  }
  const inside = (first: bigint): void => {
    if (first < 0n || first + BigInt(size) > BigInt(bytes) || (size === 0 && !zero)) {
      refuse(`invalid access to ${what}, which has ${bytes} bytes: off=${first} size=${size} through R${index}`);
    }
  };
  inside(smin + at);
  if (umax >= variableLimit) {
    refuse(`the offset of R${index} into ${what} has no upper bound`, "compare the index with the size first");
  }
  inside(umax + at);
}

export function checkPacket(register: Register, index: number, offset: number, size: number, zero = false): void {
  if (register.value.smin < 0n) {
    refuse(
      `the offset of R${index} into the packet may be negative (${boundsText(register)})`,
      "use an unsigned index",
    );
  }
  const first = register.fixed + offset;
  if (register.range >= 0 && first >= 0 && first + size <= register.range && (size > 0 || zero)) return;
  const may = register.range > 0 ? `may reach only ${register.range} bytes` : "was not compared with the end";
  const base = register.kind === "meta" ? ["data_meta", "data"] : ["data", "data_end"];
  refuse(
    `invalid access to packet: off=${first} size=${size}, R${index} ${may}`,
    first < 0 ? "nothing lies before its base" : `compare ${base[0]} + ${first + size} with ${base[1]} first`,
  );
}

function overlapsLock(map: MapSpec, register: Register, offset: number, size: number): boolean {
  if (map.spinLockOffset === undefined) return false;
  const from = register.fixed + offset + Number(register.value.smin);
  const to = register.fixed + offset + Number(register.value.umax) + size;
  return from < map.spinLockOffset + 4 && to > map.spinLockOffset;
}

export function checkMapValue(
  register: Register,
  index: number,
  offset: number,
  size: number,
  write: boolean,
  zero = false,
): void {
  const map = register.map as MapSpec;
  const readOnly = (map.flags & mapFlag.readOnlyProgram) !== 0 || map.type === "devmap" || map.type === "devmap_hash";
  if (write && readOnly) refuse(`write into map ${map.name}, which programs may only read`);
  if (!write && (map.flags & mapFlag.writeOnlyProgram) !== 0)
    refuse(`read from map ${map.name}, which programs may only write`);
  checkRegion(register, index, offset, size, map.valueSize, `a value of map ${map.name}`, zero);
  if (overlapsLock(map, register, offset, size)) {
    refuse(`the bpf_spin_lock in map ${map.name} is accessed directly`, "use bpf_spin_lock and bpf_spin_unlock");
  }
}

function checkAlignment(
  analysis: Analysis,
  register: Register,
  index: number,
  offset: number,
  size: number,
  strict: boolean,
): void {
  const isStack = register.kind === "stack";
  if (!strict && !isStack && !analysis.strict) return;
  const packet = (register.kind === "packet" || register.kind === "meta") && !strict;
  // Ethernet's 14 bytes before an aligned IP header (NET_IP_ALIGN).
  const base = packet ? 2 : 0;
  if (!isAligned(tnumAdd(register.value.tnum, tnumConst(BigInt(register.fixed + offset + base))), BigInt(size))) {
    refuse(`misaligned access through R${index}: off=${register.fixed + offset} size=${size}`);
  }
}

function loadContext(
  analysis: Analysis,
  register: Register,
  index: number,
  offset: number,
  size: number,
  signed: boolean,
): Register {
  checkFixed(register, index);
  const field = contextFields.get(offset);
  if (field === undefined || size !== 4) {
    refuse(
      `invalid access to the context: off=${offset} size=${size}`,
      "fields of struct xdp_md are read whole, as 4 bytes at offsets 0 to 20",
    );
  }
  if (field === "egress_ifindex" && analysis.program.attach !== "xdp/devmap") {
    refuse("egress_ifindex is only for programs of devmaps", "put it in section xdp/devmap");
  }
  const packet = offset <= 8;
  if (packet && signed) refuse(`${field} of the context is read with sign`);
  if (offset === 0) return pointer("packet");
  if (offset === 4) return pointer("end");
  if (offset === 8) return pointer("meta");
  return unknownScalar();
}

/** The pointer must be as it was given: nothing added to it. */
export function checkFixed(register: Register, index: number, allowFixed = false): void {
  if (!isConstant(register.value) || register.value.umin !== 0n)
    refuse(`R${index}, ${describe(register)}, has a variable offset`);
  if (register.fixed !== 0 && !allowFixed) {
    refuse(`R${index}, ${describe(register)}, was modified (off=${register.fixed})`, "use the pointer as it was given");
  }
}

/** Of a map that neither programs nor anybody else writes: the value is known. */
function readOnlyConstant(register: Register, offset: number, size: number, signed: boolean): Register | undefined {
  const { map, value, fixed } = register;
  if (map?.initial === undefined || map.type !== "array" || (map.flags & mapFlag.readOnlyProgram) === 0)
    return undefined;
  const variable = constantOf(value);
  if (variable === undefined) return undefined;
  const at = Number(variable) + fixed + offset;
  let number = 0n;
  for (let byte = size - 1; byte >= 0; byte -= 1) number = (number << 8n) | BigInt(map.initial[at + byte] ?? 0);
  return constantScalar(signed ? BigInt.asIntN(size * 8, number) : number);
}

/** Cut to the size of the load. */
function cut(register: Register, size: number, signed: boolean): Register {
  if (register.kind !== "scalar" || size === 8) return register;
  const { value } = register;
  if (signed) {
    const sized = alu64(size === 1 ? "movsx8" : size === 2 ? "movsx16" : "movsx32", value, value);
    return sized === value ? register : scalar(sized, [register]);
  }
  if (value.umax < 1n << BigInt(size * 8)) return register;
  if (value.smin === s64min && value.tnum.mask === (1n << 64n) - 1n && value.u32max === 0xffffffff)
    return scalar(ofSize(size));
  const sized = size === 4 ? zeroExtend(value) : alu64("and", value, constant((1n << BigInt(size * 8)) - 1n));
  return scalar(sized, [register]);
}

/** What a load gives. */
export function load(
  analysis: Analysis,
  register: Register,
  index: number,
  offset: number,
  size: number,
  signed = false,
  atomic = false,
): Register {
  checkAlignment(analysis, register, index, offset, size, atomic);
  if (register.nullable) refuse(`R${index} may be null here`, "compare it with 0 first");
  noteAccess(analysis, register);
  switch (register.kind) {
    case "context":
      return cut(loadContext(analysis, register, index, offset, size, signed), size, signed);
    case "stack":
      return cut(loadStack(stackRange(analysis, register, index, offset, size), size), size, signed);
    case "packet":
    case "meta":
      checkPacket(register, index, offset, size);
      break;
    case "value": {
      checkMapValue(register, index, offset, size, false);
      const known = readOnlyConstant(register, offset, size, signed);
      if (known !== undefined) return known;
      break;
    }
    case "key":
      checkRegion(register, index, offset, size, (register.map as MapSpec).keySize, "a key of a map");
      break;
    case "memory":
      checkRegion(register, index, offset, size, register.range, "memory");
      break;
    default:
      refuse(`R${index} is ${describe(register)}: there is no memory to read through it`);
  }
  return size === 8 ? unknownScalar() : scalar(ofSize(size, signed));
}

/** `immediate`: the value is a constant of the instruction. */
export function store(
  analysis: Analysis,
  register: Register,
  index: number,
  offset: number,
  size: number,
  value: Register,
  immediate: boolean,
  atomic = false,
): void {
  checkAlignment(analysis, register, index, offset, size, atomic);
  if (register.nullable) refuse(`R${index} may be null here`, "compare it with 0 first");
  noteAccess(analysis, register);
  switch (register.kind) {
    case "context":
      refuse(`write to the context: off=${register.fixed + offset} size=${size}; struct xdp_md is read only`);
      return;
    case "stack":
      storeStack(analysis, stackRange(analysis, register, index, offset, size), size, value, immediate);
      return;
    case "packet":
    case "meta":
      checkPacket(register, index, offset, size);
      return;
    case "value":
      checkMapValue(register, index, offset, size, true);
      return;
    case "memory":
      if (!register.writable) refuse(`R${index} points to memory that may only be read`);
      checkRegion(register, index, offset, size, register.range, "memory");
      return;
    case "key":
      refuse(`write into a key of a map through R${index}`);
      return;
    default:
      refuse(`R${index} is ${describe(register)}: there is no memory to write through it`);
  }
}
