/** What a command has at hand. */
import type { Client } from "./client.js";

export interface Context {
  readonly json: boolean;
  readonly pretty: boolean;
  readonly color: boolean;
  /** Connects when it is first asked for. */
  client(): Promise<Client>;
  print(text: string): void;
  warn(text: string): void;
}

/** Prints a value as JSON, on one line unless it is to be pretty. */
export const printJson = ({ pretty, print }: Context, value: unknown): void =>
  print(`${JSON.stringify(value, null, pretty ? 2 : undefined)}\n`);
