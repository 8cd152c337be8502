/** Sending something again until it is answered, `maxConfigure` times in all, `restartTimer` apart (RFC 1661 §4.6). */
import type { AuthContext, AuthState } from "./types.js";

export interface Retransmitting extends AuthState {
  /** Transmissions so far of what is outstanding. */
  sent: number;
}

/** Sends `packet`, and has `expire` called when it is to be sent again. */
export function transmit(state: Retransmitting, packet: Uint8Array, { out, now, settings }: AuthContext): void {
  out.push({ type: "send", packet });
  state.sent++;
  state.deadline = now + settings.restartTimer;
}

/** Whether nothing may be sent any more; then the peer has not answered, and that is said. */
export function exhausted(state: Retransmitting, { out, settings }: AuthContext): boolean {
  if (state.sent < settings.maxConfigure) return false;
  state.deadline = undefined;
  out.push({ type: "failed", reason: "no-answer", message: undefined });
  return true;
}

/** Whether the deadline has passed. */
export const isDue = ({ deadline }: AuthState, { now }: AuthContext): boolean =>
  deadline !== undefined && now >= deadline;
