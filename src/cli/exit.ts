/** How a command ends; `docs/cli.md` shows this table. */
export const exitCodes = {
  ok: { code: 0, meaning: "done" },
  usage: { code: 1, meaning: "the command line, or a file that it names, has a mistake" },
  refused: { code: 2, meaning: "the daemon refused, or could not do it" },
  unreachable: { code: 3, meaning: "the daemon could not be reached" },
  permission: { code: 77, meaning: "no permission" },
} as const;

export type Ending = keyof typeof exitCodes;

/** Ends the command with a message on standard error; not for mistakes of ours. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly ending: Ending;
  readonly hint: string | undefined;
  /** What led to it, line by line. */
  readonly log: string | undefined;

  constructor(ending: Ending, message: string, hint?: string, log?: string) {
    super(message);
    this.ending = ending;
    this.hint = hint;
    this.log = log;
  }
}

export const usage = (message: string, hint?: string): CliError => new CliError("usage", message, hint);
