/**
 * EAP for users whose passwords are known here (RFC 3748, MD5-Challenge and MS-CHAPv2): pure functions. A conversation is plain
 * data between two responses of the peer; each step answers a judgement. A user that does not exist is led through the same
 * steps, and refused at the end.
 */
import { chapCode, encodeChap, parseChap } from "../../wire/chap.js";
import {
  type EapMessage,
  eapCode,
  eapType,
  encodeEap,
  encodeMd5Challenge,
  isEapMessage,
  parseEap,
  parseMd5Challenge,
} from "../../wire/eap.js";
import { isMalformed } from "../../wire/malformed.js";
import { mschapv2ChallengeLength } from "../../wire/mschap.js";
import type { Judgement, RandomBytes } from "../types.js";
import { mschapv2Failure } from "./chap-variants.js";
import type { EapCredentials } from "./credentials.js";
import { verifyChapMd5, verifyMschapv2 } from "./verify.js";

export type EapMethod = "mschapv2" | "md5";

export interface EapServerSettings {
  /** Best first. A peer that does not want one says which ones it takes (§5.3.1). */
  readonly methods: readonly EapMethod[];
  /** Our name in challenges. */
  readonly name: string;
  readonly random: RandomBytes;
}

/** Between two responses. */
export interface EapConversation {
  /** Of the request that is to be answered. */
  readonly identifier: number;
  /** Methods that the peer has refused. */
  readonly refused: readonly EapMethod[];
  readonly step:
    | { readonly awaits: "response"; readonly method: EapMethod; readonly challenge: Uint8Array }
    /** The peer's confirmation of the result of MS-CHAPv2. */
    | { readonly awaits: "confirmation"; readonly accepted: boolean };
}

/** What to say to the peer, and what comes next, if it is not the end. */
export interface EapStep {
  readonly judgement: Judgement;
  readonly conversation: EapConversation | undefined;
}

const types = { mschapv2: eapType.mschapv2, md5: eapType.md5 } as const satisfies Record<EapMethod, number>;

/** After the peer's Response/Identity. */
export function beginEap({ packet }: EapCredentials, settings: EapServerSettings): EapStep {
  const response = parseEap(packet);
  if (!isEapMessage(response) || response.code !== eapCode.response || response.type !== eapType.identity) {
    return conclude(false, isEapMessage(response) ? response.identifier : 0);
  }
  return offer(response.identifier, settings.methods, [], settings);
}

/** After each further response. `password` undefined: there is no such user. */
export function continueEap(
  conversation: EapConversation,
  { packet }: EapCredentials,
  password: Uint8Array | undefined,
  settings: EapServerSettings,
): EapStep {
  const { identifier, step } = conversation;
  const response = parseEap(packet);
  if (!isEapMessage(response) || response.code !== eapCode.response || response.identifier !== identifier) {
    return conclude(false, identifier);
  }
  if (step.awaits === "confirmation") {
    const confirmed = response.type === eapType.mschapv2 && response.data[0] === chapCode.success;
    return conclude(step.accepted && confirmed, identifier);
  }
  if (response.type === eapType.nak) {
    const refused = [...conversation.refused, step.method];
    const wanted = settings.methods.filter((method) => response.data.includes(types[method]));
    return offer(identifier, wanted, refused, settings);
  }
  if (response.type !== types[step.method]) return conclude(false, identifier);
  const secret = password ?? settings.random(mschapv2ChallengeLength);
  return judges[step.method](response, step.challenge, secret, conversation, settings);
}

/** The first of the wanted methods that was not refused. Each is offered once, so this ends. */
function offer(
  previous: number,
  wanted: readonly EapMethod[],
  refused: readonly EapMethod[],
  { name, random }: EapServerSettings,
): EapStep {
  const method = wanted.find((candidate) => !refused.includes(candidate));
  if (method === undefined) return conclude(false, previous);
  const identifier = (previous + 1) & 0xff;
  const challenge = random(mschapv2ChallengeLength);
  const data =
    method === "md5"
      ? encodeMd5Challenge({ value: challenge, name })
      : encodeChap({ code: chapCode.challenge, identifier, value: challenge, name });
  return request(types[method], data, {
    identifier,
    refused,
    step: { awaits: "response", method, challenge },
  });
}

type Judge = (
  response: EapMessage,
  challenge: Uint8Array,
  password: Uint8Array,
  conversation: EapConversation,
  settings: EapServerSettings,
) => EapStep;

const judges: Readonly<Record<EapMethod, Judge>> = {
  md5({ identifier, data }, challenge, password) {
    const response = parseMd5Challenge(data);
    if (isMalformed(response)) return conclude(false, identifier);
    return conclude(verifyChapMd5({ identifier, challenge, response: response.value }, password), identifier);
  },

  mschapv2({ identifier, data }, challenge, password, { refused }, { random }) {
    const response = parseChap(data);
    if (isMalformed(response) || response.code !== chapCode.response) return conclude(false, identifier);
    const { value, name } = response;
    const proof = verifyMschapv2({ challenge, response: value, name }, password);
    const next = (identifier + 1) & 0xff;
    const result = encodeChap({
      code: proof === undefined ? chapCode.failure : chapCode.success,
      identifier: response.identifier,
      message: proof === undefined ? mschapv2Failure(undefined, random) : `${proof} M=`,
    });
    const step = { awaits: "confirmation", accepted: proof !== undefined } as const;
    return request(eapType.mschapv2, result, { identifier: next, refused, step });
  },
};

function request(type: number, data: Uint8Array, conversation: EapConversation): EapStep {
  const { identifier } = conversation;
  const eap = encodeEap({ code: eapCode.request, identifier, type, data });
  return { judgement: { verdict: "challenge", eap }, conversation };
}

function conclude(accepted: boolean, identifier: number): EapStep {
  const eap = encodeEap({ code: accepted ? eapCode.success : eapCode.failure, identifier });
  return { judgement: { verdict: accepted ? "accept" : "reject", eap }, conversation: undefined };
}
