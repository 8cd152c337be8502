/** Keys and values of maps on the command line: bytes as bpftool takes them, one number, or JSON shaped by BTF. */
import type { MapEntryJson, MapJson } from "../api/schemas-programs.js";
import type { Client } from "./client.js";
import { usage } from "./exit.js";
import type { Keyword } from "./grammar.js";
import { findMap, findProgram, isReference, mapKinds, programKinds, takeReference } from "./references.js";
import { jsonOrText, type Words } from "./words.js";

export const dataHelp =
  'DATA is bytes, as 10 0 0 1 or hex 0a 00 00 01, in the order in which they lie in memory; one number for all of them (little-endian); or, where the object tells the types, JSON: \'{"prefixlen":24,"address":[10,0,0,0]}\'.';

export const keyKeyword: Keyword = { name: "key", value: "DATA", description: "key of the entry" };
export const valueKeyword: Keyword = {
  name: "value",
  value: "DATA|MAP|PROG",
  description: "value; of a map of maps or programs: id HANDLE, pinned NAME or name NAME",
};

type Data = { readonly raw: string } | { readonly formatted: unknown };

const modes = ["any", "exist", "noexist"] as const;
export type Mode = (typeof modes)[number];
const ends: ReadonlySet<string> = new Set(["value", ...modes]);

function byteOf(word: string, radix: 10 | 16): string {
  const pattern = radix === 16 ? /^(0x)?[\da-f]{1,2}$/i : /^(\d{1,3}|0x[\da-f]{1,2})$/i;
  const value = pattern.test(word) ? (radix === 16 ? Number.parseInt(word, 16) : Number(word)) : Number.NaN;
  if (!(value <= 255)) throw usage(`${word}: expected a byte`, radix === 16 ? "as 0a" : "as 10 or 0x0a");
  return value.toString(16).padStart(2, "0");
}

/** Up to the next word that means something else. */
function takeData(words: Words, what: "key" | "value", size: number): Data {
  if (words.has("hex")) {
    const bytes: string[] = [];
    while (words.more && !ends.has(words.peek()!)) {
      const word = words.take(what);
      // 0a000001 is four bytes.
      const packed = /^(?:[\da-f]{2}){2,}$/i.test(word) ? (word.match(/../g) ?? []) : [word];
      bytes.push(...packed.map((byte) => byteOf(byte, 16)));
    }
    if (bytes.length === 0) throw usage(`${what} hex lacks its bytes`);
    return { raw: bytes.join("") };
  }
  const all = [words.take(`the ${what}'s DATA`)];
  while (words.more && !ends.has(words.peek()!)) all.push(words.take(what));
  const [first = ""] = all;
  if (all.length === 1 && (size !== 1 || /^["[{]/.test(first))) return { formatted: jsonOrText(first) };
  return { raw: all.map((word) => byteOf(word, 10)).join("") };
}

export function takeKey(words: Words, { keySize }: MapJson): MapEntryJson {
  words.keyword("key");
  const data = takeData(words, "key", keySize);
  return "raw" in data ? { key: data.raw } : { formatted: { key: data.formatted } };
}

/** A handle as a map of maps or programs has it. */
function handleHex(handle: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(handle);
  return bytes.toString("hex");
}

const mapsOfMaps: ReadonlySet<string> = new Set(["array_of_maps", "hash_of_maps"]);

/** After the word `value`. */
export async function takeValue(words: Words, map: MapJson, client: Client): Promise<MapEntryJson> {
  const { type, valueSize } = map;
  const named = !/^\d/.test(words.peek() ?? "");
  if (named && mapsOfMaps.has(type) && isReference(words.peek(), mapKinds)) {
    return { value: handleHex((await findMap(client, takeReference(words, mapKinds, "a map"))).map) };
  }
  if (named && type === "prog_array" && isReference(words.peek(), programKinds)) {
    return { value: handleHex((await findProgram(client, takeReference(words, programKinds, "a program"))).program) };
  }
  const data = takeData(words, "value", valueSize);
  return "raw" in data ? { value: data.raw } : { formatted: { value: data.formatted } };
}

export const takeMode = (words: Words): Mode | undefined => (words.more ? words.keyword(...modes) : undefined);

/** What was said of the key and of the value, in one. */
export const together = (key: MapEntryJson, value: MapEntryJson): MapEntryJson => ({
  ...key,
  ...value,
  ...((key.formatted ?? value.formatted) !== undefined && { formatted: { ...key.formatted, ...value.formatted } }),
});
