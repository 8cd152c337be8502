/** Entries of maps as bpftool prints them: bytes, JSON shaped by BTF, or its JSON of both. */
import type { MapEntryJson, MapJson } from "../api/schemas-programs.js";

const bytesOf = (hex: string): string[] => hex.match(/../g) ?? [];

/** A value in the layout of bpftool's JSON writer: objects indented, elements of a list after each other. */
export function btfText(value: unknown): string {
  let text = "";
  let depth = 0;
  let separator = "";
  const line = (): void => {
    text += `\n${"    ".repeat(depth)}`;
  };
  const next = (): void => {
    if (separator === ",") text += ",";
    separator = ",";
  };
  const begin = (mark: string): void => {
    next();
    text += mark;
    depth += 1;
    separator = "";
  };
  const end = (mark: string): void => {
    depth -= 1;
    if (separator !== "") line();
    text += mark;
    separator = ",";
  };
  const write = (part: unknown): void => {
    if (Array.isArray(part)) {
      begin("[");
      for (const each of part) write(each);
      end("]");
    } else if (typeof part === "object" && part !== null) {
      begin("{");
      for (const [name, each] of Object.entries(part)) {
        next();
        line();
        separator = "";
        text += `${JSON.stringify(name)}: `;
        write(each);
      }
      end("}");
    } else {
      next();
      text += JSON.stringify(part ?? null);
    }
  };
  write(value);
  return text;
}

const hexWords = (hex: string): string[] => bytesOf(hex).map((byte) => `0x${byte}`);

const cpus = <T>(values: readonly T[]): { cpu: number; value: T }[] => values.map((value, cpu) => ({ cpu, value }));

/** The types that are known, with the bytes where one is not. */
function shaped({ key, value, values, formatted = {} }: MapEntryJson): object {
  const rest = formatted.value !== undefined || value === undefined ? formatted.value : hexWords(value);
  const all = formatted.values ?? values?.map(hexWords);
  return {
    ...(key !== undefined && { key: formatted.key ?? hexWords(key) }),
    ...(rest !== undefined && { value: rest }),
    ...(all !== undefined && { values: cpus(all) }),
  };
}

/** As bpftool's `-j`. */
export function entryJson(entry: MapEntryJson): object {
  const { key, value, values, formatted } = entry;
  return {
    ...(key !== undefined && { key: hexWords(key) }),
    ...(value !== undefined && { value: hexWords(value) }),
    ...(values !== undefined && { values: cpus(values.map(hexWords)) }),
    ...(formatted !== undefined && { formatted: shaped(entry) }),
  };
}

/** Bytes of a line of a hex dump; more begin a line of their own. */
const perLine = 16;

function lines(hex: string): string {
  const bytes = bytesOf(hex);
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += perLine) rows.push(bytes.slice(at, at + perLine).join(" "));
  return rows.join("\n");
}

/** One entry by its bytes. */
export function entryBytes({ key = "", value, values }: MapEntryJson): string {
  if (values !== undefined) {
    const each = values.map((bytes, cpu) => `value (CPU ${String(cpu).padStart(2, "0")}): ${bytesOf(bytes).join(" ")}`);
    return `key:\n${lines(key)}\n${each.join("\n")}\n`;
  }
  const head = key === "" ? "" : "key:";
  if (value === undefined) return `${head}\n${lines(key)}\n`;
  if (key === "") return `value:${value.length > perLine * 2 ? `\n${lines(value)}` : ` ${lines(value)}`}\n`;
  if (key.length + value.length <= perLine * 4) return `key: ${lines(key)}  value: ${lines(value)}\n`;
  return `key:\n${lines(key)}\nvalue:\n${lines(value)}\n`;
}

/** One entry, as `map lookup` shows it. */
export const entryText = (entry: MapEntryJson): string =>
  entry.formatted === undefined ? entryBytes(entry) : `${btfText(shaped(entry))}\n`;

/** The entries of a map, as `map dump` shows them, part by part. */
export interface DumpWriter {
  rows(entries: readonly MapEntryJson[]): string;
  end(): string;
}

const elements = (count: number): string => `Found ${count} element${count === 1 ? "" : "s"}\n`;

export function dumpWriter({ btf }: Pick<MapJson, "btf">): DumpWriter {
  let count = 0;
  if (!btf) {
    return {
      rows(entries) {
        count += entries.length;
        return entries.map(entryBytes).join("");
      },
      end: () => elements(count),
    };
  }
  // As one list, written element by element.
  return {
    rows(entries) {
      return entries
        .map((entry) => {
          const text = btfText([shaped(entry)]);
          const inner = text.slice(1, text.lastIndexOf("\n]"));
          return `${count++ === 0 ? "[" : ","}${inner}`;
        })
        .join("");
    },
    end: () => (count === 0 ? "[]\n" : "\n]\n"),
  };
}
