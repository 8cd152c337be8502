/** Local users in the format of pppd's secrets files (pppd(8), AUTHENTICATION): client, server, secret, addresses. */
import { isIP, isIPv4 } from "node:net";
import { encodeText } from "../../wire/octets.js";
import { isPrefix } from "../config/address.js";
import type { Problem } from "../config/problems.js";
import { Secret } from "../config/secret.js";
import { type Line, readLines, type Word } from "./words.js";

/** Which addresses a user may have: this one, any, or none at all. */
export type AllowedAddress = { readonly fixed: string } | "any" | "none";

export interface LocalUser {
  readonly secret: Secret;
  readonly address: AllowedAddress;
}

export interface ChapSecrets {
  readonly size: number;
  /** The most specific line for a peer that says it is `client`, where we are `server`. */
  find(client: string, server: string): LocalUser | undefined;
}

interface Entry extends LocalUser {
  /** Undefined: `*`, everybody. */
  readonly client: string | undefined;
  readonly server: string | undefined;
}

/** A line that is not understood is left out, and told of; secrets are in no message. */
export function parseChapSecrets(
  text: string,
  file: string,
): { readonly secrets: ChapSecrets; readonly problems: readonly Problem[] } {
  const byClient = new Map<string | undefined, Entry[]>();
  const problems: Problem[] = [];
  let size = 0;
  for (const line of readLines(text)) {
    const entry = entryOf(line);
    if ("message" in entry) {
      problems.push({ ...entry, file, path: "" });
      continue;
    }
    const others = byClient.get(entry.client);
    if (others) others.push(entry);
    else byClient.set(entry.client, [entry]);
    size++;
  }
  return {
    secrets: {
      size,
      find(client, server) {
        const candidates = [...(byClient.get(client) ?? []), ...(byClient.get(undefined) ?? [])];
        return mostSpecific(candidates.filter((entry) => entry.server === undefined || entry.server === server));
      },
    },
    problems,
  };
}

/** As pppd weighs them: our name counts more than the peer's, and of equals the first line in the file stands. */
function mostSpecific(entries: readonly Entry[]): Entry | undefined {
  const weight = ({ client, server }: Entry) => (server === undefined ? 0 : 2) + (client === undefined ? 0 : 1);
  let best: Entry | undefined;
  for (const entry of entries) if (best === undefined || weight(entry) > weight(best)) best = entry;
  return best;
}

type Mistake = Omit<Problem, "file" | "path">;

function entryOf({ words, problem }: Line): Entry | Mistake {
  if (problem) return problem;
  const [client, server, secret, ...rest] = words;
  if (!client || !server || !secret) {
    const last = words.at(-1);
    return {
      line: last?.line ?? 1,
      column: (last?.column ?? 1) + (last?.text.length ?? 0),
      message: "found the end of the line, expected: client server secret [address…]",
    };
  }
  if (secret.text.startsWith("@/")) {
    return mistake(secret, "found the name of a file, expected the secret itself");
  }
  const options = rest.findIndex(({ text }) => text === "--");
  const address = addressOf(options === -1 ? rest : rest.slice(0, options));
  if (typeof address === "object" && "message" in address) return address;
  return { client: nameOf(client), server: nameOf(server), secret: secretOf(secret.text), address };
}

const mistake = ({ line, column }: Word, message: string): Mistake => ({ line, column, message });

const nameOf = ({ text }: Word): string | undefined => (text === "*" ? undefined : text);

function secretOf(text: string): Secret {
  const bytes = new Uint8Array(3 * text.length);
  return new Secret(bytes.slice(0, encodeText(bytes, 0, bytes.length, text)));
}

/** The first single address that is allowed is the peer's, as pppd suggests it; prefixes and `!` allow or forbid, no more. */
function addressOf(words: readonly Word[]): AllowedAddress | Mistake {
  let forbidden = false;
  for (const word of words) {
    const { text } = word;
    if (text === "*") return "any";
    if (text === "-") forbidden = true;
    else if (isIPv4(text)) return { fixed: text };
    else if (!isPrefix(text.replace(/^!/, "")) || isIP(text) === 6) {
      return mistake(word, `found ${JSON.stringify(text)}, expected an IPv4 address, * or -`);
    }
  }
  return forbidden ? "none" : "any";
}
