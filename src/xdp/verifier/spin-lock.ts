/** One spin lock at a time, the right one given back. */
import type { Analysis } from "./analysis.js";
import { refuse } from "./refusal.js";
import { describe, type Register } from "./register.js";

function checkLock(register: Register, index: number): void {
  const { map } = register;
  if (register.kind !== "value" || register.nullable || map === undefined)
    refuse(`R${index} is ${describe(register)}, where a bpf_spin_lock in a map value is needed`);
  if (register.value.tnum.mask !== 0n) refuse(`R${index}: the lock's offset in the map value must be constant`);
  if (map.spinLockOffset === undefined)
    refuse(`values of map ${map.name} have no struct bpf_spin_lock`, "declare it with BTF");
  const at = register.fixed + Number(register.value.smin);
  if (at !== map.spinLockOffset)
    refuse(
      `R${index} points to byte ${at} of the value, where there is no bpf_spin_lock (it is at ${map.spinLockOffset})`,
    );
}

export function lock(analysis: Analysis, register: Register, index: number): void {
  checkLock(register, index);
  if (analysis.state.lock !== undefined) refuse("a second spin lock is taken while one is held");
  if (register.map !== undefined) analysis.state.lock = { id: register.id, map: register.map };
}

export function unlock(analysis: Analysis, register: Register, index: number): void {
  checkLock(register, index);
  const held = analysis.state.lock;
  if (held === undefined) refuse("bpf_spin_unlock without a lock that is held");
  if (held.map !== register.map || held.id !== register.id)
    refuse("bpf_spin_unlock of another lock than the one that is held");
  analysis.state.lock = undefined;
}
