/**
 * The error tree. Every error that Junctor raises on purpose carries a stable `code`, says what went wrong and where, and,
 * where there is something to do about it, what would mend it. Hostile input from the network is never an error: it is a
 * `Malformed` value (`wire/malformed.ts`) and a counted drop.
 */
export class JunctorError extends Error {
  override readonly name: string = "JunctorError";
  /** A stable identifier: an errno name for the data plane and the system, a word for the rest. */
  readonly code: string;
  /** The message without the hint. */
  readonly problem: string;
  /** What would mend it. */
  readonly hint: string | undefined;

  constructor(code: string, message: string, hint?: string) {
    super(hint === undefined ? message : `${message}: ${hint}`);
    this.code = code;
    this.problem = message;
    this.hint = hint;
  }
}

/** Errno names that the data plane answers with, as Linux does for the same mistake (`docs/architecture.md`). */
export type ErrnoName =
  | "EACCES"
  | "EALREADY"
  | "EBUSY"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "E2BIG"
  | "EEXIST"
  | "EINVAL"
  | "EMSGSIZE"
  | "ENOMEM"
  | "ENODEV"
  | "ENOENT"
  | "ENOSPC"
  | "ENOTCONN"
  | "ENXIO"
  | "EOPNOTSUPP"
  | "EPERM"
  | "ERANGE"
  | "ESRCH";

/** A data-plane operation was refused. `object` names what it was asked of, as in `channel 7`. */
export class DataplaneError extends JunctorError {
  override readonly name = "DataplaneError";
  override readonly code: ErrnoName;
  readonly object: string;
  /** What the verifier said, line by line, where it refused a program. */
  readonly log: string | undefined;

  constructor(code: ErrnoName, object: string, problem: string, hint?: string, log?: string) {
    super(code, `${object}: ${problem} (${code})`, hint);
    this.code = code;
    this.object = object;
    this.log = log;
  }
}
