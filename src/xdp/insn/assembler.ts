/**
 * Text to instructions, in the syntax that the disassembler writes.
 *
 * ```
 *   r1 = *(u32 *)(r1 +0)      ; comment, also with # at the start of a word and //
 *   if r1 s> -5 goto done     ; a label, or pc+3, or +3: slots from the next one
 *   r2 = 0x123456789 ll       ; 64 bits, two slots
 *   r1 = map[counters] ll     ; a map of the program by name or index; map[counters][0]+8: its value
 *   call bpf_map_lookup_elem  ; a helper by name, or bpf_map_lookup_elem#1; kfunc name: one of our own; pc+5 or a label: a function here
 * done:
 *   exit
 * ```
 */
import { JunctorError } from "../../errors.js";
import type { Instruction } from "./instruction.js";
import { instructionSet, type Operand, type Operation, operandsOf, type TextPart, textParts } from "./set.js";
import { type Token, tokenize } from "./tokens.js";

export interface AssemblerOptions {
  /** Numbers of helpers by name, with or without their bpf_. */
  readonly helpers?: ReadonlyMap<string, number>;
  readonly kfuncs?: ReadonlyMap<string, number>;
  /** Names of the program's maps; their places here are their indexes. */
  readonly maps?: readonly string[];
}

/** Text that is no program: `line` and `column` count from 1. */
export class AssemblyError extends JunctorError {
  override readonly name = "AssemblyError";
  readonly line: number;
  readonly column: number;

  constructor(line: number, column: number, problem: string) {
    super("EINVAL", `line ${line}, column ${column}: ${problem}`);
    this.line = line;
    this.column = column;
  }
}

/** What has been read of an instruction; a label is resolved when all are known. */
interface Fields {
  dst: number;
  src: number;
  offset: number;
  imm: number;
  high: number;
  label?: { readonly name: string; readonly field: "offset" | "imm"; readonly token: Token; readonly call: boolean };
}

interface Reader {
  readonly tokens: readonly Token[];
  readonly options: AssemblerOptions;
  at: number;
  readonly fields: Fields;
}

/** An operand read, or what was expected in its place. */
type Read = (reader: Reader) => string | undefined;

const tokenAt = (reader: Reader, ahead = 0): Token =>
  reader.tokens[Math.min(reader.at + ahead, reader.tokens.length - 1)] as Token;

const parseNumber = (text: string): bigint =>
  text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.startsWith("+") ? text.slice(1) : text);

const within = (value: bigint, bits: number): boolean =>
  value >= -(1n << BigInt(bits - 1)) && value < 1n << BigInt(bits);

function register(letter: "r" | "w", field: "dst" | "src"): Read {
  return (reader) => {
    const { text } = tokenAt(reader);
    const match = new RegExp(`^${letter}(10|[0-9])$`).exec(text);
    if (match === null) {
      return letter === "r" ? "a register r0 to r10" : "a register w0 to w10";
    }
    const number = Number(match[1]);
    if (reader.fields[field] >= 0 && reader.fields[field] !== number) {
      return `${letter}${reader.fields[field]} again`;
    }
    reader.fields[field] = number;
    reader.at += 1;
    return undefined;
  };
}

function number(
  field: "imm" | "offset" | "high",
  bits: number,
  what: string,
  after?: (value: number) => boolean,
): Read {
  return (reader) => {
    const token = tokenAt(reader);
    if (token.kind !== "number") {
      return what;
    }
    const value = parseNumber(token.text);
    const fits = field === "offset" ? value >= -32768n && value < 32768n : within(value, bits);
    if (!fits || (after !== undefined && !after(Number(value)))) {
      return what;
    }
    reader.fields[field] = Number(BigInt.asIntN(field === "offset" ? 16 : 32, value));
    reader.at += 1;
    return undefined;
  };
}

/** `pc+3`, `+3`, or a name. */
function target(field: "offset" | "imm", call: boolean): Read {
  const bits = field === "offset" ? 16 : 32;
  const what = `${call ? "a function" : "a label"} or pc+N, N of ${bits} bits`;
  const relative = number(field, bits, what, (value) => value < 2 ** (bits - 1));
  return (reader) => {
    const token = tokenAt(reader);
    if (token.kind === "word" && token.text === "pc" && tokenAt(reader, 1).kind === "number") {
      reader.at += 1;
      return relative(reader);
    }
    if (token.kind === "number") {
      return relative(reader);
    }
    if (token.kind !== "word") {
      return what;
    }
    reader.fields.label = { name: token.text, field, token, call };
    reader.at += 1;
    return undefined;
  };
}

const lookUp = (names: ReadonlyMap<string, number> | undefined, name: string): number | undefined =>
  names?.get(name) ?? names?.get(name.replace(/^bpf_/, "")) ?? names?.get(`bpf_${name}`);

/** `name#1`, or a name alone that is known. */
function called(names: "helpers" | "kfuncs", what: string): Read {
  return (reader) => {
    const token = tokenAt(reader);
    if (token.kind !== "word") {
      return what;
    }
    if (tokenAt(reader, 1).text === "#") {
      reader.at += 2;
      const problem = number("imm", 32, "the number of what is called")(reader);
      return problem;
    }
    const id = lookUp(reader.options[names], token.text);
    if (id === undefined) {
      return what;
    }
    reader.fields.imm = id;
    reader.at += 1;
    return undefined;
  };
}

const readMap: Read = (reader) => {
  const token = tokenAt(reader);
  if (token.kind === "number") {
    return number("imm", 32, "the index of a map")(reader);
  }
  const index = reader.options.maps?.indexOf(token.text) ?? -1;
  if (token.kind !== "word" || index < 0) {
    const known = reader.options.maps ?? [];
    return known.length === 0 ? "the index of a map" : `a map's index or name (${known.join(", ")})`;
  }
  reader.fields.imm = index;
  reader.at += 1;
  return undefined;
};

const readWide: Read = (reader) => {
  const token = tokenAt(reader);
  if (token.kind !== "number" || !within(parseNumber(token.text), 64)) {
    return "a number of 64 bits";
  }
  const value = parseNumber(token.text);
  reader.fields.imm = Number(BigInt.asIntN(32, value));
  reader.fields.high = Number(BigInt.asIntN(32, value >> 32n));
  reader.at += 1;
  return undefined;
};

const shiftOf = (width: number): Read =>
  number("imm", 32, `a number from 0 to ${width - 1}`, (value) => value >= 0 && value < width);
const anyImm = number("imm", 32, "a number of 32 bits");

const reads: Readonly<Record<Exclude<Operand, "shift">, Read>> = {
  rd: register("r", "dst"),
  wd: register("w", "dst"),
  rs: register("r", "src"),
  ws: register("w", "src"),
  imm: anyImm,
  hex: anyImm,
  off: number("offset", 16, "an offset of 16 bits with its sign"),
  jump: target("offset", false),
  jumpl: target("imm", false),
  helper: called("helpers", "the name of a helper"),
  kfunc: called("kfuncs", "the name of a kfunc"),
  local: target("imm", true),
  wide: readWide,
  map: readMap,
  value: number("high", 32, "an offset with its sign"),
  function: target("imm", true),
  number: anyImm,
};

interface Template {
  readonly row: Operation;
  readonly reads: readonly Read[];
}

const literal =
  (text: string): Read =>
  (reader) => {
    if (tokenAt(reader).text !== text) {
      return text;
    }
    reader.at += 1;
    return undefined;
  };

function readsOf(part: TextPart, row: Operation): Read[] {
  if (part.kind === "operand") {
    return [part.operand === "shift" ? shiftOf(row.width ?? 64) : reads[part.operand]];
  }
  return tokenize(part.text, 0)
    .filter((token) => token.kind !== "end")
    .map((token) => literal(token.text));
}

/** `(s8)r2` and the like begin alike, so all rows are tried; a call of a name is a helper first, then a function. */
const templates: readonly Template[] = instructionSet.map((row) => ({
  row,
  reads: textParts(row.text).flatMap((part) => readsOf(part, row)),
}));

interface Parsed {
  readonly row: Operation;
  readonly fields: Fields;
  readonly line: number;
}

const fresh = (): Fields => ({ dst: -1, src: -1, offset: 0, imm: 0, high: 0 });

/** `.insn opcode dst src offset imm`: any slot at all. */
function readRaw(tokens: readonly Token[], line: number): Instruction {
  const what = ["an opcode", "a register r0 to r15", "a register r0 to r15", "an offset", "an immediate"] as const;
  const values = what.map((expected, index) => {
    const token = tokens[index + 1] as Token;
    const text = index === 1 || index === 2 ? token?.text.replace(/^r(?=\d+$)/, "") : token?.text;
    const value = /^[+-]?(0[xX][0-9a-fA-F]+|\d+)$/.test(text ?? "") ? parseNumber(text as string) : undefined;
    const [low, high] = (
      [
        [0n, 255n],
        [0n, 15n],
        [0n, 15n],
        [-32768n, 32767n],
        [-2147483648n, 4294967295n],
      ] as const
    )[index] as readonly [bigint, bigint];
    if (value === undefined || value < low || value > high) {
      throw new AssemblyError(line, (token ?? tokens.at(-1))?.column ?? 1, `expected ${expected}`);
    }
    return Number(value);
  });
  const rest = tokens[6];
  if (rest !== undefined && rest.kind !== "end") {
    throw new AssemblyError(line, rest.column, "expected the end of the line");
  }
  const [opcode = 0, dst = 0, src = 0, offset = 0, imm = 0] = values;
  return { opcode, dst, src, offset, imm: imm | 0 };
}

const describe = (token: Token): string => (token.kind === "end" ? "the line ends" : `there is "${token.text}"`);

function complain(tokens: readonly Token[], line: number, at: number, expected: ReadonlySet<string>): never {
  const token = tokens[Math.min(at, tokens.length - 1)] as Token;
  const all = [...expected];
  const shown = all.length > 12 ? [...all.slice(0, 12), "…"] : all;
  throw new AssemblyError(line, token.column, `expected ${shown.join(" or ")}, but ${describe(token)}`);
}

function readInstruction(
  tokens: readonly Token[],
  line: number,
  options: AssemblerOptions,
  labels: ReadonlySet<string>,
): Parsed {
  let furthest = 0;
  let expected = new Set<string>();
  for (const { row, reads: steps } of templates) {
    const reader: Reader = { tokens, options, at: 0, fields: fresh() };
    let problem: string | undefined;
    for (const step of steps) {
      problem = step(reader);
      if (problem !== undefined) {
        break;
      }
    }
    const label = reader.fields.label;
    if (problem === undefined && label?.call === true && !labels.has(label.name)) {
      reader.at = tokens.indexOf(label.token);
      problem = `the name of a function here ("${label.name}" is no label)`;
    }
    // A 64-bit load of something that is not a plain number may leave its ` ll` out, as the kernel does.
    if (problem === undefined && row.opcode === 0x18 && row.src !== 0 && tokenAt(reader).text === "ll") {
      reader.at += 1;
    }
    if (problem === undefined && tokenAt(reader).kind === "end") {
      return { row, fields: reader.fields, line };
    }
    if (reader.at > furthest) {
      furthest = reader.at;
      expected = new Set();
    }
    if (reader.at === furthest) {
      expected.add(problem ?? "the end of the line");
    }
  }
  return complain(tokens, line, furthest, expected);
}

/** Length of the line without its comment. `#` begins one only after space and before space: `name#1` is a call. */
function withoutComment(line: string): string {
  const comment = /;|\/\/|(^|\s)#/.exec(line);
  return comment === null ? line : line.slice(0, comment.index);
}

interface Statement {
  readonly slot: number;
  readonly parsed: Parsed | Instruction;
}

const labelPattern = /^\s*([A-Za-z_.$][\w.$]*):/;
/** `12: (b7)` in front of an instruction, as in a listing, is passed over. */
const listingPattern = /^\s*\d+:\s*(\([0-9a-f]{2}\))?/;

function contentsOf(
  text: string,
): { line: number; start: number; content: string; labels: readonly [string, number][] }[] {
  return text.split("\n").map((full, index) => {
    const content = withoutComment(full.replace(/\r$/, ""));
    let start = listingPattern.exec(content)?.[0].length ?? 0;
    const labels: [string, number][] = [];
    for (;;) {
      const match = labelPattern.exec(content.slice(start));
      if (match === null) {
        return { line: index + 1, start, content, labels };
      }
      labels.push([match[1] as string, start + (match[0].length - (match[1] as string).length)]);
      start += match[0].length;
    }
  });
}

function resolve(parsed: Parsed, slot: number, labels: ReadonlyMap<string, number>): void {
  const { fields, line } = parsed;
  const { label } = fields;
  if (label === undefined) {
    return;
  }
  const place = labels.get(label.name);
  if (place === undefined) {
    throw new AssemblyError(
      line,
      label.token.column,
      `expected a label or pc+N, but there is no label "${label.name}"`,
    );
  }
  const distance = place - slot - 1;
  if (label.field === "offset" && (distance < -32768 || distance > 32767)) {
    throw new AssemblyError(line, label.token.column, `"${label.name}" is ${distance} slots away: use gotol`);
  }
  fields[label.field] = distance;
}

function emit({ row, fields }: Parsed): Instruction[] {
  const used = operandsOf.get(row);
  const first: Instruction = {
    opcode: row.opcode,
    dst: used?.has("dst") === true ? fields.dst : 0,
    src: row.src ?? (used?.has("src") === true ? fields.src : 0),
    offset: row.offset ?? fields.offset,
    imm: row.imm ?? fields.imm,
  };
  return row.opcode === 0x18 ? [first, { opcode: 0, dst: 0, src: 0, offset: 0, imm: fields.high }] : [first];
}

/** The instructions of a text. Throws `AssemblyError`, which names line, column and what was expected there. */
export function assemble(text: string, options: AssemblerOptions = {}): Instruction[] {
  const lines = contentsOf(text);
  const names = new Set(lines.flatMap(({ labels }) => labels.map(([name]) => name)));
  const places = new Map<string, number>();
  const statements: Statement[] = [];
  let slot = 0;
  for (const { line, start, content, labels } of lines) {
    for (const [name, column] of labels) {
      if (places.has(name)) {
        throw new AssemblyError(line, column, `the label "${name}" is there already`);
      }
      places.set(name, slot);
    }
    const tokens = tokenize(content, start);
    if (tokens[0]?.kind === "end") {
      continue;
    }
    const parsed = tokens[0]?.text === ".insn" ? readRaw(tokens, line) : readInstruction(tokens, line, options, names);
    statements.push({ slot, parsed });
    slot += "row" in parsed && parsed.row.opcode === 0x18 ? 2 : 1;
  }
  return statements.flatMap(({ slot: at, parsed }) => {
    if (!("row" in parsed)) {
      return [parsed];
    }
    resolve(parsed, at, places);
    return emit(parsed);
  });
}
