/** Control connections so long-lived that Ns and Nr come round (RFC 2661 §5.8). */
import { describe, expect, test } from "vitest";
import { randomBytes } from "../../test/sim/l2tp-network.js";
import { open, type Pair, pair } from "../../test/sim/l2tp-two.js";
import { seededNumbers } from "../random.js";
import { restoreEndpoint } from "./endpoint.js";

const beforeWrap = 0xffff - 20;
/** Nothing is given up because of the losses. */
const limits = { setupTimeout: 1_000_000 };

/** Both ends stand a few messages before the numbers come round. */
function age({ lac, lns, network }: Pair): void {
  network.run(1000);
  for (const [node, hostName] of [
    [lac, "lac"],
    [lns, "lns"],
  ] as const) {
    const state = node.endpoint.snapshot();
    for (const { transport } of state.tunnels) {
      expect(transport.queue).toEqual([]);
      transport.una = beforeWrap;
      transport.nr = beforeWrap;
    }
    node.endpoint = restoreEndpoint(state, { hostName, limits, random: randomBytes(seededNumbers(7)) });
  }
}

test("what was delivered is told apart from what waits, however much that is", () => {
  const both = pair({}, { limits });
  const tunnel = open(both);
  const before = both.lac.endpoint.delivery(tunnel)!;
  expect(before.queued).toBe(before.acknowledged);
  for (let i = 0; i < 40_000; i++) both.lac.endpoint.openCall(tunnel, "incoming", {}, both.network.now);
  const { queued, acknowledged } = both.lac.endpoint.delivery(tunnel)!;
  expect([queued - before.queued, acknowledged]).toEqual([40_000, before.acknowledged]);
});

describe.each([0, 0.1, 0.3])("when the numbers come round, with a loss of %d", (loss) => {
  test.each([1, 4, 16])("and a receive window of %d, every call comes up and every CDN arrives", (receiveWindow) => {
    const settings = { receiveWindow, maxRetries: 20 };
    const both = pair(settings, { limits });
    const tunnel = open(both, settings);
    age(both);
    both.network.link = { loss, duplication: loss, reordering: loss, delay: 10 };
    const calls = Array.from({ length: 40 }, () =>
      both.lac.endpoint.openCall(tunnel, "incoming", {}, both.network.now),
    );
    both.network.settle(both.lac);
    both.network.run(400_000);
    expect(both.lac.endpoint.calls(tunnel).map(({ state }) => state)).toEqual(calls.map(() => "established"));
    expect(both.lac.endpoint.tunnel(tunnel)!.transport.ns).toBeLessThan(beforeWrap);
    for (const call of calls) both.lac.endpoint.closeCall(call!, { result: 3 }, both.network.now);
    both.network.settle(both.lac);
    both.network.run(400_000);
    for (const { endpoint } of [both.lac, both.lns]) {
      expect(endpoint.tunnels().map(({ calls, state }) => [calls, state])).toEqual([[0, "established"]]);
    }
  });
});
