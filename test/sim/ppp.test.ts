import { expect, test } from "vitest";
import { createEnd, utf8 } from "./ppp-end.js";
import { createWire } from "./ppp-wire.js";

test("a subscriber dials in by PAP, gets its addresses, and is hung up on", () => {
  const server = createEnd({
    seed: 1,
    link: { authenticate: ["pap"], name: "lns" },
    addresses: {
      ipv4: { local: "10.0.0.1", peer: "10.0.0.2", dns: ["192.0.2.53", "192.0.2.54"], nbns: [] },
      ipv6: { localInterfaceId: "0000000000000001", peerInterfaceId: "0000000000000002" },
    },
    judge: () => ({ verdict: "accept", message: "welcome" }),
  });
  const client = createEnd({
    seed: 2,
    link: { name: "joe", credentials: { password: utf8("secret"), allow: ["pap"] } },
    network: { client: true },
    addresses: {
      ipv4: { local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] },
      ipv6: { localInterfaceId: "0000000000000005", peerInterfaceId: undefined },
    },
  });
  const wire = createWire([server, client], 3);
  server.open(0);
  client.open(0);
  wire.run(1000);
  expect(server.events.slice(2)).toEqual([
    { type: "network", peerName: "joe" },
    { type: "ipv4-up", local: "10.0.0.1", peer: "10.0.0.2", dns: [] },
    { type: "ipv6-up", localInterfaceId: "0000000000000001", peerInterfaceId: "0000000000000002" },
  ]);
  expect(client.events.slice(1)).toEqual([
    { type: "network", peerName: undefined },
    { type: "ipv4-up", local: "10.0.0.2", peer: "10.0.0.1", dns: ["192.0.2.53", "192.0.2.54"] },
    { type: "ipv6-up", localInterfaceId: "0000000000000002", peerInterfaceId: "0000000000000001" },
  ]);
  server.close(wire.now);
  wire.run(20_000);
  expect(server.events.at(-1)).toEqual({ type: "down", reason: "closed", message: "bye" });
  expect(client.events.at(-1)).toEqual({ type: "down", reason: "peer-closed", message: "bye" });
});
