/**
 * A method of authentication as the link sees it: functions over a small plain state. The link chooses the method, routes
 * packets by protocol and code, keeps the time-out of the whole phase, and acts on the outputs.
 */
import type { AuthProtocol, Judgement, LinkSettings, PeerCredentials, RandomBytes } from "../types.js";

/** What every method's state has; each method adds its own. Structured-cloneable; changed in place. */
export interface AuthState {
  /** When `expire` is to be called; undefined: nothing is pending. Kept up to date by the method. */
  deadline: number | undefined;
}

/** What a method has at hand during one call. */
export interface AuthContext {
  readonly settings: LinkSettings;
  readonly random: RandomBytes;
  readonly now: number;
  /** Outputs are appended here, in order. */
  readonly out: AuthOutput[];
}

export type AuthOutput =
  /** A whole packet of the method's protocol, from its code on; the link puts it into a frame. */
  | { readonly type: "send"; readonly packet: Uint8Array }
  /** To be judged; `judge` is called some time later, unless the link has ended. */
  | { readonly type: "authenticate"; readonly credentials: PeerCredentials }
  /** May come again, after a repeated challenge. `name` is the peer's; an authenticatee gives what it knows. */
  | { readonly type: "succeeded"; readonly name: string | undefined }
  /** The end of the link. `no-answer`: retransmissions are used up. */
  | { readonly type: "failed"; readonly reason: "rejected" | "no-answer"; readonly message: string | undefined }
  /** A packet that was not taken, under the name of its counter, as `pap-malformed`. */
  | { readonly type: "dropped"; readonly reason: string };

interface Method<State extends AuthState> {
  /** PPP protocol number of its packets. */
  readonly protocol: number;
  /** The codes of the packets it takes: both directions may authenticate at once by the same protocol. */
  readonly codes: readonly number[];
  /** `packet` begins at its code and ends where the frame ended (its length field is not checked yet). */
  handle(state: State, packet: Uint8Array, context: AuthContext): void;
  /** Called at or after `state.deadline`. */
  expire(state: State, context: AuthContext): void;
}

/**
 * We judge the peer. After it has succeeded the state lives on: it answers repeated requests as before and repeats
 * challenges.
 */
export interface Authenticator<State extends AuthState = AuthState> extends Method<State> {
  /** With `proxied`: as if the peer had just shown these; asks for their judgement at once, and answers the peer. */
  start(context: AuthContext, proxied?: PeerCredentials): State;
  judge(state: State, judgement: Judgement, context: AuthContext): void;
}

/** We prove ourselves, by `settings.name` and `settings.credentials`. */
export interface Authenticatee<State extends AuthState = AuthState> extends Method<State> {
  start(context: AuthContext): State;
}

/** `auth/index.ts` exports one of each: `authenticators` and `authenticatees`. */
export type Authenticators = Readonly<Record<AuthProtocol, Authenticator>>;
export type Authenticatees = Readonly<Record<AuthProtocol, Authenticatee>>;
