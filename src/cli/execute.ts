/** Runs a command line: parses, connects when that is needed, and turns errors into messages and exit codes. */
import type { Client } from "./client.js";
import type { Context } from "./context.js";
import { CliError, exitCodes } from "./exit.js";
import { defaultSocket } from "./globals.js";
import { commandHelp, objectHelp, overview } from "./help.js";
import { type OptionValues, type Parsed, parse } from "./parse.js";
import { objects } from "./table.js";

/** Answers the exit code. */
export async function execute(words: readonly string[]): Promise<number> {
  const connections = createConnections();
  try {
    const parsed = parse(words, objects);
    if (parsed.globals.batch !== undefined) return await runBatch(parsed, connections);
    return await runOne(parsed, parsed.globals, connections);
  } catch (error) {
    return report(error);
  } finally {
    connections.close();
  }
}

/** Prints why, and answers the exit code. Mistakes of ours are not caught: they show their stack. */
function report(error: unknown, where = ""): number {
  if (!(error instanceof CliError)) throw error;
  const hint = error.hint === undefined ? "" : `\n  ${error.hint}`;
  const log = error.log === undefined ? "" : `${error.log.trimEnd()}\n`;
  process.stderr.write(`${log}junctor: ${where}${error.message}${hint}\n`);
  return exitCodes[error.ending].code;
}

async function runBatch({ globals, object }: Parsed, connections: Connections): Promise<number> {
  const file = String(globals.batch);
  if (object !== undefined)
    return report(new CliError("usage", "--batch reads its commands from the file, not from here"));
  const { readBatch } = await import("./batch.js");
  let first = 0;
  for await (const { line, words } of readBatch(file)) {
    let code: number;
    try {
      const parsed = parse(words, objects);
      if (parsed.globals.batch !== undefined) throw new CliError("usage", "a batch in a batch");
      code = await runOne(parsed, { ...globals, ...parsed.globals }, connections);
    } catch (error) {
      code = report(error, `${file}:${line}: `);
    }
    if (first === 0) first = code;
    if (first !== 0 && globals.force !== true) break;
  }
  return first;
}

async function runOne(
  { object, command, input }: Parsed,
  globals: OptionValues,
  connections: Connections,
): Promise<number> {
  const context = contextOf(globals, connections);
  if (globals.version === true) {
    const { version } = await import("../version.js");
    context.print(`junctor ${version}\n`);
    return 0;
  }
  if (object === undefined) {
    if (globals.help === true) {
      context.print(overview(objects));
      return 0;
    }
    process.stderr.write(overview(objects));
    return exitCodes.usage.code;
  }
  if (command === undefined || globals.help === true) {
    context.print(command === undefined ? objectHelp(object) : commandHelp(object, command));
    return 0;
  }
  return command.run(context, input);
}

interface Connections {
  to(socket: string, tokenFile: string | undefined): Promise<Client>;
  close(): void;
}

/** One client for each daemon, so that a batch keeps its connection. */
function createConnections(): Connections {
  const clients = new Map<string, Client>();
  return {
    async to(socket, tokenFile) {
      const known = clients.get(socket);
      if (known !== undefined) return known;
      const { createClient } = await import("./client.js");
      const client = createClient(socket, tokenFile);
      clients.set(socket, client);
      return client;
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

function contextOf(globals: OptionValues, connections: Connections): Context {
  const { env, stdout } = process;
  const word = (value: string | true | undefined, fallback: string | undefined): string | undefined =>
    typeof value === "string" ? value : fallback;
  return {
    json: globals.json === true || globals.pretty === true,
    pretty: globals.pretty === true,
    color: globals.color === true || (stdout.isTTY && (env.NO_COLOR ?? "") === ""),
    client: () =>
      connections.to(
        word(globals.socket, env.JUNCTOR_SOCKET) ?? defaultSocket,
        word(globals["token-file"], env.JUNCTOR_TOKEN_FILE),
      ),
    print: (text) => void stdout.write(text),
    warn: (text) => void process.stderr.write(text),
  };
}
