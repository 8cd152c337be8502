/** The operator's page has what the tables have. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { attributeName } from "../../wire/radius-attributes.js";
import { accountingAttributes } from "./accounting-attributes.js";
import { answerRows } from "./answer-attributes.js";
import { changingAttributes, namingRows } from "./change-attributes.js";
import { accessRequest } from "./remote.js";
import { nasAttributes } from "./request-attributes.js";
import type { Accounted, Caller } from "./types.js";

const page = readFileSync(new URL("../../../docs/aaa.md", import.meta.url), "utf8");

const caller: Caller = {
  session: "1",
  bundle: "2",
  callingNumber: "1",
  calledNumber: "1",
  nasPort: 1,
  nasPortId: "1",
  connectInfo: "1",
  agentCircuitId: "1",
  agentRemoteId: "1",
  tunnelClient: "192.0.2.1",
  tunnelServer: "192.0.2.2",
};
const nas = [
  ...nasAttributes({ nasIdentifier: "lns", nasAddress: "192.0.2.2" }),
  ...nasAttributes({ nasIdentifier: "lns", nasAddress: "2001:db8::2" }),
];
const session: Accounted = {
  caller,
  userName: "alice",
  class: [Uint8Array.of(1)],
  address: "192.0.2.3",
  ipv6Prefix: "2001:db8:1::/64",
  delegatedPrefix: "2001:db8:2::/56",
  interfaceId: "0000000000000001",
  links: 1,
  started: 0,
};
const many = 2 ** 40;

test("each attribute that is obeyed has its line", () => {
  for (const { attribute, means } of answerRows) expect(page).toContain(`| \`${attribute}\` | ${means} |`);
});

test("each attribute that names or changes a session is told of", () => {
  for (const name of [...Object.keys(namingRows), ...changingAttributes]) expect(page).toContain(`\`${name}\``);
});

test("each attribute that is sent is told of", () => {
  const numbers = { identifier: 1, challenge: new Uint8Array(16), response: new Uint8Array(49) };
  const credentials = [
    { method: "pap", name: "a", password: new Uint8Array(1) },
    { method: "chap-md5", name: "a", ...numbers },
    { method: "mschap", name: "a", ...numbers },
    { method: "mschapv2", name: "a", ...numbers },
    { method: "eap", name: "a", packet: new Uint8Array(5) },
  ] as const;
  const sent = [
    ...credentials.flatMap((each) => accessRequest({ caller, userName: "a", credentials: each }, nas).attributes),
    ...accountingAttributes(
      {
        status: "stop",
        session,
        at: 1,
        usage: { inBytes: many, outBytes: many, inPackets: 1, outPackets: 1 },
        cause: "user-request",
      },
      1,
      nas,
    ),
  ];
  for (const name of new Set(sent.map(attributeName))) expect(page).toContain(`\`${name}\``);
});
