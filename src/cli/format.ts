/** How values and tables look to people. */

export interface Column<T> {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: T) => string;
}

/** Compact columns as wide as what they hold, two spaces between. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => width(line[at]!))));
  const lines = cells.map((line) =>
    line
      .map((text, at) => {
        const space = " ".repeat(widths[at]! - width(text));
        return columns[at]!.align === "right" ? space + text : text + space;
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
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
