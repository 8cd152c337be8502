/** Symbols across modules: who defines a global name, and what a reference means. */
import { type ElfSymbol, specialSection, symbolBinding, symbolType, symbolVisibility } from "../elf/elf.js";
import type { Module } from "./module.js";
import { trouble } from "./trouble.js";

export interface Definition {
  readonly module: Module;
  readonly symbol: ElfSymbol;
}

export type Globals = ReadonlyMap<string, Definition>;

/** Names that every object has of its own. */
const perObject = new Set(["license", "version", ".maps", "maps"]);

function isGlobalDefinition(module: Module, symbol: ElfSymbol): boolean {
  if (symbol.binding === symbolBinding.local || symbol.name === "") return false;
  if (symbol.section === specialSection.undefined || symbol.section >= specialSection.reserved) return false;
  return (
    !perObject.has(module.elf.sections[symbol.section]?.name ?? "") ||
    module.elf.sections[symbol.section]?.name === ".maps"
  );
}

/**
 * The definitions that hold, by name: a strong one before weak ones, the first of several weak ones. Two strong ones are an error, but of
 * maps, whose definitions are compared later. Hidden symbols are seen by all modules of a link, as by libbpf's linker.
 */
export function resolveGlobals(modules: readonly Module[]): Globals {
  const globals = new Map<string, Definition>();
  for (const module of modules) {
    for (const symbol of module.elf.symbols) {
      if (!isGlobalDefinition(module, symbol)) continue;
      const before = globals.get(symbol.name);
      if (
        before === undefined ||
        (before.symbol.binding === symbolBinding.weak && symbol.binding === symbolBinding.global)
      ) {
        globals.set(symbol.name, { module, symbol });
        continue;
      }
      if (symbol.binding === symbolBinding.weak || before.module === module) continue;
      const section = module.elf.sections[symbol.section]?.name;
      if (section === ".maps" && before.module.elf.sections[before.symbol.section]?.name === ".maps") continue;
      throw trouble(
        `${symbol.name} is defined in ${before.module.name} and in ${module.name}`,
        "make one of them static, or __weak, or declare it extern",
      );
    }
  }
  return globals;
}

/** What a symbol of `module` means; undefined: nobody defines it. */
export function definitionOf(globals: Globals, module: Module, symbol: ElfSymbol): Definition | undefined {
  if (symbol.binding === symbolBinding.local) return { module, symbol };
  const winner = globals.get(symbol.name);
  if (winner !== undefined && symbol.visibility !== symbolVisibility.internal) return winner;
  return symbol.section === specialSection.undefined ? undefined : { module, symbol };
}

export const isSectionSymbol = (symbol: ElfSymbol): boolean => symbol.type === symbolType.section;
