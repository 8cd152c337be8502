/** Words of a file in the syntax of pppd's options and secrets (pppd(8), OPTIONS FILES): blanks, quotes, `\`, `#`. */

export interface Word {
  /** Bytes above 0x7f that were written by an escape are lone surrogates, as `decodeText` has them. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface WordProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Line {
  readonly words: readonly Word[];
  readonly problem: WordProblem | undefined;
}

const letters: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", s: " ", t: "\t" };
const escapeBase = 0xdc00;

const byte = (value: number): string => String.fromCharCode(value > 0x7f ? escapeBase + value : value);

/** The lines of a file that have words. A line that ends inside quotes is a problem. */
export function* readLines(text: string): Generator<Line> {
  // A backslash at the end of a line joins the next one to it.
  const rows = text.split(/\r?\n/);
  for (let row = 0; row < rows.length; row++) {
    const words: Word[] = [];
    const scan = { text: rows[row] ?? "", line: row + 1, at: 0 };
    let problem: WordProblem | undefined;
    while (problem === undefined) {
      while (isBlank(scan.text[scan.at])) scan.at++;
      const next = scan.text[scan.at];
      if (next === undefined || next === "#") break;
      const { line, at } = scan;
      const word = readWord(scan, () => rows[++row]);
      if (word === undefined) problem = { line, column: at + 1, message: "found no end of the quotes" };
      else words.push({ text: word, line, column: at + 1 });
    }
    if (words.length > 0 || problem) yield { words, problem };
  }
}

const isBlank = (character: string | undefined): boolean => character === " " || character === "\t";

/** Moves `scan` behind the word; undefined: its quotes do not end on the line. */
function readWord(
  scan: { text: string; line: number; at: number },
  nextRow: () => string | undefined,
): string | undefined {
  let text = "";
  let quote: string | undefined;
  for (;;) {
    const character = scan.text[scan.at];
    if (character === "\\") {
      if (scan.at + 1 === scan.text.length) {
        scan.text = nextRow() ?? "";
        scan.line++;
        scan.at = 0;
      } else {
        const match = /^\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))/su.exec(scan.text.slice(scan.at));
        scan.at += match?.[0].length ?? 1;
        const [, octal, hexadecimal, letter = ""] = match ?? [];
        if (octal !== undefined) text += byte(Number.parseInt(octal, 8) & 0xff);
        else if (hexadecimal !== undefined) text += byte(Number.parseInt(hexadecimal, 16));
        else text += letters[letter] ?? letter;
      }
      continue;
    }
    if (quote === undefined && (character === undefined || character === "#" || isBlank(character))) return text;
    if (character === undefined) return undefined;
    scan.at++;
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else text += character;
  }
}
