/** Calls of helpers and kfuncs, by their signatures. */

import { kfuncById } from "../helpers/kfuncs.js";
import type { ArgumentKind, Signature } from "../helpers/signature.js";
import { helperById, missingHelper } from "../helpers/table.js";
import { callKind, type Instruction } from "../insn/instruction.js";
import { type MapSpec, mapFlag } from "../spec.js";
import { type Analysis, accessOf, frameOf, joinAccess, newId, read } from "./analysis.js";
import { afterCall, callBack, forgetPacket, leaveByTailCall } from "./calls.js";
import { dynptrArgument, dynptrData, dynptrResult } from "./dynptr.js";
import { checkHelperMemory } from "./helper-memory.js";
import { checkFixed } from "./memory.js";
import { refuse } from "./refusal.js";
import {
  describe,
  isNull,
  isScalar,
  known,
  markPrecise,
  notInitialized,
  pointer,
  type Register,
  scalar,
  unknownScalar,
} from "./register.js";
import type { Access } from "./result.js";
import { ofSize } from "./scalar/scalar.js";
import { lock, unlock } from "./spin-lock.js";
import { constantOnStack, stackRange } from "./stack.js";
import { topFrame } from "./state.js";

const gplCompatible = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** Helpers that take pointers into the packet. */
const packetHelpers = new Set([
  "map_lookup_elem",
  "map_update_elem",
  "map_delete_elem",
  "map_push_elem",
  "map_pop_elem",
  "map_peek_elem",
  "map_lookup_percpu_elem",
  "csum_diff",
]);

/** Helpers that change a map. */
const writers = new Set(["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"]);

const sizeLimit = 1n << 29n;

interface Call {
  readonly analysis: Analysis;
  readonly signature: Signature;
  readonly label: string;
  map: MapSpec | undefined;
  callback: Register | undefined;
  context: Register | undefined;
  size: number;
  released: number;
  key: number | undefined;
  readonly memory: (Access | undefined)[];
}

const sizes = new Set<ArgumentKind>(["size", "size-or-zero"]);
const memoryKinds = new Set<ArgumentKind>(["memory", "memory-or-null", "memory-uninit", "memory-or-null-uninit"]);
const uninit = (kind: ArgumentKind): boolean => kind.endsWith("uninit");

function expect(call: Call, index: number, register: Register, wanted: string): never {
  return refuse(`R${index} of ${call.label} is ${describe(register)}, where ${wanted} is needed`);
}

function mapArgument(call: Call, register: Register, index: number): void {
  if (register.kind !== "map" || register.nullable || register.map === undefined)
    expect(call, index, register, "a map");
  const { map } = register;
  const { maps, name } = call.signature;
  if (maps !== undefined && !maps.includes(map.type)) {
    refuse(`${call.label} cannot be used with map ${map.name}, which is a ${map.type}`, `it takes: ${maps.join(", ")}`);
  }
  if (writers.has(name) && (map.flags & mapFlag.readOnlyProgram) !== 0)
    refuse(`${call.label} would write into map ${map.name}, which programs may only read`);
  call.map = map;
}

function useOf(call: Call, position: number, kind: ArgumentKind) {
  const writes = uninit(kind) || call.signature.writes?.includes(position) === true;
  return { reads: !uninit(kind), writes, packet: packetHelpers.has(call.signature.name) };
}

/** Memory with the size in the argument after it. */
function memoryArgument(
  call: Call,
  register: Register,
  index: number,
  kind: ArgumentKind,
  sizeKind: ArgumentKind,
): void {
  const { analysis } = call;
  const sizeRegister = read(analysis, index + 1);
  if (isNull(register) && !kind.includes("null")) expect(call, index, register, "a pointer to memory");
  if (isScalar(register) && !isNull(register)) expect(call, index, register, "a pointer to memory");
  if (!isScalar(sizeRegister)) expect(call, index + 1, sizeRegister, "a size");
  const { value } = sizeRegister;
  const zero = sizeKind === "size-or-zero";
  markPrecise(sizeRegister);
  if (isNull(register)) {
    if (zero && value.umax === 0n) return;
    refuse(`R${index} of ${call.label} is null, but its size R${index + 1} may be ${value.umax}`);
  }
  if (value.smin < 0n)
    refuse(`the size in R${index + 1} may be negative`, "use an unsigned number, or `size &= constant`");
  if (value.umin === 0n && !zero) refuse(`the size in R${index + 1} may be 0`, "compare it first");
  if (value.umax >= sizeLimit)
    refuse(`the size in R${index + 1} has no upper bound`, "use `size &= constant`, or compare it first");
  const use = { ...useOf(call, index - 1, kind), zero };
  const size = Number(value.umax);
  checkHelperMemory(analysis, register, index, size, use);
}

function mapMemory(call: Call, register: Register, index: number, kind: ArgumentKind): void {
  const { map, analysis } = call;
  if (map === undefined) refuse(`${call.label} needs the map before R${index}`);
  if (isScalar(register)) expect(call, index, register, `a pointer to a ${kind === "map-key" ? "key" : "value"}`);
  const writes = uninit(kind) && map.type !== "bloom_filter";
  const size = kind === "map-key" ? map.keySize : map.valueSize;
  if (size === 0) return;
  checkHelperMemory(analysis, register, index, size, {
    reads: !writes,
    writes,
    packet: packetHelpers.has(call.signature.name),
  });
  if (
    kind === "map-key" &&
    register.kind === "stack" &&
    (map.type === "array" || map.type === "percpu_array") &&
    map.keySize === 4
  ) {
    const key = constantOnStack(stackRange(analysis, register, index, 0, 4), 4);
    if (key !== undefined && key < BigInt(map.maxEntries)) call.key = Number(key);
  }
}

function constantString(call: Call, register: Register, index: number): void {
  const { map } = register;
  if (
    register.kind !== "value" ||
    register.nullable ||
    map === undefined ||
    (map.flags & mapFlag.readOnlyProgram) === 0
  ) {
    expect(call, index, register, "a string in a read-only map (.rodata)");
  }
  if (register.value.tnum.mask !== 0n)
    refuse(`R${index} of ${call.label} has a variable offset; a constant string is needed`);
  const at = register.fixed + Number(register.value.smin);
  if (at < 0 || at >= map.valueSize) refuse(`R${index} of ${call.label} points outside of map ${map.name}`);
  const bytes = map.initial?.subarray(at);
  if (bytes !== undefined && bytes.indexOf(0) < 0) refuse(`the string in R${index} of ${call.label} has no end`);
}

function argument(call: Call, position: number): void {
  const { analysis, signature } = call;
  const kind = signature.arguments[position] as ArgumentKind;
  const index = position + 1;
  if (kind === "unchecked") return;
  const register = read(analysis, index);
  call.memory[position] =
    isScalar(register) || register.kind === "map" || register.kind === "function"
      ? undefined
      : accessOf(analysis, register);
  switch (kind) {
    case "anything":
      return;
    case "scalar":
      if (!isScalar(register)) expect(call, index, register, "a number");
      return;
    case "context":
      if (register.kind !== "context") expect(call, index, register, "the context");
      checkFixed(register, index);
      return;
    case "map":
      mapArgument(call, register, index);
      return;
    case "map-key":
    case "map-value":
    case "map-value-uninit":
      mapMemory(call, register, index, kind);
      return;
    case "fixed-memory":
    case "fixed-memory-uninit": {
      if (isScalar(register)) expect(call, index, register, "a pointer to memory");
      const size = signature.bytesByArgument?.[position] ?? signature.bytes ?? 0;
      checkHelperMemory(analysis, register, index, size, useOf(call, position, kind));
      return;
    }
    case "size":
    case "size-or-zero":
      return;
    case "constant-size-or-zero": {
      const size = known(register);
      if (size === undefined) refuse(`the size in R${index} of ${call.label} must be a constant`);
      markPrecise(register);
      if ((size as bigint) >= sizeLimit) refuse(`the size in R${index} of ${call.label} is too large`);
      call.size = Number(size);
      return;
    }
    case "constant-string":
      constantString(call, register, index);
      return;
    case "callback":
      if (register.kind !== "function") expect(call, index, register, "a function of the program");
      call.callback = register;
      return;
    case "stack-or-null":
      if (register.kind !== "stack" && !isNull(register))
        expect(call, index, register, "a pointer to the stack, or null");
      if (isScalar(register)) markPrecise(register);
      call.context = register;
      return;
    case "spin-lock":
      if (signature.name === "spin_lock") lock(analysis, register, index);
      else unlock(analysis, register, index);
      return;
    case "allocated-memory":
      if (register.kind !== "memory" || !register.record || register.slice || register.nullable)
        expect(call, index, register, "what bpf_ringbuf_reserve gave");
      checkFixed(register, index);
      call.released = register.reference;
      return;
    case "dynptr":
    case "dynptr-uninit":
      if (kind === "dynptr-uninit") return;
      call.released = dynptrArgument(analysis, register, index, signature);
      return;
    default: {
      if (!memoryKinds.has(kind)) refuse(`${call.label} has an argument of a kind that is not known`);
      const sizeKind = signature.arguments[position + 1];
      if (sizeKind === undefined || !sizes.has(sizeKind))
        refuse(`${call.label}: no size follows the memory in R${index}`);
      memoryArgument(call, register, index, kind, sizeKind);
      return;
    }
  }
}

function release(call: Call): void {
  const { state } = call.analysis;
  const { released } = call;
  if (released === 0 || !state.references.some((one) => one.id === released))
    refuse(`${call.label}: what is given back was not taken, or was given back before`);
  state.references = state.references.filter((one) => one.id !== released);
  for (const frame of state.frames) {
    for (let index = 0; index < 10; index += 1) {
      if ((frame.registers[index] as Register).reference === released) frame.registers[index] = unknownScalar();
    }
    frame.stack.forEach((slot, index) => {
      if (slot === undefined) return;
      if (slot.spill?.reference === released || slot.dynptr?.reference === released) {
        frame.stack[index] = { bytes: "mmmmmmmm", spill: undefined, dynptr: undefined, read: false, parent: slot };
      }
    });
  }
}

function acquire(call: Call): number {
  const { analysis } = call;
  const id = newId(analysis);
  analysis.state.references = [...analysis.state.references, { id, insn: analysis.state.insn }];
  return id;
}

const innerMaps = new WeakMap<MapSpec, MapSpec>();
/** What a map of maps holds: like its template, but not the template itself, which the program may name too. */
function innerOf(outer: MapSpec, template: MapSpec): MapSpec {
  const known = innerMaps.get(outer) ?? { ...template };
  innerMaps.set(outer, known);
  return known;
}

function lookupResult(call: Call): Register {
  const { map, analysis } = call;
  if (map === undefined) return unknownScalar();
  const id = newId(analysis);
  if (map.type === "array_of_maps" || map.type === "hash_of_maps") {
    if (map.inner === undefined) return refuse(`map ${map.name} does not say what maps it holds`);
    return pointer("map", { map: innerOf(map, map.inner), nullable: true, id });
  }
  if (map.type === "xskmap") return pointer("memory", { range: 4, writable: false, nullable: true, id });
  return pointer("value", { map, id, nullable: call.key === undefined });
}

function result(call: Call): Register {
  switch (call.signature.returns) {
    case "void":
      return notInitialized;
    case "map-value-or-null": {
      const found = lookupResult(call);
      // Where it cannot be null, there is nothing to tell results apart by but a lock.
      return found.nullable || found.map?.spinLockOffset !== undefined ? found : { ...found, id: 0 };
    }
    case "allocated-memory-or-null": {
      const id = acquire(call);
      return pointer("memory", { range: call.size, record: true, nullable: true, reference: id, id });
    }
    case "dynptr-data-or-null":
      return dynptrData(call.analysis, read(call.analysis, 1), call.size);
    case "unsigned":
      return call.signature.name.startsWith("junctor") ? scalar(ofSize(4)) : unknownScalar();
    default:
      return unknownScalar();
  }
}

function noteCall(call: Call): void {
  const { analysis, memory } = call;
  const { insn } = analysis.state;
  const map = call.map === undefined ? -1 : (analysis.mapIndex.get(call.map) ?? -1);
  const before = analysis.calls.get(insn);
  const callback = call.callback?.fixed ?? -1;
  if (before === undefined) {
    analysis.calls.set(insn, {
      map,
      callback,
      memory: memory.slice(),
      ...(call.key === undefined ? {} : { key: call.key }),
    });
    return;
  }
  const joined = Array.from({ length: Math.max(memory.length, before.memory.length) }, (_, at) => {
    const [a, b] = [before.memory[at], memory[at]];
    return b === undefined ? a : joinAccess(a, b);
  });
  analysis.calls.set(insn, {
    map: before.map === map ? map : -1,
    callback: before.callback === callback ? callback : -1,
    memory: joined,
    ...(call.key !== undefined && before.key === call.key && before.map === map ? { key: call.key } : {}),
  });
}

function signatureOf(insn: Instruction): { signature: Signature; label: string } {
  if (insn.src === callKind.kfunc) {
    const signature = kfuncById(insn.imm);
    if (signature === undefined)
      return refuse(
        insn.imm === -1 ? "it calls a weak kfunc that is not there" : `there is no kfunc number ${insn.imm}`,
        "test the symbol for null before the call",
      );
    return { signature, label: signature.name };
  }
  const signature = helperById(insn.imm);
  if (signature === undefined) return refuse(missingHelper(insn.imm));
  return { signature, label: `bpf_${signature.name}` };
}

/** Executes a call of a helper or kfunc. */
export function helperCall(analysis: Analysis, insn: Instruction): void {
  const { state, program } = analysis;
  const { signature, label } = signatureOf(insn);
  if (signature.gplOnly === true && !gplCompatible.has(program.license)) {
    refuse(
      `${label} is only for programs with a licence compatible with the GPL, and this one's is "${program.license}"`,
    );
  }
  if (state.lock !== undefined && signature.name !== "spin_unlock")
    refuse(`${label} is called while a spin lock is held`, "call bpf_spin_unlock first");
  const call: Call = {
    analysis,
    signature,
    label,
    map: undefined,
    callback: undefined,
    context: undefined,
    size: 0,
    released: 0,
    key: undefined,
    memory: [],
  };
  for (let position = 0; position < signature.arguments.length; position += 1) argument(call, position);
  if (signature.name === "tail_call") {
    if (state.frames.some((frame) => frame.callback)) {
      refuse("a callback cannot make a tail call", "let it return 1, and make the call where the loop is");
    }
    if (state.references.length > 0) refuse("a tail call would leave a reference that was not given back");
    leaveByTailCall(analysis);
  }
  noteCall(call);
  if (signature.releases === true) release(call);
  const dynptrAt = signature.arguments.indexOf("dynptr-uninit");
  if (dynptrAt >= 0) dynptrResult(analysis, signature, dynptrAt + 1, signature.acquires === true ? acquire(call) : 0);
  if (signature.callback !== undefined && call.callback !== undefined) {
    const frame = topFrame(state);
    if (signature.callback === "loop") {
      const rounds = read(analysis, 1);
      if (!isScalar(rounds)) refuse(`R1 of ${label} is ${describe(rounds)}, where a number is needed`);
      markPrecise(rounds);
      if (BigInt(frame.rounds) < rounds.value.umax)
        callBack(analysis, "loop", call.callback, call.context as Register, undefined);
      else frame.rounds = 0;
    } else {
      callBack(analysis, "for-each-map", call.callback, call.context as Register, call.map);
    }
  }
  const answer = result(call);
  if (signature.changesPacket === true) forgetPacket(state);
  afterCall(frameOf(analysis), answer);
  state.insn += 1;
}
