import type { Event } from "../../api/schemas.js";
import { CliError, usage } from "../exit.js";
import type { ObjectSpec } from "../grammar.js";
import { readServerSentEvents } from "../sse.js";

/** What a line says of each attribute after the type; those that are not named show as `name value`. */
const shown: Readonly<Record<string, (value: never) => string>> = {
  changes: (changes: readonly string[]) => (changes.length === 0 ? "nothing changed" : changes.join("; ")),
  usage: ({ inBytes, outBytes }: NonNullable<Event["usage"]>) => `received ${inBytes} bytes sent ${outBytes} bytes`,
  on: (on: boolean) => (on ? "on" : "off"),
  ended: ({ by, result, error, message }: NonNullable<Event["ended"]>) =>
    [
      `by ${by} result ${result}`,
      error === null ? "" : `error ${error}`,
      message === null ? "" : JSON.stringify(message),
    ]
      .filter((part) => part !== "")
      .join(" "),
};

export function eventLine({ id: _id, time, type, ...attributes }: Event): string {
  const words = Object.entries(attributes).map(([name, value]) => {
    const format = shown[name] as ((value: unknown) => string) | undefined;
    return format === undefined ? `${name} ${value}` : format(value);
  });
  return [time, type, ...words].join(" ");
}

export const monitorObject: ObjectSpec = {
  name: "monitor",
  abbreviation: "m",
  summary: "Print what happens, as it happens",
  commands: [
    {
      name: "",
      summary: "Print what happens, as it happens",
      details:
        "One line for each event; with --json, one JSON object a line. An event `lost` stands where more happened than could be kept; when another type is asked for, that is said on standard error. Ends when the daemon does.",
      keywords: [
        { name: "type", value: "TYPE", description: "only events of this type, as session-up" },
        { name: "count", value: "N", description: "end after so many events" },
      ],
      examples: [
        { command: "monitor", says: "everything, for people" },
        { command: "-j monitor type session-down", says: "sessions that end, for programs" },
      ],
      async run(context, { keywords }) {
        const wanted = Number(keywords.count ?? Number.POSITIVE_INFINITY);
        if (!(wanted >= 1)) throw usage(`count ${keywords.count}: expected a number from 1`);
        const client = await context.client();
        let seen = 0;
        for await (const { event, data } of readServerSentEvents(await client.stream("/v1/events"))) {
          if (event === "end") throw new CliError("refused", `no more events: ${JSON.parse(data).reason}`);
          if (keywords.type !== undefined && event !== keywords.type) {
            if (event === "lost") context.warn(`junctor: ${JSON.parse(data).count} events were lost\n`);
            continue;
          }
          context.print(`${context.json ? data : eventLine(JSON.parse(data))}\n`);
          seen += 1;
          if (seen >= wanted) return 0;
        }
        throw new CliError("unreachable", "the daemon went away");
      },
    },
  ],
};
