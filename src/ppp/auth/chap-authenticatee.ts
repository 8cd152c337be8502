/**
 * The authenticatee of CHAP, MS-CHAP and MS-CHAPv2: waits for a challenge, responds, and repeats its response until it hears
 * how it was judged: an authenticator answers a repeated response, but does not repeat a Success that was lost (RFC 1994
 * §4.1).
 */
import { type ChapValue, type ChapVerdict, chapCode, encodeChap, parseChap } from "../../wire/chap.js";
import { isMalformed } from "../../wire/malformed.js";
import { pppProtocol } from "../../wire/ppp.js";
import type { Challenge, ChapVariant } from "./chap-variants.js";
import { passwordOf } from "./credentials.js";
import { exhausted, isDue, type Retransmitting, transmit } from "./retransmit.js";
import { sameDigest } from "./secret.js";
import type { AuthContext, Authenticatee } from "./types.js";

export interface ChapAuthenticateeState extends Retransmitting {
  /** The challenge that was last responded to. */
  last: Responded | undefined;
}

interface Responded {
  readonly challenge: Challenge;
  /** The authenticator's. */
  readonly name: string;
  readonly response: Uint8Array;
  judged: boolean;
}

export function chapAuthenticatee(variant: ChapVariant): Authenticatee<ChapAuthenticateeState> {
  return {
    protocol: pppProtocol.chap,
    codes: [chapCode.challenge, chapCode.success, chapCode.failure],

    start: () => ({ deadline: undefined, sent: 0, last: undefined }),

    handle(state, packet, context) {
      const parsed = parseChap(packet);
      if (isMalformed(parsed) || parsed.code === chapCode.response) {
        context.out.push({ type: "dropped", reason: "chap-malformed" });
      } else if ("value" in parsed) challenged(state, parsed, context);
      else judged(state, parsed, context);
    },

    expire(state, context) {
      if (isDue(state, context) && !exhausted(state, context)) respond(state, context);
    },
  };

  function challenged(state: ChapAuthenticateeState, packet: ChapValue, context: AuthContext): void {
    if (!isRepeated(state.last, packet)) {
      const { settings, random, out } = context;
      const challenge = { identifier: packet.identifier, value: packet.value };
      const response = variant.respond(challenge, settings.name, passwordOf(settings), random);
      if (response === undefined) {
        out.push({ type: "dropped", reason: "chap-malformed" });
        return;
      }
      state.last = { challenge, name: packet.name, response, judged: false };
      state.sent = 0;
    }
    const limit = context.settings.maxConfigure;
    if (state.sent < limit) respond(state, context);
    else context.out.push({ type: "dropped", reason: "chap-repeated" });
  }

  function judged(
    state: ChapAuthenticateeState,
    { code, identifier, message }: ChapVerdict,
    context: AuthContext,
  ): void {
    const { settings, out } = context;
    const { last } = state;
    if (last === undefined || last.challenge.identifier !== identifier) {
      out.push({ type: "dropped", reason: "chap-identifier" });
      return;
    }
    if (last.judged) return;
    last.judged = true;
    state.deadline = undefined;
    const fail = (text: string): void => {
      out.push({ type: "failed", reason: "rejected", message: text });
    };
    if (code === chapCode.failure) fail(variant.told(message));
    else if (variant.proven(message, last.challenge, last.response, settings.name, passwordOf(settings))) {
      out.push({ type: "succeeded", name: last.name });
    } else fail("the peer has not shown that it knows the password");
  }
}

const isRepeated = (last: Responded | undefined, { identifier, value }: ChapValue): boolean =>
  last !== undefined && last.challenge.identifier === identifier && sameDigest(last.challenge.value, value);

/** After the verdict, a challenge that comes again is answered, but no more waited for. */
function respond(state: ChapAuthenticateeState, context: AuthContext): void {
  const { last } = state;
  if (last === undefined) return;
  const { challenge, response } = last;
  const packet = encodeChap({
    code: chapCode.response,
    identifier: challenge.identifier,
    value: response,
    name: context.settings.name,
  });
  transmit(state, packet, context);
  if (last.judged) state.deadline = undefined;
}
