/** What a TypeScript file imports, found without a compiler: comments and strings are told apart, and nothing else. */

export interface Import {
  readonly specifier: string;
  /** `type`: erased by the compiler. `lazy`: by `import()`, when it is reached. */
  readonly kind: "static" | "type" | "lazy";
}

const comments = /\/\*[\s\S]*?\*\/|(?<![:"'`\\])\/\/.*$/gm;
const statements = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]*?\sfrom\s*)?["']([^"'\n]+)["']/gm;
const lazy = /\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;

export function importsOf(source: string): readonly Import[] {
  const code = source.replace(comments, "");
  return [
    ...[...code.matchAll(statements)].map(([, type, specifier]) => ({
      specifier: specifier!,
      kind: type === undefined ? ("static" as const) : ("type" as const),
    })),
    ...[...code.matchAll(lazy)].map(([, specifier]) => ({ specifier: specifier!, kind: "lazy" as const })),
  ];
}
