/**
 * The authenticator of EAP (RFC 3748) that passes through: asks for the identity, then hands each response to whoever judges
 * (a RADIUS server, or `eap-server.ts`), and passes on the next request until there is a result. One request is outstanding at
 * a time; it is repeated until it is answered (§4.1, §4.3).
 */
import { type EapMessage, eapCode, eapType, encodeEap, isEapMessage, parseEap } from "../../wire/eap.js";
import { isMalformed } from "../../wire/malformed.js";
import { copyOf, decodeText } from "../../wire/octets.js";
import { pppProtocol } from "../../wire/ppp.js";
import type { Judgement } from "../types.js";
import { exhausted, isDue, type Retransmitting, transmit } from "./retransmit.js";
import type { AuthContext, Authenticator } from "./types.js";

export interface EapAuthenticatorState extends Retransmitting {
  /** Of the request that is, or was last, outstanding. */
  identifier: number;
  /** Requests so far. */
  rounds: number;
  /** From the Response/Identity. */
  name: string | undefined;
  now: Asking | { readonly phase: "judging" } | Answered;
}

interface Asking {
  readonly phase: "asking";
  readonly request: Uint8Array;
  readonly type: number;
}

interface Answered {
  readonly phase: "answered";
  readonly packet: Uint8Array;
}

/** Requests in one conversation at most; EAP-TLS with long chains of certificates takes some dozens. */
const mostRounds = 100;

export const eapAuthenticator: Authenticator<EapAuthenticatorState> = {
  protocol: pppProtocol.eap,
  codes: [eapCode.response],

  start(context, proxied) {
    const { out, random } = context;
    const shown = proxied?.method === "eap" ? parseEap(proxied.packet) : undefined;
    if (proxied?.method === "eap" && shown !== undefined && isEapMessage(shown)) {
      out.push({ type: "authenticate", credentials: proxied });
      const { identifier } = shown;
      return { deadline: undefined, sent: 0, identifier, rounds: 1, name: proxied.name, now: { phase: "judging" } };
    }
    const identifier = random(1)[0]!;
    const request = { code: eapCode.request, identifier, type: eapType.identity, data: new Uint8Array() };
    const now: Asking = { phase: "asking", request: encodeEap(request), type: eapType.identity };
    const state: EapAuthenticatorState = { deadline: undefined, sent: 0, identifier, rounds: 1, name: undefined, now };
    transmit(state, now.request, context);
    return state;
  },

  handle(state, bytes, context) {
    const { out } = context;
    const response = parseEap(bytes);
    if (isMalformed(response) || response.code !== eapCode.response) {
      out.push({ type: "dropped", reason: "eap-malformed" });
    } else if (response.identifier !== state.identifier) {
      out.push({ type: "dropped", reason: "eap-identifier" });
    } else if (state.now.phase === "judging") {
      out.push({ type: "dropped", reason: "eap-while-judging" });
    } else if (state.now.phase === "answered") {
      out.push({ type: "send", packet: state.now.packet });
    } else if (!isAnswer(state.now.type, response.type)) {
      out.push({ type: "dropped", reason: "eap-type" });
    } else pass(state, response, bytes, context);
  },

  judge(state, judgement, context) {
    if (state.now.phase !== "judging") return;
    if (judgement.verdict === "challenge") ask(state, judgement.eap, context);
    else finish(state, judgement, context);
  },

  expire(state, context) {
    if (!isDue(state, context) || state.now.phase !== "asking") return;
    if (!exhausted(state, context)) transmit(state, state.now.request, context);
  },
};

/** A response has the request's type, or is a Nak, which a method can have but neither identity nor notification (§5.3). */
const isAnswer = (request: number, response: number): boolean =>
  response === request || (request > eapType.nak && (response === eapType.nak || response === eapType.expanded));

function pass(state: EapAuthenticatorState, response: EapMessage, bytes: Uint8Array, context: AuthContext): void {
  const { out, settings } = context;
  state.deadline = undefined;
  state.now = { phase: "judging" };
  if (response.type === eapType.identity) state.name = decodeText(response.data, 0, response.data.length);
  const name = state.name ?? "";
  if (settings.credentials !== undefined && name === settings.name) {
    finish(state, { verdict: "reject", message: "the name is ours" }, context);
    return;
  }
  const packet = copyOf(bytes, 0, encodedLength(response));
  out.push({ type: "authenticate", credentials: { method: "eap", name, packet } });
}

/** Octets of the packet without padding: code, identifier, length, type. */
const encodedLength = ({ data }: EapMessage): number => 5 + data.length;

function ask(state: EapAuthenticatorState, packet: Uint8Array, context: AuthContext): void {
  const request = parseEap(packet);
  if (!isEapMessage(request) || request.code !== eapCode.request || state.rounds >= mostRounds) {
    finish(state, { verdict: "reject", message: undefined }, context);
    return;
  }
  state.rounds++;
  state.identifier = request.identifier;
  state.now = { phase: "asking", request: packet, type: request.type };
  state.sent = 0;
  transmit(state, packet, context);
}

type Final = Exclude<Judgement, { verdict: "challenge" }>;

/** What a server says at the end is passed on, unless it contradicts the verdict (RFC 3579 §2.6.3). */
function finish(state: EapAuthenticatorState, { verdict, message, eap }: Final, { out }: AuthContext): void {
  const code = verdict === "accept" ? eapCode.success : eapCode.failure;
  const given = eap === undefined ? undefined : parseEap(eap);
  const fits = given !== undefined && !isMalformed(given) && given.code === code;
  const packet = encodeEap(fits ? given : { code, identifier: state.identifier });
  state.now = { phase: "answered", packet };
  out.push({ type: "send", packet });
  if (verdict === "accept") out.push({ type: "succeeded", name: state.name });
  else out.push({ type: "failed", reason: "rejected", message });
}
