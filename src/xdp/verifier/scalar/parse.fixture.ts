/** Reads what the kernel's verifier log says of a number: the reverse of format.ts, for tests. */
import { constant, type Scalar, unknown } from "./scalar.js";
import { settle } from "./settle.js";

const bounds = /(?:[su](?:min|max)(?:32)?=)+-?(?:0x)?[0-9a-f]+/g;

/** A register's text after `=`; undefined: not a number. */
export function parseScalar(text: string): Scalar | undefined {
  const single = /^P?(-?(?:0x[0-9a-f]+|\d+))$/.exec(text)?.[1];
  if (single !== undefined) return constant(number(single));
  if (!/^P?scalar\(/.test(text)) return undefined;
  const { umin, umax, smin, smax, u32min, u32max, s32min, s32max, tnum } = unknown();
  const found: Record<string, bigint> = { umin, umax, smin, smax };
  const word: Record<string, number> = { umin32: u32min, umax32: u32max, smin32: s32min, smax32: s32max };
  for (const [part] of text.matchAll(bounds)) {
    const names = part.split("=");
    const value = number(names.pop()!);
    for (const name of names) {
      if (name in word) word[name] = name.startsWith("s") ? Number(BigInt.asIntN(32, value)) : Number(value);
      else found[name] = name.startsWith("s") ? BigInt.asIntN(64, value) : value;
    }
  }
  const bits = /var_off=\((0x[0-9a-f]+); (0x[0-9a-f]+)\)/.exec(text);
  return settle(
    bits === null ? tnum : { value: BigInt(bits[1]!), mask: BigInt(bits[2]!) },
    found.umin!,
    found.umax!,
    found.smin!,
    found.smax!,
    word.umin32!,
    word.umax32!,
    word.smin32!,
    word.smax32!,
  );
}

const number = (text: string): bigint => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));
