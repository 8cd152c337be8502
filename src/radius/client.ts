/**
 * A RADIUS client (RFC 2865 §2.4, RFC 2866 §2, RFC 5080 §2.2.1), sans-IO. A request is sent to one server until it answers or
 * its tries are used up, then to the next; the first authentic answer to any of its transmissions ends it. What was asked
 * of a server that has turned out dead moves on without further tries. Whether a dead server is back is asked by Status-Server (RFC 5997),
 * or, where it does not know that, found out by a request.
 */
import { timingSafeEqual } from "node:crypto";
import { cancel, popDue, schedule, type Timed, type Timers } from "../timers.js";
import { u16 } from "../wire/octets.js";
import {
  authenticatorLength,
  codeOf,
  identifierOf as identifierIn,
  parseRadius,
  radiusCode,
  radiusLength,
} from "../wire/radius.js";
import { radiusAttributes } from "../wire/radius-attributes.js";
import { type Doubt, doubtAnswer } from "../wire/radius-authenticator.js";
import { isOf } from "../wire/radius-values.js";
import { encodeRequest, encodeStatus, saysDelay } from "./encode.js";
import { createIdentifiers, identifierOf, socketOf } from "./identifiers.js";
import { createServer, measured, nextServer, type Server, type ServerCounter, statusOf, toProbe } from "./servers.js";
import type { RadiusClient, RadiusOutput, RadiusRequest, RadiusServer, Service } from "./types.js";

export interface ClientOptions {
  /** Random bytes that cannot be guessed: authenticators are made of them. */
  readonly random: (length: number) => Uint8Array;
  /** 256 requests can be outstanding on each. */
  readonly mostSockets?: number;
  /** Requests that wait for an identifier; those beyond fail at once. */
  readonly longestQueue?: number;
}

const defaults = { mostSockets: 64, longestQueue: 65_536 } as const;
/** MRT of RFC 5080 §2.2.1. */
const longestWait = 16_000;
/** A request waits so long for an identifier. */
const patience = 30_000;
/** A server that has answered Status-Server once may leave so many unanswered before a request tries it. */
const mostSilent = 3;

/** A request from when it is made until it is answered, has failed or is cancelled. */
interface Pending extends Timed {
  readonly request: RadiusRequest;
  readonly since: number;
  readonly asked: Server[];
  /** The one of these whose turn it is. */
  server: Server | undefined;
  /** The last one is current; earlier ones may still be answered. */
  sent: Transmission[];
  /** Since when and how often the current server was sent it, and how long to wait now. */
  first: number;
  tries: number;
  wait: number;
  /** The current server was thought dead, and this tries it again. */
  probing: boolean;
  /** Why an answer was dropped, if one was. */
  doubt: Doubt | undefined;
  /** It is no request of anybody's: it asks this server whether it is alive. */
  readonly probe?: Server;
}

/** What holds an identifier. */
interface Transmission {
  readonly pending: Pending;
  readonly server: Server;
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly authenticator: Uint8Array;
  /** Seconds since the request was made, as Acct-Delay-Time has them. */
  readonly waited: number;
  readonly at: number;
  repeated: boolean;
}

type Code = Extract<RadiusOutput, { type: "answer" }>["code"];

/** What may answer (RFC 2865 §4, RFC 2866 §4.2), and where it is counted. */
const answers: Readonly<Record<Service, Readonly<Record<number, readonly [Code, ServerCounter]>>>> = {
  authentication: {
    [radiusCode.accessAccept]: ["accept", "accepts"],
    [radiusCode.accessReject]: ["reject", "rejects"],
    [radiusCode.accessChallenge]: ["challenge", "challenges"],
  },
  accounting: { [radiusCode.accountingResponse]: ["accounting-response", "responses"] },
};

export function createRadiusClient(options: ClientOptions): RadiusClient {
  const { random, mostSockets, longestQueue } = { ...defaults, ...options };
  const identifiers = createIdentifiers<Transmission>(mostSockets);
  const pendings = new Map<number, Pending>();
  /** Under way, or waiting for the dead time to end. */
  const probes = new Map<Server, Pending>();
  const timers: Timers<Pending> = [];
  const servers: Record<Service, Server[]> = { authentication: [], accounting: [] };
  const drops: Record<string, number> = {};
  /** Those that wait for an identifier, oldest first. */
  const queue = new Set<Pending>();
  let outputs: RadiusOutput[] = [];

  // --- The way of a request ---

  const candidates = ({ service, server: name }: RadiusRequest): readonly Server[] =>
    name === undefined ? servers[service] : servers[service].filter(({ config }) => config.name === name);

  /** Asks the first, or the next, server. */
  const advance = (pending: Pending, now: number): void => {
    const server = nextServer(candidates(pending.request), pending.asked, now);
    if (server === undefined) {
      fail(pending, whyFailed(pending));
      return;
    }
    pending.probing = toProbe(server, now);
    if (pending.probing) server.probed = true;
    pending.asked.push(server);
    pending.server = server;
    server.outstanding++;
    server.counters.requests++;
    pending.first = now;
    pending.tries = 0;
    pending.wait = server.config.timeout;
    transmit(pending, server, now);
  };

  /** Sends with a new identifier, as soon as there is one. */
  const transmit = (pending: Pending, server: Server, now: number): void => {
    const slot = identifiers.take() ?? reclaim(pending);
    if (slot === undefined) {
      enqueue(pending, now);
      return;
    }
    const waited = Math.floor((now - pending.since) / 1000);
    const encoded = encodeRequest(pending.request, identifierOf(slot), server.config.secret, random, waited);
    if ("malformed" in encoded) {
      identifiers.give(slot);
      fail(pending, `${encoded.reason} (${encoded.value})`);
      return;
    }
    const transmission = { pending, server, slot, waited, at: now, repeated: false, ...encoded };
    identifiers.own(slot, transmission);
    pending.sent.push(transmission);
    send(transmission, now);
  };

  /** The identifier that the request has had longest: an answer to that is no longer waited for. */
  const reclaim = (pending: Pending): number | undefined => pending.sent.shift()?.slot;

  const send = ({ pending, server, slot, bytes, authenticator }: Transmission, now: number): void => {
    const jitter = u16(authenticator, (2 * pending.tries++) % authenticator.length);
    schedule(timers, pending, now + pending.wait * jittered(jitter));
    outputs.push({ type: "send", socket: socketOf(slot), remote: server.address, bytes });
  };

  /** The same octets (RFC 5080 §2.2.1), unless Acct-Delay-Time has changed (RFC 2866 §5.2). */
  const retransmit = (pending: Pending, server: Server, now: number): void => {
    const transmission = pending.sent.at(-1)!;
    pending.wait = Math.min(2 * pending.wait, Math.max(longestWait, server.config.timeout));
    server.counters.retransmissions++;
    const waited = Math.floor((now - pending.since) / 1000);
    if (waited !== transmission.waited && identifiers.available && saysDelay(pending.request)) {
      transmit(pending, server, now);
      return;
    }
    transmission.repeated = true;
    send(transmission, now);
  };

  const timedOut = (pending: Pending, now: number): void => {
    if (pending.probe !== undefined) {
      probeTimedOut(pending, pending.probe, now);
      return;
    }
    if (queue.has(pending)) {
      fail(pending, "too many requests are outstanding");
      return;
    }
    const server = pending.server!;
    server.counters.timeouts++;
    const another = nextServer(candidates(pending.request), pending.asked, now) !== undefined;
    if (pending.tries < server.config.tries && (server.alive || !another)) {
      retransmit(pending, server, now);
      return;
    }
    if (server.heard < pending.first) thinkDead(server, now);
    leave(pending);
    advance(pending, now);
  };

  const thinkDead = (server: Server, now: number): void => {
    server.deadUntil = now + server.config.deadTime;
    if (server.config.statusServer === true) probeLater(server, now);
    if (server.alive) setAlive(server, false);
  };

  // --- Whether a dead server is back ---

  /** Requests leave it alone until Status-Server has had its say. */
  const probeLater = (server: Server, now: number): void => {
    server.deadUntil = Number.POSITIVE_INFINITY;
    const known = probes.get(server);
    if (known !== undefined) return;
    const probe = { ...newPending({ id: 0, service: server.service, attributes: [] }, now), probe: server };
    probes.set(server, probe);
    schedule(timers, probe, now + server.config.deadTime);
  };

  const endProbe = (probe: Pending, server: Server): void => {
    cancel(timers, probe);
    for (const { slot } of probe.sent) identifiers.give(slot);
    probe.sent = [];
    probes.delete(server);
  };

  /** Its dead time is over, or it has not answered. */
  const probeTimedOut = (probe: Pending, server: Server, now: number): void => {
    const asked = probe.sent.length > 0;
    endProbe(probe, server);
    if (server.alive || !servers[server.service].includes(server)) return;
    if (server.config.statusServer !== true) server.deadUntil = now;
    else if (!asked) sendProbe(probe, server, now);
    else {
      server.silent++;
      probeLater(server, now);
      if (!server.answersStatus || server.silent >= mostSilent) server.deadUntil = now;
    }
  };

  const sendProbe = (probe: Pending, server: Server, now: number): void => {
    const slot = identifiers.take();
    const { secret, timeout } = server.config;
    const encoded =
      slot === undefined ? undefined : encodeStatus(identifierOf(slot), secret, random(authenticatorLength));
    if (slot === undefined || encoded === undefined || "malformed" in encoded) {
      // Busy as we are with others: requests find out.
      server.deadUntil = now;
      return;
    }
    probes.set(server, probe);
    const transmission = { pending: probe, server, slot, waited: 0, at: now, repeated: false, ...encoded };
    identifiers.own(slot, transmission);
    probe.sent.push(transmission);
    server.counters.probes++;
    schedule(timers, probe, now + timeout);
    outputs.push({ type: "send", socket: socketOf(slot), remote: server.address, bytes: encoded.bytes });
  };

  const setAlive = (server: Server, alive: boolean): void => {
    server.alive = alive;
    const probe = alive ? probes.get(server) : undefined;
    if (probe !== undefined) endProbe(probe, server);
    outputs.push({ type: "server-state", server: server.config.name, service: server.service, alive });
  };

  /** The current server is it no longer. */
  const leave = (pending: Pending): void => {
    const { server } = pending;
    if (server === undefined) return;
    server.outstanding--;
    if (pending.probing) server.probed = false;
    pending.probing = false;
    pending.server = undefined;
  };

  const fail = (pending: Pending, reason: string): void => {
    outputs.push({ type: "failed", id: pending.request.id, reason });
    end(pending);
  };

  const end = (pending: Pending): void => {
    leave(pending);
    cancel(timers, pending);
    queue.delete(pending);
    pendings.delete(pending.request.id);
    for (const { slot } of pending.sent) identifiers.give(slot);
    pending.sent = [];
  };

  // --- The queue for identifiers ---

  const enqueue = (pending: Pending, now: number): void => {
    if (queue.size >= longestQueue) {
      fail(pending, "too many requests are outstanding");
      return;
    }
    queue.add(pending);
    schedule(timers, pending, now + patience);
  };

  const drain = (now: number): void => {
    for (const pending of queue) {
      if (!identifiers.available) return;
      queue.delete(pending);
      transmit(pending, pending.server!, now);
    }
  };

  // --- The way of an answer ---

  /** Answers why it is dropped, if it is. */
  const receive = (socket: number, remote: string, bytes: Uint8Array, now: number): string | undefined => {
    const length = radiusLength(bytes);
    if (typeof length !== "number") return "malformed";
    const transmission = identifiers.at(socket, identifierIn(bytes));
    if (transmission === undefined) return "unexpected";
    const { pending, server, authenticator } = transmission;
    if (server.address !== remote) return "remote";
    const answer = answers[server.service][codeOf(bytes)];
    if (answer === undefined) {
      server.counters.unexpected++;
      return "code";
    }
    const doubt = doubtAnswer(
      bytes.subarray(0, length),
      authenticator,
      server.config.secret,
      mustBeSigned(pending, server),
    );
    if (doubt !== undefined) {
      server.counters["bad-authenticators"]++;
      pending.doubt = doubt;
      return doubt;
    }
    const packet = parseRadius(bytes);
    if ("malformed" in packet) {
      server.counters.malformed++;
      return "malformed";
    }
    if (!transmission.repeated) measured(server, now - transmission.at);
    server.heard = now;
    if (!server.alive) setAlive(server, true);
    const [code, counter] = answer;
    if (pending.probe !== undefined) {
      server.answersStatus = true;
      server.silent = 0;
      return undefined;
    }
    // It is there, and left Status-Server unanswered: it does not know that.
    if (server.silent > 0) server.answersStatus = false;
    server.counters[counter]++;
    outputs.push({
      type: "answer",
      id: pending.request.id,
      code,
      attributes: packet.attributes,
      server: server.config.name,
      authenticator,
      secret: server.config.secret,
    });
    end(pending);
    return undefined;
  };

  const takeServers = (service: Service, configured: readonly RadiusServer[]): void => {
    servers[service] = configured.flatMap((config) => {
      const address = config[service];
      if (address === undefined) return [];
      const known = servers[service].find((server) => isSame(server, config, address));
      if (known === undefined) return [createServer(config, service, address)];
      known.config = config;
      return [known];
    });
  };

  return {
    request(request, now) {
      if (pendings.has(request.id)) throw new RangeError(`request ${request.id} is outstanding`);
      const pending = newPending(request, now);
      pendings.set(request.id, pending);
      drain(now);
      advance(pending, now);
    },
    cancel(id) {
      const pending = pendings.get(id);
      if (pending !== undefined) end(pending);
    },
    configure(configured, now) {
      takeServers("authentication", configured);
      takeServers("accounting", configured);
      for (const pending of [...pendings.values()]) {
        const known = servers[pending.request.service];
        for (const { server, slot } of pending.sent) if (!known.includes(server)) identifiers.give(slot);
        pending.sent = pending.sent.filter(({ server }) => known.includes(server));
        if (known.includes(pending.server!)) continue;
        leave(pending);
        queue.delete(pending);
        advance(pending, now);
      }
      drain(now);
    },
    handle({ socket, remote, bytes }, now) {
      const reason = receive(socket, remote, bytes, now);
      if (reason !== undefined) drops[reason] = (drops[reason] ?? 0) + 1;
      drain(now);
    },
    expire(now) {
      for (let pending = popDue(timers, now); pending !== undefined; pending = popDue(timers, now))
        timedOut(pending, now);
      drain(now);
    },
    deadline: () => timers[0]?.due,
    take() {
      const taken = outputs;
      outputs = [];
      return taken;
    },
    status: () => [...servers.authentication, ...servers.accounting].map(statusOf),
    drops: () => ({ ...drops }),
  };
}

const newPending = (request: RadiusRequest, now: number): Pending => ({
  request,
  since: now,
  asked: [],
  server: undefined,
  sent: [],
  first: now,
  tries: 0,
  wait: 0,
  probing: false,
  doubt: undefined,
  due: 0,
  slot: -1,
});

const eapMessage = radiusAttributes["EAP-Message"];

/** What answers EAP always is (RFC 3579 §3.2), whether a server is alive is said without. */
const mustBeSigned = ({ request, probe }: Pending, { service, config }: Server): boolean =>
  service === "authentication" &&
  probe === undefined &&
  (config.requireMessageAuthenticator !== false || request.attributes.some((each) => isOf(each, eapMessage)));

/** 1 + RAND of RFC 5080 §2.2.1, of 16 bits of an authenticator: it is as good as random, and the wait is no secret. */
const jittered = (bits: number): number => 0.9 + (0.2 * bits) / 0xffff;

const isSame = (server: Server, config: RadiusServer, address: string): boolean =>
  server.config.name === config.name && server.address === address && equal(server.config.secret, config.secret);

const equal = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

/** What an operator is told of answers that were dropped. */
const doubts: Readonly<Record<Doubt, string>> = {
  authenticator: "an answer was signed with another secret",
  "message-authenticator": "an answer had a wrong Message-Authenticator",
  "message-authenticator-missing": "an answer had no Message-Authenticator, which the server must be told to send",
};

function whyFailed({ asked, request, doubt }: Pending): string {
  if (asked.length === 0)
    return request.server === undefined ? `no server for ${request.service}` : `no server ${request.server}`;
  const names = asked.map(({ config }) => config.name).join(", ");
  return `no answer from ${names}${doubt === undefined ? "" : `: ${doubts[doubt]}`}`;
}
