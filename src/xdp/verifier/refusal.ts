/** How the parts of the verifier give up: thrown inside, caught by `verify`, never seen outside. */
export class Refusal extends Error {
  readonly reason: "unsafe" | "complexity";
  /** Slot; undefined: the instruction in hand. */
  readonly insn: number | undefined;

  constructor(message: string, reason: "unsafe" | "complexity" = "unsafe", insn?: number) {
    super(message);
    this.reason = reason;
    this.insn = insn;
  }
}

/** `mend` says what would make it pass. */
export function refuse(message: string, mend?: string): never {
  throw new Refusal(mend === undefined ? message : `${message}; ${mend}`);
}

export function refuseAt(insn: number, message: string): never {
  throw new Refusal(message, "unsafe", insn);
}

export function tooComplex(message: string): never {
  throw new Refusal(message, "complexity");
}
