/** BPF Type Format: types by id, as in the kernel's documentation (Documentation/bpf/btf.rst). `parse.ts` reads it, `resolve.ts` and `value.ts` use it. */

export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly char: boolean;
      readonly bool: boolean;
      readonly bits: number;
      readonly offset: number;
    }
  | { readonly kind: "pointer"; readonly type: number }
  | { readonly kind: "array"; readonly type: number; readonly indexType: number; readonly count: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: "forward"; readonly name: string; readonly union: boolean }
  | { readonly kind: "typedef" | "typeTag"; readonly name: string; readonly type: number }
  | { readonly kind: "const" | "volatile" | "restrict"; readonly type: number }
  | {
      readonly kind: "function";
      readonly name: string;
      readonly type: number;
      readonly linkage: "static" | "global" | "extern";
    }
  | {
      readonly kind: "prototype";
      readonly returns: number;
      readonly parameters: readonly { readonly name: string; readonly type: number }[];
    }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly type: number;
      readonly linkage: "static" | "global" | "extern";
    }
  | {
      readonly kind: "section";
      readonly name: string;
      readonly size: number;
      readonly variables: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  | { readonly kind: "declTag"; readonly name: string; readonly type: number; readonly component: number };

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Offset in bits. */
  readonly offset: number;
  /** Width of a bit field; 0: it is none. */
  readonly bits: number;
}

export interface Btf {
  /** By type id; 0 is void. */
  readonly types: readonly BtfType[];
}
