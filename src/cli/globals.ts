/** Options that every command takes, before or after its words. */
import type { Option } from "./grammar.js";

export const defaultSocket = "unix:/run/junctor/api.sock";

export const globalOptions = [
  { short: "j", long: "json", description: "Print JSON; its form is that of the API (docs/api.md) and stays" },
  { short: "p", long: "pretty", description: "Indent the JSON; implies --json" },
  { short: "c", long: "color", description: "Colour states, also when the output is no terminal" },
  {
    short: "b",
    long: "batch",
    value: "FILE",
    description: "Read commands from FILE, one a line; - is standard input. Stops at the first that fails",
  },
  { long: "force", description: "With --batch: go on after a command that failed" },
  {
    short: "s",
    long: "socket",
    value: "SOCKET",
    default: `$JUNCTOR_SOCKET, or ${defaultSocket}`,
    description: "Where the daemon's API is: unix:PATH, a path, or ADDRESS:PORT",
  },
  {
    long: "token-file",
    value: "FILE",
    default: "$JUNCTOR_TOKEN_FILE",
    description: "File with the token, for an API on ADDRESS:PORT",
  },
  { short: "V", long: "version", description: "Print the version" },
  { short: "h", long: "help", description: "Explain the command, the object, or all" },
] as const satisfies readonly Option[];
