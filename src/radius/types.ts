/**
 * RADIUS as its drivers see it (RFC 2865, RFC 2866, RFC 2869, RFC 5080, RFC 5176): a client machine that knows several servers, and
 * a server machine for what they send unasked (CoA, Disconnect).
 */
import type { Machine } from "../machine.js";
import type { Attributes } from "../wire/radius.js";

export type Service = "authentication" | "accounting";

/** Times in milliseconds. */
export interface RadiusServer {
  readonly name: string;
  /** ADDRESS:PORT by service; a server without one does not serve it. */
  readonly authentication: string | undefined;
  readonly accounting: string | undefined;
  readonly secret: Uint8Array;
  /** First wait for an answer; doubles each time up to 16 s, with jitter (RFC 5080 §2.2.1). */
  readonly timeout: number;
  /** Transmissions to this server before the next is asked. */
  readonly tries: number;
  /** How long a server that does not answer is asked last. */
  readonly deadTime: number;
  /** Whether its answers to authentication must have a Message-Authenticator; those to EAP always must. Default true. */
  readonly requireMessageAuthenticator?: boolean | undefined;
  /** Whether Status-Server (RFC 5997) tells when it is alive again; else a request is tried. Default false. */
  readonly statusServer?: boolean | undefined;
}

/** A request; the driver chooses the number and gets it back. */
export interface RadiusRequest {
  readonly id: number;
  readonly service: Service;
  readonly attributes: Attributes;
  /** User-Password is hidden under each server's secret when it is sent (RFC 2865 §5.2). */
  readonly password?: Uint8Array | undefined;
  /** The server that a conversation (EAP, State) began with is asked alone. */
  readonly server?: string | undefined;
}

export type RadiusOutput =
  /** `socket`: a number from 0; each has an identifier space of 256. The driver opens what it has not yet. */
  | { readonly type: "send"; readonly socket: number; readonly remote: string; readonly bytes: Uint8Array }
  | {
      readonly type: "answer";
      readonly id: number;
      readonly code: "accept" | "reject" | "challenge" | "accounting-response";
      readonly attributes: Attributes;
      readonly server: string;
      /** The request's authenticator and the server's secret reveal what is hidden in the answer. */
      readonly authenticator: Uint8Array;
      readonly secret: Uint8Array;
    }
  /** No server answered, or none is configured. */
  | { readonly type: "failed"; readonly id: number; readonly reason: string }
  | { readonly type: "server-state"; readonly server: string; readonly service: Service; readonly alive: boolean };

export interface ServerStatus {
  readonly name: string;
  readonly service: Service;
  readonly address: string;
  readonly alive: boolean;
  readonly outstanding: number;
  readonly counters: Readonly<Record<string, number>>;
  /** Smoothed round trip, milliseconds. */
  readonly roundTrip: number | undefined;
}

export interface RadiusClient
  extends Machine<{ readonly socket: number; readonly remote: string; readonly bytes: Uint8Array }, RadiusOutput> {
  request(request: RadiusRequest, now: number): void;
  cancel(id: number): void;
  configure(servers: readonly RadiusServer[], now: number): void;
  status(): readonly ServerStatus[];
  drops(): Readonly<Record<string, number>>;
}

/** A CoA or Disconnect request that is well-formed and authentic. */
export interface DynamicRequest {
  readonly kind: "coa" | "disconnect";
  readonly attributes: Attributes;
  readonly client: string;
  readonly secret: Uint8Array;
  readonly authenticator: Uint8Array;
}
/** Error-Cause (RFC 5176 §3.5). */
export type DynamicAnswer = { readonly ok: true } | { readonly ok: false; readonly errorCause: number };

export type DynamicOutput =
  | { readonly type: "request"; readonly id: number; readonly request: DynamicRequest }
  | { readonly type: "send"; readonly remote: string; readonly bytes: Uint8Array };

/** Duplicates (RFC 5080 §2.2.2) get the answer that the first got. */
export interface DynamicServer extends Machine<{ readonly remote: string; readonly bytes: Uint8Array }, DynamicOutput> {
  answer(id: number, answer: DynamicAnswer, now: number): void;
  configure(clients: readonly { readonly address: string; readonly secret: Uint8Array }[]): void;
  drops(): Readonly<Record<string, number>>;
}
