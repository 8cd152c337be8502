/**
 * Shell patterns: `*` any text, `?` any one character, `[a-z]` `[!a-z]` one of a set, `\` takes the meaning from the next.
 * A pattern is matched with one point of return, so that what strangers send costs at most pattern × text steps.
 */
type Part = { readonly type: "any-text" } | { readonly type: "one"; readonly matches: (character: string) => boolean };

export type Glob = (text: string) => boolean;

export function compileGlob(pattern: string, ignoreCase = false): Glob {
  const parts = parse(ignoreCase ? pattern.toLowerCase() : pattern);
  if (parts.length === 1 && parts[0]?.type === "any-text") return () => true;
  return (text) => match(parts, ignoreCase ? text.toLowerCase() : text);
}

function match(parts: readonly Part[], text: string): boolean {
  let part = 0;
  let at = 0;
  let returnPart = -1;
  let returnAt = 0;
  while (at < text.length) {
    const here = parts[part];
    if (here?.type === "any-text") {
      returnPart = ++part;
      returnAt = at;
    } else if (here?.matches(text[at] ?? "")) {
      part++;
      at++;
    } else if (returnPart >= 0) {
      part = returnPart;
      at = ++returnAt;
    } else return false;
  }
  while (parts[part]?.type === "any-text") part++;
  return part === parts.length;
}

const literal = (wanted: string): Part => ({ type: "one", matches: (character) => character === wanted });

function parse(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (character === "*") parts.push({ type: "any-text" });
    else if (character === "?") parts.push({ type: "one", matches: () => true });
    else if (character === "\\" && at + 1 < pattern.length) parts.push(literal(pattern[++at] ?? ""));
    else if (character === "[") {
      const end = pattern.indexOf("]", at + (pattern[at + 1] === "!" ? 3 : 2));
      if (end < 0) parts.push(literal(character));
      else {
        parts.push(set(pattern.slice(at + 1, end)));
        at = end;
      }
    } else parts.push(literal(character));
  }
  return parts;
}

/** What stands between brackets: characters and ranges, or with `!` before them all others. */
function set(text: string): Part {
  const negated = text.startsWith("!");
  const ranges: (readonly [low: string, high: string])[] = [];
  const members = negated ? text.slice(1) : text;
  for (let at = 0; at < members.length; at++) {
    const low = members[at] ?? "";
    const isRange = members[at + 1] === "-" && at + 2 < members.length;
    ranges.push([low, isRange ? (members[at + 2] ?? "") : low]);
    if (isRange) at += 2;
  }
  const within = (character: string): boolean => ranges.some(([low, high]) => character >= low && character <= high);
  return { type: "one", matches: (character) => within(character) !== negated };
}
