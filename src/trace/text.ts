/** The pieces that lines of a trace are made of. */

/** Characters of the longest line. */
export const longestLine = 600;
/** Octets that are shown of a value whose meaning is not known. */
const shownOctets = 24;

/** Cut to the longest line, at a character. */
export function clip(text: string): string {
  if (text.length <= longestLine) return text;
  const last = text.charCodeAt(longestLine - 2);
  const half = last >= 0xd800 && last < 0xdc00;
  return `${text.slice(0, longestLine - (half ? 2 : 1))}…`;
}

export function hex(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, shownOctets)).toString("hex");
  return bytes.length > shownOctets ? `${digits}… (${octets(bytes)})` : digits;
}

/** For what is to stay secret. */
export const octets = ({ length }: Uint8Array): string => (length === 1 ? "1 octet" : `${length} octets`);

export const number = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** A peer's text in quotation marks; what could reach a terminal's controls is escaped. */
export function quote(text: string): string {
  let quoted = "";
  for (const character of text.slice(0, longestLine)) {
    const point = character.codePointAt(0)!;
    if (character === '"' || character === "\\") quoted += `\\${character}`;
    else if (isControl(point)) quoted += `\\u${point.toString(16).padStart(4, "0")}`;
    else quoted += character;
  }
  return `"${quoted}"`;
}

/** Controls of C0 and C1, separators of lines, marks of direction, lone surrogates. */
const isControl = (point: number): boolean =>
  point < 0x20 ||
  (point >= 0x7f && point < 0xa0) ||
  (point >= 0x2028 && point <= 0x202e) ||
  (point >= 0x2066 && point <= 0x2069) ||
  (point >= 0xd800 && point <= 0xdfff);

/** `head: one, two`; no colon when nothing follows. */
export const line = (head: string, parts: readonly string[]): string =>
  parts.length === 0 ? head : `${head}: ${parts.join(", ")}`;
