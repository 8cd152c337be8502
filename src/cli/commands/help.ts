import { bashCompletion } from "../completion.js";
import { usage } from "../exit.js";
import type { Command, ObjectSpec } from "../grammar.js";
import { commandHelp, objectHelp, overview } from "../help.js";
import { resolve } from "../parse.js";

/** The table names these commands, and they print the table: it is asked for when they run. */
const table = async (): Promise<readonly ObjectSpec[]> => (await import("../table.js")).objects;

const help: Command = {
  name: "",
  summary: "Explain an object or a command",
  operands: [
    { name: "OBJECT", optional: true, description: "which; without it, all are listed" },
    { name: "COMMAND", optional: true, description: "a command of the object" },
  ],
  async run({ print }, { operands }) {
    const objects = await table();
    if (operands.object === undefined) {
      print(overview(objects));
      return 0;
    }
    const object = resolve(operands.object, objects);
    if (object === undefined) throw usage(`${operands.object}: no such object`);
    const command = operands.command === undefined ? undefined : resolve(operands.command, object.commands);
    if (command === undefined && operands.command !== undefined) {
      throw usage(`${operands.command}: ${object.name} has no such command`);
    }
    print(command === undefined ? objectHelp(object) : commandHelp(object, command));
    return 0;
  },
};

export const helpObject: ObjectSpec = { name: "help", summary: help.summary, commands: [help] };

const completion: Command = {
  name: "",
  summary: "Print a completion script for a shell",
  operands: [{ name: "SHELL", value: ["bash"], description: "the shell" }],
  examples: [{ command: "completion bash > /etc/bash_completion.d/junctor", says: "install it for everybody" }],
  async run({ print }) {
    print(bashCompletion(await table()));
    return 0;
  },
};

export const completionObject: ObjectSpec = { name: "completion", summary: completion.summary, commands: [completion] };
