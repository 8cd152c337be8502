import { action, state } from "./state.js";

/**
 * What a batch of frames has come to: a record for each frame, in the shared memory, so that one call runs a program on all of them and
 * their verdicts are looked at afterwards. Byte offsets, all words.
 */
export const outcome = {
  verdict: 0,
  /** Where the frame begins now. 0: its begin and end are where they were, and the two words that follow say nothing. */
  data: 4,
  dataEnd: 8,
  dataMeta: 12,
  /** With XDP_REDIRECT: what the state block said of it, in the same order. */
  redirect: 16,
  redirectMap: 20,
  redirectKey: 24,
  redirectFlags: 28,
  bytes: 32,
} as const;

/** Whether a verdict is ABORTED or none: it ends a batch, because the state block says why. */
export const isAborted = (verdict: number): boolean => verdict === action.aborted || verdict >>> 0 > action.redirect;

/** Writes the record of a frame that a program has run on alone: it lay from `data` to `end`. Answers whether a batch may go on behind it. */
export function writeOutcome(
  u32: Uint32Array,
  block: number,
  record: number,
  verdict: number,
  data: number,
  end: number,
): boolean {
  const word = (field: number): number => u32[(block + field) >>> 2]!;
  const set = (field: number, value: number): void => {
    u32[(record + field) >>> 2] = value;
  };
  const isMoved = word(state.data) !== data || word(state.dataEnd) !== end;
  set(outcome.verdict, verdict);
  set(outcome.data, isMoved ? word(state.data) : 0);
  set(outcome.dataEnd, word(state.dataEnd));
  set(outcome.dataMeta, word(state.dataMeta));
  set(outcome.redirect, word(state.redirect));
  set(outcome.redirectMap, word(state.redirectMap));
  set(outcome.redirectKey, word(state.redirectKey));
  set(outcome.redirectFlags, word(state.redirectFlags));
  return !isAborted(verdict) && word(state.hardStart) === data;
}
