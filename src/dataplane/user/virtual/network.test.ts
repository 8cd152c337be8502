import { describe, expect, it } from "vitest";
import { createVirtualNetwork, type VirtualNetworkOptions } from "./network.js";

/** Sends numbered datagrams a millisecond apart and tells which arrive when. */
function run(options: Partial<VirtualNetworkOptions>, count = 200): string[] {
  const network = createVirtualNetwork({ seed: 1, ...options });
  const arrived: string[] = [];
  network.attach("192.0.2.2:1", ({ bytes }) => arrived.push(`${bytes[0]}@${network.clock.now().toFixed(3)}`));
  const end = network.attach("192.0.2.1:1", () => {});
  for (let number = 0; number < count; number++) {
    end.send("192.0.2.2:1", Uint8Array.of(number));
    network.clock.runUntil(network.clock.now() + 1);
  }
  network.clock.runUntil(10_000);
  return arrived;
}
const numbers = (arrived: readonly string[]): number[] => arrived.map((text) => Number.parseInt(text, 10));

describe("virtual network", () => {
  it("is perfect unless told otherwise", () => {
    expect(run({ delay: 7 }, 3)).toEqual(["0@7.000", "1@8.000", "2@9.000"]);
  });

  it("does the same again with the same seed, and something else with another", () => {
    const conditions = { loss: 0.2, duplicate: 0.1, reorder: 0.1, jitter: 4 };
    expect(run(conditions)).toEqual(run(conditions));
    expect(run(conditions)).not.toEqual(run({ ...conditions, seed: 2 }));
  });

  it("loses, repeats and reorders about as often as it is told", () => {
    expect(run({ loss: 0.25 }).length).toBeGreaterThan(120);
    expect(run({ loss: 0.25 }).length).toBeLessThan(180);
    expect(run({ duplicate: 0.5 }).length).toBeGreaterThan(270);
    const order = numbers(run({ reorder: 0.2, reorderDelay: 2.5 }));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(order).toHaveLength(200);
  });

  it("has conditions by direction", () => {
    const network = createVirtualNetwork({ seed: 1 });
    const got: string[] = [];
    const one = network.attach("192.0.2.1:1", () => got.push("one"));
    const two = network.attach("192.0.2.2:1", () => got.push("two"));
    network.link(one.address, two.address, { loss: 1 });
    one.send(two.address, Uint8Array.of(1));
    two.send(one.address, Uint8Array.of(1));
    one.send("192.0.2.3:1", Uint8Array.of(1));
    network.clock.runUntil(10);
    expect(got).toEqual(["one"]);
    expect(network.counters).toMatchObject({ sent: 3, lost: 1, delivered: 1, unreachable: 1 });
    expect(() => network.attach("192.0.2.1:1", () => {})).toThrow(/in use/);
  });

  it("has a clock that does what is due in order and calls off what is not wanted", () => {
    const { clock } = createVirtualNetwork({ seed: 1 });
    const done: string[] = [];
    clock.at(5, () => done.push("five"));
    clock.at(3, () => {
      done.push("three");
      clock.at(4, () => done.push("four"));
    });
    clock.at(5, () => done.push("five again"));
    clock.at(4.5, () => done.push("never"))();
    expect(clock.next()).toBe(3);
    clock.runUntil(5);
    expect(done).toEqual(["three", "four", "five", "five again"]);
    expect([clock.now(), clock.next()]).toEqual([5, undefined]);
  });
});
