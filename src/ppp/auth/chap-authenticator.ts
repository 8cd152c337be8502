/**
 * The authenticator of CHAP (RFC 1994 §4), MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759): sends a challenge until it is
 * answered, has the answer judged, says how it was judged. One response to each challenge is judged; further ones to the
 * same challenge get the same answer (§4.1), so that secrets cannot be tried. Later challenges the peer must pass under the
 * name that it began with, and never under ours: that would be our own response to our own challenge, reflected.
 */
import { chapCode, encodeChap, parseChap } from "../../wire/chap.js";
import { isMalformed } from "../../wire/malformed.js";
import { pppProtocol } from "../../wire/ppp.js";
import type { ChapVariant } from "./chap-variants.js";
import { exhausted, isDue, type Retransmitting, transmit } from "./retransmit.js";
import type { AuthContext, Authenticator } from "./types.js";

export interface ChapAuthenticatorState extends Retransmitting {
  identifier: number;
  now: Challenging | Judging | Answered;
  /** The peer's, once it has succeeded. */
  name: string | undefined;
}

interface Challenging {
  readonly phase: "challenging";
  readonly challenge: Uint8Array;
}

interface Judging {
  readonly phase: "judging";
  readonly name: string;
}

interface Answered {
  readonly phase: "answered";
  readonly code: typeof chapCode.success | typeof chapCode.failure;
  readonly message: string;
}

export function chapAuthenticator(variant: ChapVariant): Authenticator<ChapAuthenticatorState> {
  return {
    protocol: pppProtocol.chap,
    codes: [chapCode.response],

    start(context, proxied) {
      const { out, random } = context;
      if (proxied?.method === variant.method) {
        out.push({ type: "authenticate", credentials: proxied });
        const { identifier, name } = proxied;
        return { deadline: undefined, sent: 0, identifier, now: { phase: "judging", name }, name: undefined };
      }
      const state: ChapAuthenticatorState = {
        deadline: undefined,
        sent: 0,
        identifier: random(1)[0]!,
        now: newChallenge(variant, context),
        name: undefined,
      };
      challenge(state, context);
      return state;
    },

    handle(state, packet, context) {
      const { out } = context;
      const response = parseChap(packet);
      if (isMalformed(response) || response.code !== chapCode.response) {
        out.push({ type: "dropped", reason: "chap-malformed" });
      } else if (response.identifier !== state.identifier) {
        out.push({ type: "dropped", reason: "chap-identifier" });
      } else if (state.now.phase === "judging") {
        out.push({ type: "dropped", reason: "chap-while-judging" });
      } else if (state.now.phase === "answered") {
        answer(state, state.now, context);
      } else if (response.value.length !== variant.responseLength) {
        out.push({ type: "dropped", reason: "chap-malformed" });
      } else {
        judgeResponse(state, state.now.challenge, response, context);
      }
    },

    judge(state, judgement, context) {
      if (state.now.phase !== "judging") return;
      if (judgement.verdict === "accept") accept(state, state.now.name, judgement.message ?? "", context);
      else reject(state, judgement.verdict === "reject" ? judgement.message : undefined, context);
    },

    expire(state, context) {
      if (!isDue(state, context)) return;
      if (state.now.phase === "challenging") {
        if (!exhausted(state, context)) challenge(state, context);
        return;
      }
      state.identifier = (state.identifier + 1) & 0xff;
      state.now = newChallenge(variant, context);
      state.sent = 0;
      challenge(state, context);
    },
  };

  function judgeResponse(
    state: ChapAuthenticatorState,
    challenge: Uint8Array,
    { identifier, name, value }: { identifier: number; name: string; value: Uint8Array },
    context: AuthContext,
  ): void {
    state.deadline = undefined;
    state.now = { phase: "judging", name };
    const another = state.name !== undefined && state.name !== name;
    const ours = context.settings.credentials !== undefined && context.settings.name === name;
    if (another || ours) {
      reject(state, another ? "another name than before" : "the name is ours", context);
      return;
    }
    const credentials = { method: variant.method, name, identifier, challenge, response: value };
    context.out.push({ type: "authenticate", credentials });
  }

  function accept(state: ChapAuthenticatorState, name: string, message: string, context: AuthContext): void {
    const { settings, now, out } = context;
    state.now = { phase: "answered", code: chapCode.success, message };
    state.name = name;
    if (settings.rechallengeInterval > 0) state.deadline = now + settings.rechallengeInterval;
    answer(state, state.now, context);
    out.push({ type: "succeeded", name });
  }

  function reject(state: ChapAuthenticatorState, message: string | undefined, context: AuthContext): void {
    state.now = { phase: "answered", code: chapCode.failure, message: variant.failure(message, context.random) };
    answer(state, state.now, context);
    context.out.push({ type: "failed", reason: "rejected", message });
  }
}

const newChallenge = ({ challengeLength }: ChapVariant, { random }: AuthContext): Challenging => ({
  phase: "challenging",
  challenge: random(challengeLength),
});

/** The same challenge again when its answer does not come: it is the same one, so its identifier stays. */
function challenge(state: ChapAuthenticatorState, context: AuthContext): void {
  if (state.now.phase !== "challenging") return;
  const { identifier, now } = state;
  const packet = { code: chapCode.challenge, identifier, value: now.challenge, name: context.settings.name };
  transmit(state, encodeChap(packet), context);
}

function answer({ identifier }: ChapAuthenticatorState, { code, message }: Answered, { out }: AuthContext): void {
  out.push({ type: "send", packet: encodeChap({ code, identifier, message }) });
}
