import { describe, expect, it } from "vitest";
import type { Btf, BtfType } from "../btf/btf.js";
import { typesMatch } from "./type-match.js";

const int = (name: string, size: number, signed = false): BtfType => ({
  kind: "int",
  name,
  size,
  signed,
  char: false,
  bool: false,
  bits: size * 8,
  offset: 0,
});
const struct = (
  name: string,
  members: readonly (readonly [string, number])[],
  kind: "struct" | "union" = "struct",
): BtfType => ({
  kind,
  name,
  size: 8 * members.length,
  members: members.map(([member, type], index) => ({ name: member, type, offset: index * 64, bits: 0 })),
});
const values = (name: string, names: readonly string[], size = 4): BtfType => ({
  kind: "enum",
  name,
  size,
  signed: false,
  values: names.map((value, index) => ({ name: value, value: BigInt(index) })),
});
const pointer = (type: number): BtfType => ({ kind: "pointer", type });
const array = (type: number, count: number): BtfType => ({ kind: "array", type, indexType: 1, count });
const btf = (...types: readonly BtfType[]): Btf => ({ types: [{ kind: "void" }, ...types] });

/** The first type of each, which may use the others. */
const matches = (local: readonly BtfType[], target: readonly BtfType[]): boolean =>
  typesMatch(btf(...local), 1, btf(...target), 1);

const u32 = int("unsigned int", 4);
const s32 = int("int", 4, true);
const u64 = int("unsigned long", 8);

describe("types match", () => {
  it.each<readonly [string, boolean, readonly BtfType[], readonly BtfType[]]>([
    ["the same number", true, [u32], [u32]],
    ["numbers of other sizes", false, [u32], [u64]],
    ["numbers of other signs", false, [int("x", 4)], [int("x", 4, true)]],
    [
      "fewer members, in another order",
      true,
      [struct("s", [["b", 2]]), u32],
      [
        struct("s", [
          ["a", 2],
          ["b", 2],
        ]),
        u32,
      ],
    ],
    ["a member that is not there", false, [struct("s", [["c", 2]]), u32], [struct("s", [["a", 2]]), u32]],
    ["a member of another type", false, [struct("s", [["a", 2]]), u32], [struct("s", [["a", 2]]), u64]],
    ["a member of another sign", false, [struct("s", [["a", 2]]), u32], [struct("s", [["a", 2]]), s32]],
    ["flavours", true, [struct("s___old", [["a", 2]]), u32], [struct("s", [["a", 2]]), u32]],
    ["a struct and a union", false, [struct("s", [])], [struct("s", [], "union")]],
    [
      "a member behind typedef and const",
      true,
      [struct("s", [["a", 2]]), { kind: "typedef", name: "t", type: 3 }, { kind: "const", type: 4 }, u32],
      [struct("s", [["a", 2]]), u32],
    ],
    [
      "pointers to structs of one name, whatever is in them",
      true,
      [struct("s", [["a", 2]]), pointer(3), struct("q", [["x", 4]]), u32],
      [struct("s", [["a", 2]]), pointer(3), struct("q", [["y", 4]]), u64],
    ],
    [
      "pointers to structs of other names",
      false,
      [struct("s", [["a", 2]]), pointer(3), struct("q", [])],
      [struct("s", [["a", 2]]), pointer(3), struct("r", [])],
    ],
    [
      "a pointer to a struct that is only declared",
      true,
      [struct("s", [["a", 2]]), pointer(3), { kind: "forward", name: "q", union: false }],
      [struct("s", [["a", 2]]), pointer(3), struct("q", [["y", 4]]), u64],
    ],
    [
      "a pointer to a union that is only declared",
      false,
      [struct("s", [["a", 2]]), pointer(3), { kind: "forward", name: "q", union: true }],
      [struct("s", [["a", 2]]), pointer(3), struct("q", [])],
    ],
    ["arrays", true, [array(2, 4), u32], [array(2, 4), u32]],
    ["arrays of other lengths", false, [array(2, 4), u32], [array(2, 5), u32]],
    ["arrays of other elements", false, [array(2, 4), u32], [array(2, 4), u64]],
    ["values by name", true, [values("e", ["B"])], [values("e", ["A", "B"])]],
    ["a value that is not there", false, [values("e", ["C"])], [values("e", ["A", "B"])]],
    ["enumerations of other sizes", false, [values("e", ["A"])], [values("e", ["A"], 8)]],
    [
      "a member of an anonymous member, of which there are two",
      true,
      [struct("s", [["", 2]]), struct("", [["b", 3]], "union"), u32],
      [
        struct("s", [
          ["", 2],
          ["", 4],
        ]),
        struct("", [["a", 3]], "union"),
        u32,
        struct("", [["b", 3]], "union"),
      ],
    ],
    [
      "a member that is in an anonymous one here",
      true,
      [struct("s", [["b", 2]]), u32],
      [struct("s", [["", 2]]), struct("", [["b", 3]], "union"), u32],
    ],
    [
      "a member of an anonymous one that is not there",
      false,
      [struct("s", [["", 2]]), struct("", [["c", 3]], "union"), u32],
      [struct("s", [["", 2]]), struct("", [["b", 3]], "union"), u32],
    ],
    ["numbers of other names", true, [int("a", 4)], [int("b", 4)]],
    [
      "functions",
      true,
      [{ kind: "prototype", returns: 0, parameters: [{ name: "x", type: 2 }] }, u32],
      [{ kind: "prototype", returns: 0, parameters: [{ name: "y", type: 2 }] }, u32],
    ],
    [
      "functions with other parameters",
      false,
      [{ kind: "prototype", returns: 0, parameters: [{ name: "x", type: 2 }] }, u32],
      [{ kind: "prototype", returns: 0, parameters: [{ name: "x", type: 2 }] }, u64],
    ],
  ])("%s: %s", (_, expected, local, target) => {
    expect(matches(local, target)).toBe(expected);
  });

  it("in bounded time, whatever they contain", () => {
    // Sixteen members at each of 28 levels, and at the end one that is not there.
    const nest = (last: string): readonly BtfType[] => [
      ...Array.from({ length: 28 }, (_, index) =>
        struct(
          "",
          Array.from({ length: 16 }, () => ["", index + 2] as const),
        ),
      ),
      struct("", [[last, 30]]),
      u32,
    ];
    expect(matches(nest("a"), nest("b"))).toBe(false);
    const own: BtfType = struct("s", [["a", 1]]);
    expect(matches([own], [own])).toBe(false);
    const wide = (type: number): BtfType =>
      struct(
        "",
        Array.from({ length: 60_000 }, () => ["", type] as const),
      );
    expect(matches([wide(2), wide(3), u32], [struct("", []), u32])).toBe(false);
  });
});
