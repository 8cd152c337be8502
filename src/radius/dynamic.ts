/**
 * The server for CoA- and Disconnect-Requests (RFC 5176), sans-IO. What is not authentic, or from nobody that is configured, is
 * dropped without an answer; a duplicate gets the answer that the first got (RFC 5080 §2.2.2).
 */
import { BlockList, isIP } from "node:net";
import {
  type Attribute,
  type Attributes,
  authenticatorLength,
  authenticatorOf,
  codeOf,
  encodeRadius,
  identifierOf,
  parseRadius,
  radiusCode,
  radiusLength,
} from "../wire/radius.js";
import { radiusAttributes } from "../wire/radius-attributes.js";
import { doubtRequest, messageAuthenticatorPlace, signAnswer } from "../wire/radius-authenticator.js";
import { attributeOf, firstOf, isOf } from "../wire/radius-values.js";
import { errorCause } from "./error-cause.js";
import type { DynamicAnswer, DynamicOutput, DynamicRequest, DynamicServer } from "./types.js";

export interface DynamicOptions {
  /** Whether a request without Message-Authenticator is dropped; one that is there must be right in any case. */
  readonly requireMessageAuthenticator?: boolean;
  /** How far Event-Timestamp may be from now, in milliseconds (RFC 5176 §6.3); `now` is then since the epoch. */
  readonly window?: number;
  /** How long an answer is kept for duplicates. */
  readonly lifetime?: number;
  /** Requests that are kept, for that, at one time; the oldest goes first. */
  readonly mostKept?: number;
  /** Requests without an answer yet; more are refused as Resources Unavailable. */
  readonly mostPending?: number;
}

const defaults = {
  requireMessageAuthenticator: false,
  window: 300_000,
  lifetime: 30_000,
  mostKept: 4096,
  mostPending: 1024,
} as const;

interface Kept {
  readonly id: number;
  readonly key: string;
  readonly remote: string;
  readonly identifier: number;
  readonly request: DynamicRequest;
  readonly until: number;
  answer: Uint8Array | undefined;
}

interface Client {
  readonly bits: number;
  readonly list: BlockList;
  readonly secret: Uint8Array;
}

const kinds: Readonly<Record<number, DynamicRequest["kind"]>> = {
  [radiusCode.coaRequest]: "coa",
  [radiusCode.disconnectRequest]: "disconnect",
};

const codes = {
  coa: { ack: radiusCode.coaAck, nak: radiusCode.coaNak },
  disconnect: { ack: radiusCode.disconnectAck, nak: radiusCode.disconnectNak },
} as const;

/** Service-Type (RFC 5176 §3.2). */
const authorizeOnly = 17;

export function createDynamicServer(options: DynamicOptions = {}): DynamicServer {
  const { requireMessageAuthenticator, window, lifetime, mostKept, mostPending } = { ...defaults, ...options };
  const drops: Record<string, number> = {};
  /** By who asked and identifier, oldest first. */
  const kept = new Map<string, Kept>();
  const pending = new Map<number, Kept>();
  let clients: readonly Client[] = [];
  let outputs: DynamicOutput[] = [];
  let lastId = 0;

  const drop = (reason: string): void => {
    drops[reason] = (drops[reason] ?? 0) + 1;
  };

  /** Answers why it is dropped, if it is. */
  const receive = (remote: string, bytes: Uint8Array, now: number): string | undefined => {
    const length = radiusLength(bytes);
    if (typeof length !== "number") return "malformed";
    const secret = secretOf(clients, remote);
    if (secret === undefined) return "client";
    const kind = kinds[codeOf(bytes)];
    if (kind === undefined) return "code";
    const doubt = doubtRequest(bytes.subarray(0, length), secret, requireMessageAuthenticator);
    if (doubt !== undefined) return doubt;

    const key = `${remote} ${identifierOf(bytes)}`;
    const known = kept.get(key);
    if (known && Buffer.compare(known.request.authenticator, authenticatorOf(bytes)) === 0) {
      if (known.answer !== undefined) outputs.push({ type: "send", remote, bytes: known.answer });
      return "duplicate";
    }

    const packet = parseRadius(bytes);
    if ("malformed" in packet) return "malformed";
    const stamp = firstOf(packet.attributes, "Event-Timestamp");
    if (stamp !== undefined && Math.abs(now - 1000 * stamp) > window) return "event-timestamp";

    if (known) forget(known);
    const { attributes, authenticator } = packet;
    const request: DynamicRequest = { kind, attributes, client: remote, secret, authenticator };
    const entry: Kept = {
      id: ++lastId,
      key,
      remote,
      identifier: packet.identifier,
      request,
      until: now + lifetime,
      answer: undefined,
    };
    keep(entry);
    const refusal = refusalOf(attributes, pending.size >= mostPending);
    if (refusal !== undefined) {
      respond(entry, { ok: false, errorCause: refusal });
      return undefined;
    }
    pending.set(entry.id, entry);
    outputs.push({ type: "request", id: entry.id, request });
    return undefined;
  };

  const keep = (entry: Kept): void => {
    if (kept.size >= mostKept) for (const oldest of first(kept.values())) forget(oldest);
    kept.set(entry.key, entry);
  };

  const forget = (entry: Kept): void => {
    kept.delete(entry.key);
    pending.delete(entry.id);
  };

  const respond = (entry: Kept, answer: DynamicAnswer): void => {
    const { remote, identifier, request } = entry;
    const bytes = encodeAnswer(request, identifier, answer);
    entry.answer = bytes;
    outputs.push({ type: "send", remote, bytes });
  };

  return {
    handle({ remote, bytes }, now) {
      const reason = receive(remote, bytes, now);
      if (reason !== undefined) drop(reason);
    },
    answer(id, answer) {
      const entry = pending.get(id);
      if (entry === undefined) {
        drop("answered too late");
        return;
      }
      pending.delete(id);
      respond(entry, answer);
    },
    expire(now) {
      for (const entry of kept.values()) {
        if (entry.until > now) break;
        forget(entry);
      }
    },
    deadline() {
      for (const { until } of first(kept.values())) return until;
      return undefined;
    },
    take() {
      const taken = outputs;
      outputs = [];
      return taken;
    },
    configure(configured) {
      clients = configured
        .map(({ address, secret }) => clientOf(address, secret))
        .sort((one, other) => other.bits - one.bits);
    },
    drops: () => ({ ...drops }),
  };
}

function* first<T>(values: Iterable<T>): Generator<T> {
  for (const value of values) {
    yield value;
    return;
  }
}

/** What is refused whoever it is about. */
function refusalOf(attributes: Attributes, overloaded: boolean): number | undefined {
  if (firstOf(attributes, "Service-Type") === authorizeOnly) return errorCause.unsupportedService;
  return overloaded ? errorCause.resourcesUnavailable : undefined;
}

const proxyState = radiusAttributes["Proxy-State"];

/** Proxy-State goes back as it came (RFC 5176 §3.1). */
function encodeAnswer(
  { kind, attributes, authenticator, secret }: DynamicRequest,
  identifier: number,
  answer: DynamicAnswer,
) {
  const cause: readonly Attribute[] = answer.ok ? [] : [attributeOf("Error-Cause", answer.errorCause)];
  const bytes = encodeRadius({
    code: codes[kind][answer.ok ? "ack" : "nak"],
    identifier,
    authenticator: new Uint8Array(authenticatorLength),
    attributes: [messageAuthenticatorPlace, ...cause, ...attributes.filter((attribute) => isOf(attribute, proxyState))],
  });
  // Proxy-State that filled a packet leaves no room for what is ours.
  if ("malformed" in bytes)
    return encodeAnswer({ kind, attributes: [], authenticator, secret, client: "" }, identifier, answer);
  signAnswer(bytes, authenticator, secret);
  return bytes;
}

function clientOf(address: string, secret: Uint8Array): Client {
  const [host = "", bits] = address.split("/");
  const longest = isIP(host) === 4 ? 32 : 128;
  const list = new BlockList();
  list.addSubnet(host, Number(bits ?? longest), isIP(host) === 4 ? "ipv4" : "ipv6");
  return { bits: Number(bits ?? longest), list, secret };
}

/** Of the longest prefix that has the sender. */
function secretOf(clients: readonly Client[], remote: string): Uint8Array | undefined {
  const host = remote.slice(0, remote.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host) === 6 ? "ipv6" : "ipv4";
  return clients.find(({ list }) => list.check(host, family))?.secret;
}
