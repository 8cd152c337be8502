/** BTF's string section, shared by `.BTF` and `.BTF.ext`. */
import { JunctorError } from "../../errors.js";

export type BtfStrings = (offset: number) => string;

export const badBtf = (what: string, mend = "the file is damaged; compile it again"): JunctorError =>
  new JunctorError("EINVAL", `BTF: ${what}`, mend);

/** Longer strings (source lines, most of all) are cut. */
const maximumString = 1024;

/** Strings by offset. Each is decoded once; an offset out of range is an error. */
export function btfStrings(bytes: Uint8Array): BtfStrings {
  const known = new Map<number, string>();
  const decoder = new TextDecoder();
  return (offset) => {
    const before = known.get(offset);
    if (before !== undefined) return before;
    if (offset === 0 && bytes.length === 0) return "";
    if (offset >= bytes.length) throw badBtf(`a string at ${offset}, of ${bytes.length} bytes of strings`);
    const end = bytes.subarray(0, offset + maximumString).indexOf(0, offset);
    const until = end < 0 ? Math.min(bytes.length, offset + maximumString) : end;
    const string = decoder.decode(bytes.slice(offset, until));
    known.set(offset, string);
    return string;
  };
}
