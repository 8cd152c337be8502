/** A RADIUS server behind sockets that are none, for tests of those who ask one. */
import type { OpenSocket } from "../../src/gateway/radius/index.js";
import { isMalformed } from "../../src/wire/malformed.js";
import { type Attributes, encodeRadius, parseRadius, type RadiusPacket, radiusCode } from "../../src/wire/radius.js";
import { messageAuthenticatorPlace, signAnswer } from "../../src/wire/radius-authenticator.js";
import { firstOf } from "../../src/wire/radius-values.js";

export interface FakeAnswer {
  readonly code: "accept" | "reject" | "challenge";
  readonly attributes?: Attributes;
}

export interface FakeRadius {
  readonly openSocket: OpenSocket;
  /** What has arrived, by service; each packet once. */
  readonly access: RadiusPacket[];
  readonly accounting: RadiusPacket[];
  /** Whether it answers at all. */
  up: boolean;
  /** What it answers to who asks for access. */
  judge: (request: RadiusPacket) => FakeAnswer;
  /** Whether it takes this accounting record. */
  takes: (request: RadiusPacket) => boolean;
}

const codes = {
  accept: radiusCode.accessAccept,
  reject: radiusCode.accessReject,
  challenge: radiusCode.accessChallenge,
} as const;

export const fakeSecret = new TextEncoder().encode("testing123");

export function fakeRadius(): FakeRadius {
  const fake: FakeRadius = {
    access: [],
    accounting: [],
    up: true,
    judge: () => ({ code: "accept" }),
    takes: () => true,
    openSocket: (_local, { message }) => ({
      send(remote, bytes) {
        if (!fake.up) return;
        const answer = answerTo(fake, bytes);
        if (answer) setImmediate(() => message(remote, answer));
      },
      close() {},
      local: () => "127.0.0.1:1",
    }),
  };
  return fake;
}

function answerTo(fake: FakeRadius, bytes: Uint8Array): Uint8Array | undefined {
  const request = parseRadius(bytes);
  if (isMalformed(request)) throw new Error(`request is malformed: ${request.reason}`);
  if (request.code === radiusCode.accountingRequest) {
    fake.accounting.push(request);
    return fake.takes(request) ? signed(request, radiusCode.accountingResponse, []) : undefined;
  }
  fake.access.push(request);
  const { code, attributes = [] } = fake.judge(request);
  return signed(request, codes[code], [messageAuthenticatorPlace, ...attributes]);
}

function signed({ identifier, authenticator }: RadiusPacket, code: number, attributes: Attributes): Uint8Array {
  const bytes = encodeRadius({ code, identifier, authenticator, attributes });
  if ("malformed" in bytes) throw new Error(`answer is malformed: ${bytes.reason}`);
  signAnswer(bytes, authenticator, fakeSecret);
  return bytes;
}

/** Acct-Status-Type and session of a record, as `stop 4711`. */
export function recordOf({ attributes }: RadiusPacket): string {
  const names: Readonly<Record<number, string>> = { 1: "start", 2: "stop", 3: "interim", 7: "on", 8: "off" };
  const status = names[firstOf(attributes, "Acct-Status-Type") ?? 0] ?? "unknown";
  return `${status} ${firstOf(attributes, "Acct-Session-Id")}`;
}
