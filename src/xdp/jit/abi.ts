/**
 * How a compiled program and its host speak. A module is compiled once for a program and the shapes of its maps, and instantiated in every
 * thread for each set of maps. Only what runs the same instructions on maps of the same shapes may share it: shapes are constants in it.
 *
 * Imports, all in module "env" (`Compiled.imports` lists the functions; all take and give words, `state` first):
 * - `memory`: the shared memory; `map_<index>`: an immutable i32, the offset of the record of that map of the program;
 * - `tail_call(state, frame, slot) -> i64`: calls the `tail` export of the thread's program in a slot (`run/tail-table.ts`). An entry of a
 *   prog_array is the slot and 1; 0: none;
 * - `helper_<id>`, `kfunc_<id>`: `(state, ...arguments) -> word`; the context is not among the arguments, because `state` is it. An argument
 *   in `Signature.wide` is two words, low first. The result is the lower word; of a helper whose `returns` is "wide", the upper one is at
 *   `state.returnHigh`. What is done inside the module is not imported: get_smp_processor_id, tail_call, spin_lock, spin_unlock, loop, and
 *   operations on maps and ring buffers where the map is known and a routine for it exists (`maps/inline/routines.ts`);
 * - `ring_wake(state, record)`: the program finished a record of that ring buffer, and somebody may be waiting for it;
 * - `check_access(state, pointer, size, write)`: whether an access that no single window bounds is within what the program may touch;
 * - `for_each_next(state, record, key, cursor) -> value`: goes on over a map that is no array; see `calls.ts`.
 *
 * Exports:
 * - `run(state) -> i32`: runs the program on the frame that the state block tells of, whose `cpu` must be less than the number of CPUs that
 *   the maps were bound for. Sets `fault`, `tailCalls` and `redirect` to 0 first. Traps (RuntimeError) after storing `state.fault`; a lock
 *   in `state.lock` is then to be given back. A trap with `state.fault` 0 (stack overflow, a slot beyond the last) is as fault.unknown.
 *   A function in a slot that sets `state.vacant` and takes its call back from `state.tailCalls` stands for no program: the caller goes on;
 * - `tail(state, frame) -> i64`: the same for a program that is gone on with: its stack frame ends at `frame`; sets nothing to 0, spends what
 *   `state.fuel` says is left, and answers all of r0.
 * - `batch(state, start, count, size, stride, outcomes) -> i32`: for `count` frames of `size` bytes, the first at `start`, each `stride` after
 *   the one before: sets data, dataMeta, dataEnd, hardStart = data, hardEnd = dataEnd, runs, and writes what it came to at `outcomes`, as
 *   `run/outcome.ts` has it. Ends early behind a verdict that is ABORTED or none, because the state block says why, and behind a frame that
 *   a helper has moved to a place of its own (hardStart is not data), because there is one such place. Answers how many frames it ran on.
 *   During the run of each, `state.frameIndex` is its index. What the program cannot look at is not set.
 *
 * Frames lie at 32768 or above: below, a pointer before the frame's begin with an offset that leads into it would end the run.
 */
export const importModule = "env";

/** Jumps backwards and rounds of callbacks that the interpreter lets a program make. */
export const defaultFuel = 1 << 24;

/** Work that a compiled program may spend in one run, programs that it goes on with among it; see `work.ts`. Some tenths of a second. */
export const defaultWork = 1 << 27;

/** As MAX_TAIL_CALL_CNT. */
export const maximumTailCalls = 33;
