/** What an accounting request says (RFC 2866, RFC 2869 §2.1). */
import type { Attribute } from "../../wire/radius.js";
import { attributesOf, type NamedValues } from "../../wire/radius-values.js";
import { callerValues, pppAttributes } from "./request-attributes.js";
import type { Accounted, TerminateCause, Usage } from "./types.js";

/** RFC 2866 §5.1. */
export const statusType = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const;

/** RFC 2866 §5.6. */
const authentic = { radius: 1, local: 2 } as const;

/** RFC 2866 §5.10. */
export const terminateCauses: Readonly<Record<TerminateCause, number>> = {
  "user-request": 1,
  "lost-carrier": 2,
  "lost-service": 3,
  "idle-timeout": 4,
  "session-timeout": 5,
  "admin-reset": 6,
  "admin-reboot": 7,
  "port-error": 8,
  "nas-error": 9,
  "nas-request": 10,
  "nas-reboot": 11,
  "port-unneeded": 12,
  "port-preempted": 13,
  "port-suspended": 14,
  "service-unavailable": 15,
  callback: 16,
  "user-error": 17,
  "host-request": 18,
};

/** An event in a session's life. Times in milliseconds since the epoch. */
export interface AccountingEvent {
  readonly status: "start" | "interim" | "stop";
  readonly session: Accounted;
  /** When it happened. */
  readonly at: number;
  readonly usage: Usage | undefined;
  readonly cause: TerminateCause | undefined;
}

const wordRange = 2 ** 32;

/** Counters of 64 bits are in two attributes (RFC 2869 §5.1); the upper one is there when it is not 0. */
function usageValues({ inBytes, outBytes, inPackets, outPackets }: Usage): NamedValues {
  return {
    "Acct-Input-Octets": inBytes % wordRange,
    "Acct-Output-Octets": outBytes % wordRange,
    "Acct-Input-Packets": inPackets % wordRange,
    "Acct-Output-Packets": outPackets % wordRange,
    "Acct-Input-Gigawords": gigawords(inBytes),
    "Acct-Output-Gigawords": gigawords(outBytes),
  };
}

const gigawords = (bytes: number): number | undefined =>
  bytes < wordRange ? undefined : Math.floor(bytes / wordRange) % wordRange;

const seconds = (milliseconds: number): number => Math.max(0, Math.floor(milliseconds / 1000));

/** `now`: when it is sent; later transmissions count their delay on top (RFC 2866 §5.2). */
export function accountingAttributes(event: AccountingEvent, now: number, nas: readonly Attribute[]): Attribute[] {
  const { session, status, at, usage, cause } = event;
  const own = attributesOf({
    "Acct-Status-Type": statusType[status],
    "User-Name": session.userName,
    "Framed-IP-Address": session.address,
    "Framed-IPv6-Prefix": session.ipv6Prefix,
    "Framed-Interface-Id": session.interfaceId,
    "Delegated-IPv6-Prefix": session.delegatedPrefix,
    Class: session.class,
    "Acct-Authentic": session.by === "local" ? authentic.local : authentic.radius,
    "Acct-Link-Count": session.links,
    "Event-Timestamp": seconds(at),
    "Acct-Delay-Time": seconds(now - at),
    ...callerValues(session.caller),
  });
  if (status !== "start") {
    own.push(
      ...attributesOf({
        "Acct-Session-Time": seconds(at - session.started),
        ...(usage && usageValues(usage)),
        "Acct-Terminate-Cause": cause && terminateCauses[cause],
      }),
    );
  }
  own.push(...nas, ...pppAttributes);
  return own;
}

/** Accounting-On and Accounting-Off (RFC 2866 §5.1): the NAS as a whole. Their session id is required (§5.5). */
export function nasEventAttributes(
  status: "on" | "off",
  session: string,
  at: number,
  now: number,
  nas: readonly Attribute[],
): Attribute[] {
  return [
    ...attributesOf({
      "Acct-Status-Type": statusType[status],
      "Acct-Session-Id": session,
      "Event-Timestamp": seconds(at),
      "Acct-Delay-Time": seconds(now - at),
      "Acct-Terminate-Cause": status === "off" ? terminateCauses["admin-reboot"] : undefined,
    }),
    ...nas,
  ];
}
