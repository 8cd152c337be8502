/** How values and tables look to people. */

export interface Column<T> {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: T) => string;
}

/** Makes text of rows that come in parts. */
export interface Writer<T> {
  rows(part: readonly T[]): string;
  /** What is left to be written. */
  end(): string;
}

/** Compact columns, two spaces between; as wide as what they hold in this part or held in those before. */
export function tableWriter<T>(columns: readonly Column<T>[]): Writer<T> {
  const widths = columns.map(() => 0);
  let headless = true;
  return {
    rows(part) {
      const cells = part.map((row) => columns.map(({ cell }) => cell(row)));
      if (headless) cells.unshift(columns.map(({ title }) => title));
      headless = false;
      for (const line of cells)
        for (const [at, text] of line.entries()) widths[at] = Math.max(widths[at]!, width(text));
      return cells.map((line) => `${aligned(line, columns, widths)}\n`).join("");
    },
    end: () => "",
  };
}

const aligned = (line: readonly string[], columns: readonly Column<never>[], widths: readonly number[]): string =>
  line
    .map((text, at) => {
      const space = " ".repeat(widths[at]! - width(text));
      return columns[at]!.align === "right" ? space + text : text + space;
    })
    .join("  ")
    .trimEnd();

export const table = <T>(columns: readonly Column<T>[], rows: readonly T[]): string => tableWriter(columns).rows(rows);

/** One list, as JSON.stringify writes it. */
export function jsonWriter<T>(pretty: boolean): Writer<T> {
  const object = (row: T): string =>
    pretty ? `\n${JSON.stringify(row, null, 2)}`.replaceAll("\n", "\n  ") : JSON.stringify(row);
  let before = "[";
  return {
    rows(part) {
      if (part.length === 0) return "";
      const text = before + part.map(object).join(",");
      before = ",";
      return text;
    },
    end: () => (before === "[" ? "[]\n" : pretty ? "\n]\n" : "]\n"),
  };
}

/** Names and values under each other. */
export function sheet(rows: readonly (readonly [name: string, value: string])[]): string {
  const wide = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(wide)}  ${value}\n`).join("");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const escapes = /\u001b\[\d+m/g;
const width = (text: string): number => (text.includes("\u001b") ? text.replace(escapes, "") : text).length;

const suffixes = ["", "k", "M", "G", "T", "P"];

/** At most four digits: 950, 9999, 12.3k, 1.05M. */
export function count(value: number): string {
  if (value < 10_000) return String(value);
  let scaled = value;
  let suffix = 0;
  while (scaled >= 999.5 && suffix < suffixes.length - 1) {
    scaled /= 1000;
    suffix += 1;
  }
  return `${scaled.toPrecision(3)}${suffixes[suffix]}`;
}

/** A rate, as 10.0Mbit/s. */
export const bits = (perSecond: number): string => `${count(perSecond)}bit/s`;

/** Every digit, in groups of three. */
export const exact = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, " ");

/** Time since a moment: 45s, 12m03s, 2h05m, 3d04h. */
export function age(since: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** What is not there. */
export const orDash = (value: string | number | null): string => (value === null ? "-" : String(value));

/** A state, green when it is the one to be in. */
export const state = (text: string, color: boolean): string =>
  color ? `\u001b[${text === "established" ? 32 : 33}m${text}\u001b[0m` : text;
