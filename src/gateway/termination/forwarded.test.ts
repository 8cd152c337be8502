import { describe, expect, test } from "vitest";
import { sourceOf } from "./forwarded.js";

describe("Tunnel-Client-Endpoint", () => {
  const ports = ["0.0.0.0:1701", "192.0.2.1:1702", "192.0.2.1:1701", "192.0.2.2:9", "[2001:db8::1]:1701"].map(
    (address) => ({ address }),
  );
  test.each([
    ["the port with the address", "192.0.2.2", "198.51.100.1:1701", "192.0.2.2:9"],
    ["of several that of L2TP", "192.0.2.1", "198.51.100.1:1701", "192.0.2.1:1701"],
    ["the one with the number, if it says one", "192.0.2.1:1702", "198.51.100.1:1701", "192.0.2.1:1702"],
    ["however an address is written", "2001:DB8:0::1", "[2001:db8::9]:1701", "[2001:db8::1]:1701"],
    ["none that cannot reach the LNS", "192.0.2.1", "[2001:db8::9]:1701", undefined],
    ["none where no port has it", "192.0.2.3", "198.51.100.1:1701", undefined],
    ["none for a name", "lac.example", "198.51.100.1:1701", undefined],
  ])("means %s", (_, wanted, remote, expected) => {
    expect(sourceOf(ports, wanted, remote)).toBe(expected);
  });
});
