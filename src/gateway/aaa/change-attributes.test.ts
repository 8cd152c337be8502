import { expect, test } from "vitest";
import type { DynamicRequest } from "../../radius/types.js";
import { attributesOf, type NamedValues } from "../../wire/radius-values.js";
import { answerDynamic } from "./change-attributes.js";
import type { ProfileChange, SessionNames } from "./types.js";

const config = {
  nasIdentifier: "lns1",
  nasAddress: "192.0.2.2",
  filters: { slow: { up: undefined, down: { bitsPerSecond: 1e6, burst: 25_000 } } },
};

interface Asked {
  readonly names: SessionNames;
  readonly change?: ProfileChange;
}

function ask(kind: DynamicRequest["kind"], values: NamedValues, cause?: number) {
  const asked: Asked[] = [];
  const answer = answerDynamic(
    {
      kind,
      attributes: attributesOf(values),
      client: "c",
      secret: new Uint8Array(1),
      authenticator: new Uint8Array(16),
    },
    config,
    {
      change: (names, change) => {
        asked.push({ names, change });
        return cause;
      },
      disconnect: (names) => {
        asked.push({ names });
        return cause;
      },
    },
  );
  return { asked, answer };
}

test("a Disconnect names a session by all that is given", () => {
  const { asked, answer } = ask("disconnect", {
    "NAS-Identifier": "lns1",
    "NAS-IP-Address": "192.0.2.2",
    "User-Name": "alice",
    "Acct-Session-Id": "0001",
    "Framed-IP-Address": "10.0.0.1",
    "NAS-Port": 7,
    "Calling-Station-Id": "555",
    "Framed-IPv6-Prefix": "2001:db8::/64",
  });
  expect(answer).toEqual({ ok: true });
  expect(asked).toEqual([
    {
      names: {
        userName: "alice",
        session: "0001",
        address: "10.0.0.1",
        nasPort: 7,
        callingNumber: "555",
        ipv6Prefix: "2001:db8::/64",
      },
    },
  ]);
});

test.each<[string, NamedValues, ProfileChange]>([
  ["a profile by Filter-Id", { "Filter-Id": "slow" }, { filters: ["slow"], rates: config.filters.slow }],
  ["times", { "Session-Timeout": 5, "Idle-Timeout": 6 }, { sessionTimeout: 5000, idleTimeout: 6000 }],
  ["no end", { "Session-Timeout": 0 }, { sessionTimeout: Number.POSITIVE_INFINITY }],
  ["no limit", { "Mikrotik-Rate-Limit": "0/0" }, { rates: { up: undefined, down: undefined } }],
  [
    "a rate in one direction; the other has none",
    { "WISPr-Bandwidth-Max-Up": 800_000 },
    { rates: { up: { bitsPerSecond: 800_000, burst: 15_000 }, down: undefined } },
  ],
])("a CoA changes: %s", (_, values, change) => {
  const { asked, answer } = ask("coa", { "User-Name": "alice", ...values });
  expect(answer).toEqual({ ok: true });
  expect(asked).toEqual([{ names: { userName: "alice" }, change }]);
});

test.each<[string, DynamicRequest["kind"], NamedValues, number]>([
  ["a change in a Disconnect", "disconnect", { "User-Name": "a", "Session-Timeout": 5 }, 401],
  ["what cannot be changed", "coa", { "User-Name": "a", "Framed-Pool": "x" }, 401],
  ["no name", "disconnect", {}, 402],
  ["no name but a change", "coa", { "Session-Timeout": 5 }, 402],
  ["no change", "coa", { "User-Name": "a" }, 402],
  ["another NAS", "disconnect", { "NAS-Identifier": "lns2", "User-Name": "a" }, 403],
  ["another NAS's address", "disconnect", { "NAS-IP-Address": "192.0.2.3", "User-Name": "a" }, 403],
  ["Authorize Only", "coa", { "User-Name": "a", "Service-Type": 17 }, 405],
  ["a rate that is none", "coa", { "User-Name": "a", "Mikrotik-Rate-Limit": "fast" }, 407],
  ["a profile that there is not", "coa", { "User-Name": "a", "Filter-Id": "fast" }, 407],
  ["a name given twice", "disconnect", { "User-Name": ["a", "b"] }, 407],
])("%s is refused, and nobody is touched", (_, kind, values, errorCause) => {
  expect(ask(kind, values)).toEqual({ asked: [], answer: { ok: false, errorCause } });
});

test("what the gateway says is passed on", () => {
  expect(ask("disconnect", { "User-Name": "a" }, 503).answer).toEqual({ ok: false, errorCause: 503 });
});
