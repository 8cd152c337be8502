/** The authenticatee of PAP (RFC 1334 §2.2): repeats its request until it is answered. */
import { isMalformed } from "../../wire/malformed.js";
import { encodePap, papCode, parsePap } from "../../wire/pap.js";
import { pppProtocol } from "../../wire/ppp.js";
import { passwordOf } from "./credentials.js";
import { exhausted, isDue, type Retransmitting, transmit } from "./retransmit.js";
import type { AuthContext, Authenticatee } from "./types.js";

export interface PapAuthenticateeState extends Retransmitting {
  /** Of the first request; each further one has the next (§2.2.1: it changes each time). */
  readonly firstIdentifier: number;
  answered: boolean;
}

export const papAuthenticatee: Authenticatee<PapAuthenticateeState> = {
  protocol: pppProtocol.pap,
  codes: [papCode.ack, papCode.nak],

  start(context) {
    const firstIdentifier = context.random(1)[0]!;
    const state: PapAuthenticateeState = { deadline: undefined, sent: 0, firstIdentifier, answered: false };
    request(state, context);
    return state;
  },

  handle(state, packet, { out }) {
    const answer = parsePap(packet);
    if (isMalformed(answer) || answer.code === papCode.request) {
      out.push({ type: "dropped", reason: "pap-malformed" });
      return;
    }
    if (((answer.identifier - state.firstIdentifier) & 0xff) >= state.sent) {
      out.push({ type: "dropped", reason: "pap-identifier" });
      return;
    }
    if (state.answered) return;
    state.answered = true;
    state.deadline = undefined;
    if (answer.code === papCode.ack) out.push({ type: "succeeded", name: undefined });
    else out.push({ type: "failed", reason: "rejected", message: answer.message });
  },

  expire(state, context) {
    if (isDue(state, context) && !exhausted(state, context)) request(state, context);
  },
};

function request(state: PapAuthenticateeState, context: AuthContext): void {
  const identifier = (state.firstIdentifier + state.sent) & 0xff;
  const { settings } = context;
  const packet = { code: papCode.request, identifier, name: settings.name, password: passwordOf(settings) };
  transmit(state, encodePap(packet), context);
}
