/** Subscribers as the thread that sets up calls sees them: begins one when its call is up, ends it, and hears what became of it. */
import type { Board } from "./board.js";
import { type PppBoard, type PppReason, pppReasons, pppState } from "./ppp-board.js";
import { putTerminateRequest } from "./ppp-frames.js";
import { putDataHeader } from "./ppp-traffic.js";

export interface PppCalls {
  /** How subscribers failed, before they were up. */
  readonly failures: ReadonlyMap<PppReason, number>;
  /** Addresses that two subscribers or more have had at the same time. */
  readonly duplicates: number;
  /** Of `up`: those whose link ended before it was hung up. */
  readonly lost: number;
  begin(session: number): void;
  /** Subscribers that the data thread says have come up or ended. */
  changed(sessions: Uint32Array): void;
  /** The call of a session has ended. */
  gone(session: number): void;
  /** Ends the link by a Terminate-Request, and the call when it is acknowledged. */
  close(session: number): void;
  /** Ends the calls of those whose Terminate-Request has not been acknowledged in time. */
  expire(): void;
}

interface Owner {
  /** Sends a data message in a session. */
  send(session: number, bytes: Uint8Array): void;
  up(session: number): void;
  hangUp(session: number): void;
}

/** Milliseconds in which a Terminate-Request is to be acknowledged. */
const patience = 1000;

export function createPppCalls(board: Board, ppp: PppBoard, owner: Owner): PppCalls {
  const { state, address } = ppp;
  const request = new Uint8Array(32);
  const failures = new Map<PppReason, number>();
  const holders = new Map<number, number>();
  const wasUp = new Uint8Array(board.sessions);
  /** Sessions that wait for a Terminate-Ack, oldest first. */
  const closing = new Map<number, number>();
  let duplicates = 0;
  let lost = 0;

  function cameUp(session: number): void {
    wasUp[session] = 1;
    const held = (holders.get(address[session]!) ?? 0) + 1;
    if (held === 2) duplicates++;
    holders.set(address[session]!, held);
    owner.up(session);
  }

  function ended(session: number): void {
    const reason = pppReasons[ppp.reason[session]!]!;
    if (!closing.delete(session)) {
      if (wasUp[session] === 1) lost++;
      else failures.set(reason, (failures.get(reason) ?? 0) + 1);
    }
    owner.hangUp(session);
  }

  return {
    failures,
    get duplicates() {
      return duplicates;
    },
    get lost() {
      return lost;
    },
    begin(session) {
      ppp.identifier[session] = 1;
      Atomics.store(state, session, pppState.link);
    },
    changed(sessions) {
      for (const session of sessions) {
        if (state[session] === pppState.ended) ended(session);
        else if (state[session] === pppState.up && wasUp[session] === 0) cameUp(session);
      }
    },
    gone(session) {
      if (state[session] !== pppState.ended) Atomics.store(state, session, pppState.ended);
      closing.delete(session);
      if (wasUp[session] === 0) return;
      const held = (holders.get(address[session]!) ?? 1) - 1;
      if (held <= 0) holders.delete(address[session]!);
      else holders.set(address[session]!, held);
    },
    close(session) {
      closing.set(session, performance.now() + patience);
      Atomics.store(state, session, pppState.closing);
      const length = putDataHeader(request, 0, board, ppp, session);
      ppp.sequence[session]!++;
      owner.send(session, request.slice(0, length + putTerminateRequest(request, length)));
    },
    expire() {
      const now = performance.now();
      for (const [session, due] of closing) {
        if (due > now) return;
        closing.delete(session);
        owner.hangUp(session);
      }
    },
  };
}
