/**
 * What every protocol machine looks like from outside. A machine owns no socket, no timer and no clock: it is given what
 * arrived and the time, and is asked what to send, what happened, and when to be called again. Its state is plain data.
 * Times are milliseconds on the caller's clock, which never runs backwards.
 */
export interface Machine<Input, Output> {
  handle(input: Input, now: number): void;
  /** Runs what is due; call it at or after `deadline()`. */
  expire(now: number): void;
  /** When `expire` has something to do, or undefined when nothing is pending. */
  deadline(): number | undefined;
  /** Messages to send and events to report since the last call, oldest first. */
  take(): readonly Output[];
}
