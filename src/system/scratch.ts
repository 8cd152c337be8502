import { addressOf } from "./ffi.js";

interface Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

let scratch: Scratch | undefined;

/** A few bytes of this thread for the arguments of one system call; the next caller overwrites them. */
export function scratchBytes(): Scratch {
  if (scratch === undefined) {
    const bytes = new Uint8Array(4096);
    scratch = { bytes, view: new DataView(bytes.buffer), address: addressOf(bytes) };
  }
  return scratch;
}
