/** For tests: one method's machine with its clock, and the two machines of a method joined by a line that loses packets. */

import { authenticatees, authenticators } from "../../src/ppp/auth/index.js";
import type { AuthContext, Authenticatee, Authenticator, AuthOutput, AuthState } from "../../src/ppp/auth/types.js";
import type { AuthProtocol, Judgement, LinkSettings, PeerCredentials } from "../../src/ppp/types.js";
import { seededNumbers, seededWords } from "../../src/random.js";

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
export const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

export const settings = (changes: Partial<LinkSettings> = {}): LinkSettings => ({
  mru: 1500,
  magicNumber: true,
  protocolFieldCompression: false,
  addressAndControlFieldCompression: false,
  authenticate: [],
  name: "here",
  passive: false,
  echoInterval: 0,
  echoFailures: 0,
  restartTimer: 3000,
  maxConfigure: 10,
  maxTerminate: 2,
  maxFailure: 5,
  authenticationTimeout: 60_000,
  rechallengeInterval: 0,
  ...changes,
});

export const client = (name: string, password: string, allow: readonly AuthProtocol[] = []): LinkSettings =>
  settings({ name, credentials: { password: octets(password), allow } });

export function seededBytes(seed: number): (length: number) => Uint8Array {
  const next = seededWords(seed);
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}

/** One machine: what is done to it, and what came of it since the last `take`. */
export interface Bench<Method> {
  readonly method: Method;
  now: number;
  readonly state: AuthState;
  handle(packet: Uint8Array): readonly AuthOutput[];
  /** Runs whatever becomes due in so many milliseconds. */
  pass(milliseconds: number): readonly AuthOutput[];
  judge(judgement: Judgement): readonly AuthOutput[];
  take(): readonly AuthOutput[];
}

function benchOf<Method extends Authenticator | Authenticatee>(
  method: Method,
  linkSettings: LinkSettings,
  seed: number,
  start: (context: AuthContext) => AuthState,
): Bench<Method> {
  const out: AuthOutput[] = [];
  const random = seededBytes(seed);
  const context = (): AuthContext => ({ settings: linkSettings, random, now: bench.now, out });
  const take = (): readonly AuthOutput[] => out.splice(0);
  const bench = {
    method,
    now: 1000,
    state: { deadline: undefined } as AuthState,
    take,
    handle(packet: Uint8Array) {
      method.handle(bench.state, packet, context());
      return take();
    },
    pass(milliseconds: number) {
      const end = bench.now + milliseconds;
      for (;;) {
        const { deadline } = bench.state;
        if (deadline === undefined || deadline > end) break;
        bench.now = Math.max(bench.now, deadline);
        method.expire(bench.state, context());
        if (bench.state.deadline === deadline) throw new Error(`the deadline ${deadline} stays`);
      }
      bench.now = end;
      return take();
    },
    judge(judgement: Judgement) {
      if ("judge" in method) method.judge(bench.state, judgement, context());
      return take();
    },
  };
  bench.state = start(context());
  return bench;
}

export function authenticator(
  protocol: AuthProtocol,
  linkSettings = settings(),
  { seed = 1, proxied }: { seed?: number; proxied?: PeerCredentials } = {},
): Bench<Authenticator> {
  const method = authenticators[protocol];
  return benchOf(method, linkSettings, seed, (context) => method.start(context, proxied));
}

export function authenticatee(
  protocol: AuthProtocol,
  linkSettings = client("user", "secret"),
  { seed = 2 } = {},
): Bench<Authenticatee> {
  const method = authenticatees[protocol];
  return benchOf(method, linkSettings, seed, (context) => method.start(context));
}

export const sent = (outputs: readonly AuthOutput[]): readonly Uint8Array[] =>
  outputs.flatMap((output) => (output.type === "send" ? [output.packet] : []));

export const dropped = (outputs: readonly AuthOutput[]): readonly string[] =>
  outputs.flatMap((output) => (output.type === "dropped" ? [output.reason] : []));

/** What is neither sent nor dropped. */
export const events = (outputs: readonly AuthOutput[]): readonly AuthOutput[] =>
  outputs.filter(({ type }) => type !== "send" && type !== "dropped");

export interface Conversation {
  readonly here: readonly AuthOutput[];
  readonly there: readonly AuthOutput[];
  readonly packets: number;
}

/**
 * The two machines of a method against each other over a line that loses `loss` of the packets and doubles some, for so
 * many milliseconds. `judge` is asked for each `authenticate`, and answers after a moment.
 */
export function converse(
  server: Bench<Authenticator>,
  peer: Bench<Authenticatee>,
  judge: (credentials: PeerCredentials) => Judgement,
  { loss = 0, seed = 1, milliseconds = 120_000, delay = 20 } = {},
): Conversation {
  const number = seededNumbers(seed);
  const here: AuthOutput[] = [];
  const there: AuthOutput[] = [];
  const queue: { at: number; run: () => void }[] = [];
  let packets = 0;
  let now = 0;
  const post = (packet: Uint8Array, deliver: (packet: Uint8Array) => void): void => {
    packets++;
    if (number() < loss) return;
    const copies = number() < loss / 2 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      queue.push({ at: now + delay + Math.floor(number() * delay * loss), run: () => deliver(packet) });
    }
  };
  const serverDid = (outputs: readonly AuthOutput[]): void => {
    for (const output of outputs) {
      if (output.type === "send") post(output.packet, (packet) => peerDid(peer.handle(packet)));
      else here.push(output);
      if (output.type === "authenticate") {
        const { credentials } = output;
        queue.push({ at: now + delay, run: () => serverDid(server.judge(judge(credentials))) });
      }
    }
  };
  const peerDid = (outputs: readonly AuthOutput[]): void => {
    for (const output of outputs) {
      if (output.type === "send") post(output.packet, (packet) => serverDid(server.handle(packet)));
      else there.push(output);
    }
  };
  const start = server.now;
  serverDid(server.take());
  peerDid(peer.take());
  while (now < milliseconds) {
    now += 10;
    server.now = start + now - 10;
    peer.now = start + now - 10;
    serverDid(server.pass(10));
    peerDid(peer.pass(10));
    for (const { run } of queue.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)) run();
    queue.splice(0, queue.length, ...queue.filter(({ at }) => at > now));
  }
  return { here, there, packets };
}
