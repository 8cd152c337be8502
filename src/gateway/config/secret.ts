import { inspect } from "node:util";

const redacted = "[secret]";

/** A shared secret that does not show itself: not in a log, not in JSON, not in an inspector. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The secret itself, for the machine that computes with it. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  equals(other: Secret): boolean {
    return Buffer.compare(this.#bytes, other.#bytes) === 0;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
