/** Users judged by RADIUS: the question, and what its answers mean to PPP. */

import type { RadiusOutput, RadiusRequest } from "../../radius/types.js";
import { decodeText } from "../../wire/octets.js";
import type { Attribute, Attributes } from "../../wire/radius.js";
import { allOf, attributesOf, firstOf } from "../../wire/radius-values.js";
import { type ReadAnswer, readAnswer } from "./answer-attributes.js";
import { askedName, callerValues, pppAttributes, proofValues } from "./request-attributes.js";
import type { Authentication, AuthenticationRequest, Rates } from "./types.js";

type Answer = Extract<RadiusOutput, { type: "answer" }>;

/** What an Access-Challenge came with: the next request goes to the same server (RFC 2865 §5.24). */
interface Conversation {
  readonly server: string;
  readonly state: Uint8Array | undefined;
}

const isConversation = (continuation: unknown): continuation is Conversation =>
  typeof continuation === "object" && continuation !== null && "server" in continuation;

export const continuesRemotely = ({ continuation }: AuthenticationRequest): boolean => isConversation(continuation);

export function accessRequest(request: AuthenticationRequest, nas: readonly Attribute[]): Omit<RadiusRequest, "id"> {
  const { userName, credentials, caller } = request;
  const conversation = isConversation(request.continuation) ? request.continuation : undefined;
  const own = attributesOf({
    "User-Name": askedName(userName, credentials),
    ...proofValues(credentials),
    State: conversation?.state,
    ...callerValues(caller),
  });
  return {
    service: "authentication",
    attributes: [...own, ...nas, ...pppAttributes],
    password: credentials.method === "pap" ? credentials.password : undefined,
    server: conversation?.server,
  };
}

export interface AnswerOptions {
  readonly filters: Readonly<Record<string, Rates>>;
  /** Attributes that were not understood. */
  ignored(names: ReadAnswer["ignored"]): void;
}

export function authenticationOf(
  { credentials }: AuthenticationRequest,
  answer: Answer,
  { filters, ignored }: AnswerOptions,
): Authentication {
  const { attributes } = answer;
  const eap = firstOf(attributes, "EAP-Message");
  const said = allOf(attributes, "Reply-Message").join("\n");
  if (answer.code === "challenge") {
    if (credentials.method !== "eap" || eap === undefined)
      return refused("challenged, but the method has no challenges");
    const continuation: Conversation = { server: answer.server, state: firstOf(attributes, "State") };
    return { verdict: "challenge", judgement: { verdict: "challenge", eap }, continuation };
  }
  if (answer.code === "reject") {
    const message = textAfterIdentifier(attributes, "MS-CHAP-Error") ?? (said === "" ? undefined : said);
    return {
      verdict: "reject",
      judgement: { verdict: "reject", message, eap },
      reason: message === undefined ? "rejected by RADIUS" : `rejected by RADIUS: ${message}`,
    };
  }
  const proof = textAfterIdentifier(attributes, "MS-CHAP2-Success");
  if (credentials.method === "mschapv2" && proof === undefined) return refused("accepted without MS-CHAP2-Success");
  const {
    profile,
    ignored: names,
    nowhere,
  } = readAnswer(attributes, { secret: answer.secret, authenticator: answer.authenticator, filters });
  if (names.length > 0) ignored(names);
  if (nowhere) return refused("RADIUS wants it forwarded through a tunnel that cannot be had");
  const message = proof ?? (said === "" ? undefined : said);
  return { verdict: "accept", judgement: { verdict: "accept", message, eap }, profile, by: `radius ${answer.server}` };
}

export const refused = (reason: string): Authentication => ({
  verdict: "reject",
  judgement: { verdict: "reject" },
  reason,
});

/** RFC 2548 §2.1.5, §2.3.3: an identifier, then the message as it goes to the peer. */
function textAfterIdentifier(attributes: Attributes, name: "MS-CHAP-Error" | "MS-CHAP2-Success"): string | undefined {
  const value = firstOf(attributes, name);
  return value === undefined || value.length < 2 ? undefined : decodeText(value, 1, value.length);
}
