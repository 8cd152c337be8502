/**
 * How a compiled program and its host speak. A module is compiled once for a program and its maps, whose offsets are constants in it, and
 * instantiated in every thread.
 *
 * Imports, all in module "env":
 * - `memory`: the shared memory; `table`: the thread's table of programs for tail calls, functions of type `(state: i32) -> i32`;
 * - `helper_<id>`, `kfunc_<id>`: `(state: i32, ...arguments: i32) -> i32`; an argument in `Signature.wide` is two words. The result
 *   is the lower word; of a helper whose `returns` is "wide", the upper one is at `state.returnHigh`. A helper whose work can be done inside
 *   the module (lookups) is not imported.
 *
 * Exports:
 * - `run(state) -> i32`: runs the program on the frame that the state block tells of. Traps (RuntimeError) after storing `state.fault`.
 * - `batch(state, start, count, size, stride) -> i32`: for `count` frames of `size` bytes, the first at `start`, each `stride` after the
 *   one before: sets data, dataMeta, dataEnd, hardStart = data, hardEnd = dataEnd, and runs, until a frame's verdict is not PASS or its
 *   data or dataEnd is not what it was. Answers how many frames passed unmoved; `state.verdict` is the verdict of the one after them.
 */
export const importModule = "env";

/** What a program may spend: each jump backwards and each round of bpf_loop costs one. */
export const defaultFuel = 1 << 24;

/** As MAX_TAIL_CALL_CNT. */
export const maximumTailCalls = 33;
