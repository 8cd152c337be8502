/** Programs and maps as they are named on the command line, in bpftool's grammar: a handle, `id`, `pinned`, `name` or `tag`. */
import type { MapJson, ProgramJson } from "../api/schemas-programs.js";
import type { Client } from "./client.js";
import { CliError, usage } from "./exit.js";
import type { Operand } from "./grammar.js";
import type { Words } from "./words.js";

export const programOperand: Operand = {
  name: "PROG",
  description: "a program: HANDLE, id HANDLE, pinned NAME, name NAME or tag TAG",
};
export const mapOperand: Operand = { name: "MAP", description: "a map: HANDLE, id HANDLE, pinned NAME or name NAME" };

type By = "id" | "pinned" | "name" | "tag";

export interface Reference {
  readonly by: By;
  readonly value: string;
}

const isHandle = (word: string | undefined): boolean => word !== undefined && /^[1-9]\d{0,9}$/.test(word);

/** Whether the next words name a program or map, rather than a file. */
export const isReference = (word: string | undefined, kinds: readonly By[]): boolean =>
  isHandle(word) || kinds.some((by) => by === word);

export const programKinds = ["id", "pinned", "name", "tag"] as const;
export const mapKinds = ["id", "pinned", "name"] as const;

export function takeReference(words: Words, kinds: readonly By[], what: string): Reference {
  const word = words.take(what);
  if (isHandle(word)) return { by: "id", value: word };
  const by = kinds.find((each) => each === word);
  if (by === undefined) throw usage(`${word}: expected ${what}: a number, or ${kinds.join(", ")} and a value`);
  const value = words.take(`the ${by} of ${what}`);
  if (by === "id" && !isHandle(value)) throw usage(`id ${value}: expected a number from 1`);
  return { by, value };
}

function only<T extends { readonly name: string }>(
  found: readonly T[],
  kind: string,
  { by, value }: Reference,
  handle: (object: T) => number,
): T {
  const [first] = found;
  if (first === undefined) {
    throw new CliError("refused", `${kind} ${by} ${value}: there is none`, `junctor ${kind} show lists them`);
  }
  if (found.length > 1) {
    const handles = found.map(handle).join(", ");
    throw new CliError(
      "refused",
      `${kind} ${by} ${value}: there are ${found.length}`,
      `name one by its id: ${handles}`,
    );
  }
  return first;
}

const programFits: Readonly<Record<By, (program: ProgramJson, value: string) => boolean>> = {
  id: ({ program }, value) => String(program) === value,
  pinned: ({ pin }, value) => pin === value,
  name: ({ name }, value) => name === value,
  tag: ({ tag }, value) => tag === value,
};

/** Every program that a reference fits; several may have one name or tag. */
export async function findPrograms(client: Client, reference: Reference): Promise<readonly ProgramJson[]> {
  const { by, value } = reference;
  if (by === "id") return [await client.ask<ProgramJson>("GET", `/v1/programs/${value}`)];
  const { programs } = await client.ask<{ programs: readonly ProgramJson[] }>("GET", "/v1/programs");
  return programs.filter((program) => programFits[by](program, value));
}

export const findProgram = async (client: Client, reference: Reference): Promise<ProgramJson> =>
  only(await findPrograms(client, reference), "program", reference, ({ program }) => program);

export async function findMap(client: Client, reference: Reference): Promise<MapJson> {
  const { by, value } = reference;
  if (by === "id") return client.ask<MapJson>("GET", `/v1/maps/${value}`);
  const { maps } = await client.ask<{ maps: readonly MapJson[] }>("GET", "/v1/maps");
  const found = maps.filter(({ name, pin }) => (by === "pinned" ? pin === value : name === value));
  return only(found, "map", reference, ({ map }) => map);
}
