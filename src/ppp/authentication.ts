/** The authentication phase (RFC 1661 §3.5): whoever has to prove itself does, both at once if both have to. */
import { emptyFrame, frameHeaderLength } from "../wire/ppp.js";
import { authenticatees, authenticators } from "./auth/index.js";
import type { AuthContext, AuthOutput, AuthState } from "./auth/types.js";
import type {
  AuthProtocol,
  Judgement,
  LcpAgreement,
  LinkEnd,
  LinkSettings,
  PeerCredentials,
  RandomBytes,
} from "./types.js";

/** One side's proof. */
export interface Proof {
  readonly by: AuthProtocol;
  readonly state: AuthState;
  proven: boolean;
}

/** Plain. Undefined: that side need not. */
export interface Authentication {
  peer: Proof | undefined;
  self: Proof | undefined;
  peerName: string | undefined;
  /** What the peer has shown and nobody has judged yet. */
  shown: PeerCredentials | undefined;
}

export interface AuthHost {
  readonly settings: LinkSettings;
  readonly random: RandomBytes;
  readonly now: number;
  send(frame: Uint8Array): void;
  drop(reason: string): void;
  authenticate(credentials: PeerCredentials): void;
  /** Everybody has proven what was to be proven; may come again. */
  authenticated(): void;
  fail(reason: LinkEnd, message?: string): void;
}

type Side = "peer" | "self";

const methods = { peer: authenticators, self: authenticatees } as const;

/** Begins the phase. With `proxied`: the peer has shown these to a LAC already (RFC 2661 §4.4.5). */
export function startAuthentication(
  auth: Authentication,
  { local, peer }: LcpAgreement,
  host: AuthHost,
  proxied: PeerCredentials | undefined,
): void {
  auth.peerName = undefined;
  auth.shown = undefined;
  const context = contextOf(host);
  const byPeer = local.authentication;
  const bySelf = peer.authentication;
  const usable = proxied?.method === byPeer && byPeer !== "eap" ? proxied : undefined;
  auth.peer = byPeer && { by: byPeer, state: authenticators[byPeer].start(context, usable), proven: false };
  const peerOutputs = context.out.splice(0);
  auth.self = bySelf && { by: bySelf, state: authenticatees[bySelf].start(context), proven: false };
  act(auth, "peer", peerOutputs, host);
  act(auth, "self", context.out, host);
  if (auth.peer === undefined && auth.self === undefined) host.authenticated();
}

export function stopAuthentication(auth: Authentication): void {
  auth.peer = undefined;
  auth.self = undefined;
  auth.shown = undefined;
}

/** Routes a packet of a protocol of authentication, by its code, to the side that takes it. */
export function takeAuthentication(auth: Authentication, protocol: number, packet: Uint8Array, host: AuthHost): void {
  for (const side of ["peer", "self"] as const) {
    const proof = auth[side];
    if (proof === undefined) continue;
    const method = methods[side][proof.by];
    if (method.protocol !== protocol || !method.codes.includes(packet[0] ?? -1)) continue;
    const context = contextOf(host);
    method.handle(proof.state, packet, context);
    act(auth, side, context.out, host);
    return;
  }
  host.drop("authentication-unexpected");
}

export function expireAuthentication(auth: Authentication, host: AuthHost): void {
  for (const side of ["peer", "self"] as const) {
    const proof = auth[side];
    if (proof?.state.deadline === undefined || proof.state.deadline > host.now) continue;
    const context = contextOf(host);
    methods[side][proof.by].expire(proof.state, context);
    act(auth, side, context.out, host);
  }
}

export function judgeAuthentication(auth: Authentication, judgement: Judgement, host: AuthHost): void {
  if (auth.peer === undefined) return;
  auth.shown = undefined;
  const context = contextOf(host);
  authenticators[auth.peer.by].judge(auth.peer.state, judgement, context);
  act(auth, "peer", context.out, host);
}

const contextOf = ({ settings, random, now }: AuthHost): AuthContext => ({ settings, random, now, out: [] });

function act(auth: Authentication, side: Side, outputs: readonly AuthOutput[], host: AuthHost): void {
  for (const output of outputs) {
    const proof = auth[side];
    if (proof === undefined) return;
    switch (output.type) {
      case "send": {
        const frame = emptyFrame(methods[side][proof.by].protocol, output.packet.length);
        frame.set(output.packet, frameHeaderLength);
        host.send(frame);
        break;
      }
      case "authenticate":
        auth.shown = output.credentials;
        host.authenticate(output.credentials);
        break;
      case "succeeded":
        proof.proven = true;
        if (side === "peer") auth.peerName = output.name;
        if ((auth.peer?.proven ?? true) && (auth.self?.proven ?? true)) host.authenticated();
        break;
      case "failed":
        host.fail(failures[side][output.reason], output.message);
        break;
      case "dropped":
        host.drop(output.reason);
        break;
    }
  }
}

const failures = {
  peer: { rejected: "authentication-failed", "no-answer": "authentication-timeout" },
  self: { rejected: "refused-by-peer", "no-answer": "authentication-timeout" },
} as const satisfies Record<Side, Record<string, LinkEnd>>;
