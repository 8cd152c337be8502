/**
 * The authenticator of PAP (RFC 1334 §2.2): waits for a request, has it judged, answers it. A request that is repeated, after
 * its answer was lost, gets the same answer again. One refusal ends the link, so that passwords cannot be tried.
 */
import { isMalformed } from "../../wire/malformed.js";
import { encodePap, papCode, parsePap } from "../../wire/pap.js";
import { pppProtocol } from "../../wire/ppp.js";
import { sameSecret } from "./secret.js";
import type { AuthContext, Authenticator, AuthState } from "./types.js";

export type PapAuthenticatorState = AuthState & { now: Waiting | Judging | Answered };

interface Waiting {
  readonly phase: "waiting";
}

interface Judging {
  readonly phase: "judging";
  /** Of the latest request; undefined: a LAC heard it and did not say. */
  identifier: number | undefined;
  readonly name: string;
  readonly password: Uint8Array;
}

interface Answered {
  readonly phase: "answered";
  readonly code: typeof papCode.ack | typeof papCode.nak;
  readonly message: string;
}

export const papAuthenticator: Authenticator<PapAuthenticatorState> = {
  protocol: pppProtocol.pap,
  codes: [papCode.request],

  start({ out }, proxied) {
    if (proxied?.method !== "pap") return { deadline: undefined, now: { phase: "waiting" } };
    out.push({ type: "authenticate", credentials: proxied });
    const { identifier, name, password } = proxied;
    return { deadline: undefined, now: { phase: "judging", identifier, name, password } };
  },

  handle(state, packet, context) {
    const { out } = context;
    const request = parsePap(packet);
    if (isMalformed(request) || request.code !== papCode.request) {
      out.push({ type: "dropped", reason: "pap-malformed" });
      return;
    }
    const { identifier, name, password } = request;
    switch (state.now.phase) {
      case "waiting":
        state.now = { phase: "judging", identifier, name, password };
        out.push({ type: "authenticate", credentials: { method: "pap", name, password, identifier } });
        return;
      case "judging":
        if (state.now.name === name && sameSecret(state.now.password, password)) state.now.identifier = identifier;
        else out.push({ type: "dropped", reason: "pap-while-judging" });
        return;
      case "answered":
        answer(state.now, identifier, context);
    }
  },

  judge(state, judgement, context) {
    if (state.now.phase !== "judging") return;
    const { identifier, name } = state.now;
    const accepted = judgement.verdict === "accept";
    const message = judgement.verdict === "challenge" ? undefined : judgement.message;
    state.now = { phase: "answered", code: accepted ? papCode.ack : papCode.nak, message: message ?? "" };
    if (identifier !== undefined) answer(state.now, identifier, context);
    if (accepted) context.out.push({ type: "succeeded", name });
    else context.out.push({ type: "failed", reason: "rejected", message });
  },

  expire() {},
};

function answer({ code, message }: Answered, identifier: number, { out }: AuthContext): void {
  out.push({ type: "send", packet: encodePap({ code, identifier, message }) });
}
