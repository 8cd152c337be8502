/** What is watched of one session: `trace` in words, `capture` as a file for Wireshark. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { parseSessionName, sessionName } from "../../api/names.js";
import type { TraceLine } from "../../api/watching.js";
import { CliError, usage } from "../exit.js";
import type { ObjectSpec, Operand } from "../grammar.js";
import { readServerSentEvents } from "../sse.js";

const operand: Operand = { name: "TUNNEL/SESSION", description: "both local ids, as 7/1234" };

function path(name: string | undefined, what: string): string {
  const call = name === undefined ? undefined : parseSessionName(name);
  if (call === undefined) throw usage(`${name}: expected TUNNEL/SESSION, as 7/1234`);
  return `/v1/sessions/${encodeURIComponent(sessionName(call))}/${what}`;
}

const arrows: Readonly<Record<TraceLine["direction"], string>> = { in: "<", out: ">" };

const traceText = ({ time, direction, text }: TraceLine): string => `${time} ${arrows[direction]} ${text}`;

export const traceObject: ObjectSpec = {
  name: "trace",
  summary: "Print the protocol messages of one session, decoded, as they pass",
  commands: [
    {
      name: "session",
      summary: "Print the protocol messages of one session, decoded, as they pass",
      details:
        "One line for each message: < was received, > was sent. With --json, one JSON object a line, with the bytes. Ends when the session does.",
      operands: [operand],
      keywords: [{ name: "count", value: "N", description: "end after so many messages" }],
      examples: [{ command: "trace session 7/1234", says: "LCP, authentication and network protocols of a session" }],
      async run(context, { operands, keywords }) {
        const wanted = Number(keywords.count ?? Number.POSITIVE_INFINITY);
        if (!(wanted >= 1)) throw usage(`count ${keywords.count}: expected a number from 1`);
        const stream = await (await context.client()).stream(path(operands["tunnel/session"], "trace"));
        let seen = 0;
        for await (const { data } of readServerSentEvents(stream)) {
          context.print(`${context.json ? data : traceText(JSON.parse(data))}\n`);
          if (++seen >= wanted) break;
        }
        return 0;
      },
    },
  ],
};

export const captureObject: ObjectSpec = {
  name: "capture",
  summary: "Write all frames of one session to a file that Wireshark opens",
  commands: [
    {
      name: "session",
      summary: "Write all frames of one session, both ways, as pcapng",
      details: "Ends when the session does, or when it is interrupted. What the reader is too slow for is left out.",
      operands: [operand],
      options: [{ short: "w", long: "write", value: "FILE", description: "where to; - is standard output" }],
      examples: [
        { command: "capture session 7/1234 -w - | tshark -r -", says: "look at it as it happens" },
        { command: "capture session 7/1234 -w session.pcapng", says: "keep it in a file" },
      ],
      async run(context, { operands, options }) {
        const file = options.write;
        if (typeof file !== "string") throw usage("capture lacks -w FILE", "-w - writes to standard output");
        const stream = await (await context.client()).stream(path(operands["tunnel/session"], "capture"));
        try {
          await pipeline(stream, file === "-" ? process.stdout : createWriteStream(file), { end: file !== "-" });
        } catch (error) {
          throw new CliError("refused", `cannot write ${file}: ${(error as Error).message}`);
        }
        return 0;
      },
    },
  ],
};
