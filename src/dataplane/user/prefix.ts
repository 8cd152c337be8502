/** Prefixes and addresses of routes, as the route table has them. */
import { parseAddress, parsePrefix as parseText } from "../../system/prefix.js";
import { refuse } from "../errors.js";
import type { Prefix } from "./route-table.js";

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words: number[] = [];
  for (let at = 0; at < view.byteLength; at += 4) words.push(view.getInt32(at));
  return words;
}

/** @throws DataplaneError EINVAL */
export function parsePrefix(text: string): Prefix {
  const { words, length } = numbersOf(text);
  for (const [index, word] of words.entries()) {
    const kept = Math.min(Math.max(length - 32 * index, 0), 32);
    const beyond = kept === 32 ? 0 : kept === 0 ? word : word & ~(-1 << (32 - kept));
    if (beyond !== 0) refuse("EINVAL", `route ${text}`, "the address has bits beyond the prefix length");
  }
  return { family: words.length === 1 ? 4 : 6, length, words };
}

function numbersOf(text: string): { words: number[]; length: number } {
  try {
    const { address, length } = parseText(text);
    return { words: wordsOf(address), length };
  } catch {
    return refuse("EINVAL", `route ${text}`, "is no prefix", "write 192.0.2.1/32 or 2001:db8::/56");
  }
}

/** An address as 32-bit words; undefined when it is none. */
export function addressWords(address: string): readonly number[] | undefined {
  try {
    return wordsOf(parseAddress(address));
  } catch {
    return undefined;
  }
}

/** The same for every way to write a prefix. */
export const keyOf = ({ family, length, words }: Prefix): string => `${family} ${words.join(" ")} ${length}`;
