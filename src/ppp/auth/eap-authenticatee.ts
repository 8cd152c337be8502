/**
 * The authenticatee of EAP (RFC 3748): answers Identity, Notification, MD5-Challenge and MS-CHAPv2, and asks for one of the
 * last two when something else is requested (§5.3.1). It never repeats a response by itself (§4.1), but a request that comes
 * again gets the same response again.
 */
import { chapCode, encodeChap, parseChap } from "../../wire/chap.js";
import {
  type EapMessage,
  type EapResult,
  eapCode,
  eapType,
  encodeEap,
  encodeMd5Challenge,
  identityOctets,
  isEapMessage,
  parseEap,
  parseMd5Challenge,
} from "../../wire/eap.js";
import { isMalformed } from "../../wire/malformed.js";
import { pppProtocol } from "../../wire/ppp.js";
import { type Challenge, chapVariants } from "./chap-variants.js";
import { passwordOf } from "./credentials.js";
import { isDue } from "./retransmit.js";
import { sameSecret } from "./secret.js";
import type { AuthContext, Authenticatee, AuthState } from "./types.js";
import { chapMd5 } from "./verify.js";

export interface EapAuthenticateeState extends AuthState {
  last: { readonly identifier: number; readonly request: Uint8Array; readonly response: Uint8Array } | undefined;
  /** The challenge of MS-CHAPv2 that was responded to. */
  mschapv2: { readonly challenge: Challenge; readonly value: Uint8Array } | undefined;
  /** The authenticator's name, if the method has one. */
  name: string | undefined;
  /** `shown`: the method has run to its end as far as we can see, only the result is missing. */
  progress: "asked" | "shown" | "done";
}

/** Restart timers after which a Success counts as lost. A refusal would have ended the link (§4.2). */
const patience = 2;

const { mschapv2 } = chapVariants;

export const eapAuthenticatee: Authenticatee<EapAuthenticateeState> = {
  protocol: pppProtocol.eap,
  codes: [eapCode.request, eapCode.success, eapCode.failure],

  start: () => ({ deadline: undefined, last: undefined, mschapv2: undefined, name: undefined, progress: "asked" }),

  handle(state, bytes, context) {
    const packet = parseEap(bytes);
    if (isMalformed(packet) || packet.code === eapCode.response) {
      context.out.push({ type: "dropped", reason: "eap-malformed" });
    } else if (isEapMessage(packet)) requested(state, packet, context);
    else concluded(state, packet, context);
  },

  expire(state, context) {
    if (!isDue(state, context)) return;
    state.deadline = undefined;
    if (state.progress === "shown") succeed(state, context);
  },
};

/** What a request leads to: the response's type and data, or undefined: it is malformed. */
interface Reply {
  readonly type: number;
  readonly data: Uint8Array;
  readonly progress: EapAuthenticateeState["progress"];
  /** The end, after the response. */
  readonly failure?: string;
}

function requested(state: EapAuthenticateeState, request: EapMessage, context: AuthContext): void {
  const { out, now, settings } = context;
  const whole = encodeEap(request);
  const { last } = state;
  if (last !== undefined && last.identifier === request.identifier && sameSecret(last.request, whole)) {
    out.push({ type: "send", packet: last.response });
    if (state.progress === "shown") state.deadline = now + patience * settings.restartTimer;
    return;
  }
  const reply = (repliers[request.type] ?? nak)(state, request, context);
  if (reply === undefined) {
    out.push({ type: "dropped", reason: "eap-malformed" });
    return;
  }
  const { type, data, progress, failure } = reply;
  const response = encodeEap({ code: eapCode.response, identifier: request.identifier, type, data });
  state.last = { identifier: request.identifier, request: whole, response };
  state.progress = progress;
  state.deadline = progress === "shown" ? now + patience * settings.restartTimer : undefined;
  out.push({ type: "send", packet: response });
  if (failure !== undefined) out.push({ type: "failed", reason: "rejected", message: failure });
}

type Replier = (state: EapAuthenticateeState, request: EapMessage, context: AuthContext) => Reply | undefined;

const nothing = new Uint8Array();

/** Which methods we have, best first. */
const nak: Replier = ({ progress }) => ({
  type: eapType.nak,
  data: Uint8Array.of(eapType.mschapv2, eapType.md5),
  progress,
});

const repliers: Readonly<Record<number, Replier>> = {
  [eapType.identity]: (_state, _request, { settings }) => ({
    type: eapType.identity,
    data: identityOctets(settings.name),
    progress: "asked",
  }),
  [eapType.notification]: ({ progress }) => ({ type: eapType.notification, data: nothing, progress }),
  [eapType.md5](state, { identifier, data }, { settings }) {
    const challenge = parseMd5Challenge(data);
    if (isMalformed(challenge)) return undefined;
    state.name = challenge.name;
    const value = chapMd5(identifier, passwordOf(settings), challenge.value);
    return { type: eapType.md5, data: encodeMd5Challenge({ value, name: settings.name }), progress: "shown" };
  },
  [eapType.mschapv2](state, { data }, context) {
    const packet = parseChap(data);
    if (isMalformed(packet)) return undefined;
    if (packet.code === chapCode.challenge) return respond(state, packet, context);
    return "message" in packet ? confirm(state, packet.code, packet.message, context) : undefined;
  },
};

function respond(
  state: EapAuthenticateeState,
  { identifier, value, name }: { identifier: number; value: Uint8Array; name: string },
  { settings, random }: AuthContext,
): Reply | undefined {
  const challenge = { identifier, value };
  const response = mschapv2.respond(challenge, settings.name, passwordOf(settings), random);
  if (response === undefined) return undefined;
  state.mschapv2 = { challenge, value: response };
  state.name = name;
  const packet = encodeChap({ code: chapCode.response, identifier, value: response, name: settings.name });
  return { type: eapType.mschapv2, data: packet, progress: "asked" };
}

/** The result comes inside the method, and is confirmed by its code alone. */
function confirm(
  { mschapv2: shown }: EapAuthenticateeState,
  code: number,
  message: string,
  { settings }: AuthContext,
): Reply | undefined {
  if (shown === undefined) return undefined;
  const reply = { type: eapType.mschapv2, data: Uint8Array.of(code) };
  if (code === chapCode.failure) return { ...reply, progress: "done", failure: mschapv2.told(message) };
  if (mschapv2.proven(message, shown.challenge, shown.value, settings.name, passwordOf(settings))) {
    return { ...reply, progress: "shown" };
  }
  const failure = "the peer has not shown that it knows the password";
  return { ...reply, data: Uint8Array.of(chapCode.failure), progress: "done", failure };
}

/**
 * The identifier is that of our last response (§4.2); some authenticators give the next one. A Success before the method has
 * run to its end is not believed.
 */
function concluded(state: EapAuthenticateeState, { code, identifier }: EapResult, context: AuthContext): void {
  const { out } = context;
  const { last } = state;
  if (last === undefined || ((identifier - last.identifier) & 0xff) > 1) {
    out.push({ type: "dropped", reason: "eap-identifier" });
  } else if (code === eapCode.success && state.progress === "shown") succeed(state, context);
  else if (code === eapCode.success && state.progress === "asked") out.push({ type: "dropped", reason: "eap-early" });
  else if (code === eapCode.failure && last !== undefined) fail(state, context);
}

function succeed(state: EapAuthenticateeState, { out }: AuthContext): void {
  state.progress = "done";
  state.deadline = undefined;
  out.push({ type: "succeeded", name: state.name });
}

/** Also after a Success was taken for lost. What failed inside the method has been said. */
function fail(state: EapAuthenticateeState, { out }: AuthContext): void {
  state.progress = "done";
  state.deadline = undefined;
  out.push({ type: "failed", reason: "rejected", message: undefined });
}
